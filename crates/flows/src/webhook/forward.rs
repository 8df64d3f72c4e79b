use std::sync::Arc;

use bytes::Bytes;
use stagedoor_protocol::time::UnixMillis;
use stagedoor_protocol::webhook::forward::{SigningKey, request};
use url::Url;

use super::record::Waiting;
use crate::port::{Entropy, Http, HttpError};
use crate::seal::{MasterSecret, Purpose, TooShort, derive_scalar};

/// How long one attempt may take at most, in seconds. The [`Http`] of a [`Forward`] gives up by then.
pub const ATTEMPT_SECONDS: i64 = 10;

/// The pause after the first failure, in milliseconds; it doubles with each further one.
const FIRST_PAUSE_MS: i64 = 1_000;

/// The longest pause, in milliseconds.
pub(super) const LONGEST_PAUSE_MS: i64 = 600_000;

/// Passes events on.
#[derive(Clone)]
pub struct Forward {
    /// Where to.
    pub url: Url,
    /// The keys that sign, the current one first.
    pub keys: Arc<[SigningKey]>,
    /// How.
    pub http: Arc<dyn Http>,
    /// For how long an event is tried, in seconds, before it becomes a dead letter.
    pub patience_seconds: i64,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The upstream answered with another status than 2xx.
    #[error("the upstream answered {0}")]
    Status(u16),
    /// There was no connection to the upstream.
    #[error("the upstream could not be reached")]
    Unreachable(#[source] HttpError),
    /// The upstream did not answer, or not in time.
    #[error("the upstream gave no answer")]
    NoAnswer(#[source] HttpError),
}

/// The keys that sign what is passed on, where the settings name none: derived from the deployment's secret and from
/// the previous ones.
pub fn forwarding_keys(current: &MasterSecret, previous: &[MasterSecret]) -> Result<Vec<SigningKey>, TooShort> {
    let derive = |secret| Ok(SigningKey::new(&*derive_scalar(secret, Purpose::Forward, 0)?));
    std::iter::once(current).chain(previous).map(derive).collect()
}

impl Forward {
    /// Offers an event once.
    pub(super) async fn attempt(&self, waiting: &Waiting, now: UnixMillis) -> Result<(), Failure> {
        let event = (waiting.id.as_str(), Bytes::copy_from_slice(waiting.body.as_bytes()));
        let answer = self.http.send(request(&self.url, &self.keys, event, now.to_seconds())).await;
        let answer = answer.map_err(|error| match error {
            HttpError::Connect { .. } => Failure::Unreachable(error),
            _ => Failure::NoAnswer(error),
        })?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(Failure::Status(status.as_u16())) }
    }

    pub(super) fn has_given_up(&self, waiting: &Waiting, now: UnixMillis) -> bool {
        now.since(waiting.received) >= self.patience_seconds.saturating_mul(1000)
    }
}

/// When to try again after so many attempts. Half of the pause is left to chance, so that what failed together does not
/// come back together.
pub(super) fn next_attempt(attempts: u32, now: UnixMillis, entropy: &dyn Entropy) -> UnixMillis {
    let doublings = attempts.saturating_sub(1).min(20);
    let pause = (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS);
    let chance = i64::from(u32::from_le_bytes(entropy.bytes()));
    now.plus_millis(pause / 2 + chance * (pause / 2) / i64::from(u32::MAX))
}
