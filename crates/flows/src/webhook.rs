//! Webhooks: what Zoom says happened is verified, kept durably, answered, and then passed on in order.
//!
//! ```text
//! accept   verify ─▶ seen? ─▶ inbox ─▶ 200            one write, which is the de-duplication too
//! deliver            inbox ─▶ upstream, or archive ─▶ seen, and out of the inbox
//!                      └─ tried for days, then to the archive as a dead letter
//! ```
//!
//! **Once.** An event is its body: the key of its record is made of the body alone, so the insert of a second one is
//! refused, whoever brings it. What has left the inbox is remembered on another shelf. The timestamp and the signature
//! are no part of it, because Zoom may sign a retry anew and sends the same event to each subscription; nor is
//! `x-zm-request-id`, which nobody signs: a new one would let a replay through, and a known one would keep an event out.
//!
//! **In order.** Events of one [`Subject`] lie beside each other in the order of their `event_ts`, and of their arrival
//! where that is equal. One process at a time delivers a subject, under a lease, the first event first. While that one
//! fails, it holds back its own subject's events and no others.
//!
//! **Nothing lost.** Zoom gets its 200 after the event is stored. What fails here is answered 503, so that Zoom comes
//! again; it does not after a 4xx. A process that dies leaves the event in the inbox. An event may so reach the
//! upstream twice, with the same [`EventId`].

use std::sync::Arc;

use http::HeaderMap;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::WebhookSecret;
use stagedoor_protocol::time::UnixMillis;
use stagedoor_protocol::webhook::{
    ChallengeAnswer, Deauthorization, Event, MAX_AHEAD_SECONDS, Message, Verified, WINDOW_SECONDS, verify,
};

use crate::revocation::Revocations;
use crate::vault::{Vault, VaultError};

mod archive;
mod delivery;
mod error;
mod feed;
mod forward;
mod record;
mod removal;

pub use archive::{Archive, ArchiveTerms, Found, NotReplayed, State};
pub use delivery::{Delivery, Failed, Step, Swept, Turn};
pub use error::WebhookError;
pub use feed::{Feed, Heard, NoPosition, Position};
pub use forward::{ATTEMPT_SECONDS, Failure, Forward, forwarding_keys};
pub use record::{EventId, Subject};
pub use removal::{Erasure, Removals};

pub(crate) use record::INBOX;
use record::{Body, Removal, Seen, Waiting};

/// How long an event is remembered after it has left the inbox, in seconds. Zoom's last retry may be signed almost as
/// long after the event as the window is wide, and counts for another window.
pub const REMEMBER_SECONDS: i64 = 2 * (WINDOW_SECONDS + MAX_AHEAD_SECONDS);

/// Takes webhooks in.
#[derive(Clone)]
pub struct Webhooks {
    vault: Vault,
    revocations: Arc<Revocations>,
    secrets: Arc<[WebhookSecret]>,
    client_id: ClientId,
}

/// What became of a webhook. Whatever it is, Zoom gets a 200.
#[derive(Debug)]
pub enum Accepted {
    /// A URL validation, and its answer.
    Challenge(ChallengeAnswer),
    /// An event, which is stored now; its subject has something to deliver.
    Stored(Subject),
    /// An event that was accepted before.
    Duplicate,
    /// An event that is nobody's: the removal of another app, or of a user who had removed the app by then.
    Dropped(Dropped),
}

/// Why an authentic event is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It says that an app was removed, and does not name ours.
    OtherApp,
    /// Its user has removed the app since it happened.
    UserIsGone,
}

impl Webhooks {
    /// Builds the flow. `secrets` are Zoom's secret tokens of the app `client_id`.
    pub fn new(vault: Vault, revocations: Arc<Revocations>, secrets: Vec<WebhookSecret>, client_id: ClientId) -> Self {
        Self { vault, revocations, secrets: secrets.into(), client_id }
    }

    /// Takes a request in: its headers, and its body as it came. After `Ok` the event is safe, and Zoom may be told.
    pub async fn accept(&self, headers: &HeaderMap, body: &[u8]) -> Result<Accepted, WebhookError> {
        let now = self.vault.now();
        let verified = verify(&self.secrets, headers, body, now)?;
        match verified.read()? {
            Message::Validation(challenge) => Ok(Accepted::Challenge(challenge.answer())),
            Message::Event(event) => Ok(self.store(&verified, event, now).await?),
        }
    }

    async fn store(&self, verified: &Verified<'_>, event: Event, now: UnixMillis) -> Result<Accepted, VaultError> {
        let body = Body::new(verified.body());
        if self.vault.get_at::<Seen>(body.key()).await?.is_some() {
            return Ok(Accepted::Duplicate);
        }
        let signed = verified.signed().to_millis();
        let removal = match (event.name.as_str(), &event.deauthorization) {
            ("app_deauthorized", Some(removed)) if removed.client_id == self.client_id => {
                Some(Removal { user: removed.user.clone(), at: removed_at(removed, event.at, signed) })
            }
            ("app_deauthorized", _) => return Ok(Accepted::Dropped(Dropped::OtherApp)),
            _ => None,
        };
        if removal.is_none() && self.is_gone(&event, signed).await? {
            return Ok(Accepted::Dropped(Dropped::UserIsGone));
        }
        let subject = Subject::of(&event);
        let waiting = Waiting::new(&body, event, removal, now);
        let is_new = self.vault.insert_at(waiting.key(subject), &waiting, waiting.terms()).await?;
        // It may have been delivered, and its place freed, since the first look. The delivery drops the second one.
        let is_seen = is_new && self.vault.get_at::<Seen>(body.key()).await?.is_some();
        Ok(if is_new && !is_seen { Accepted::Stored(subject) } else { Accepted::Duplicate })
    }

    /// Whether the user of an event has removed the app since: what comes late must not bring back what was erased.
    async fn is_gone(&self, event: &Event, signed: UnixMillis) -> Result<bool, VaultError> {
        let Some(user) = &event.user else { return Ok(false) };
        let gone = self.revocations.not_before(user).await?;
        Ok(gone.is_some_and(|gone| event.at.unwrap_or(signed) <= gone))
    }
}

/// When the app was removed: the later of what the body says, as far as a retry that was signed at `signed` can speak
/// of it; else that instant. Zoom's own example names a time years before its signature.
fn removed_at(removed: &Deauthorization, event: Option<UnixMillis>, signed: UnixMillis) -> UnixMillis {
    let believable = |at: &UnixMillis| (-MAX_AHEAD_SECONDS..=REMEMBER_SECONDS).contains(&(signed.since(*at) / 1000));
    [removed.at, event].into_iter().flatten().filter(believable).max().unwrap_or(signed)
}
