//! What runs beside the requests: reading the revocations, removing expired records, refreshing grants that fall due,
//! sealing anew what previous secrets have sealed.

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use stagedoor_flows::connect::Connect;
use stagedoor_flows::grant::Round;
use stagedoor_flows::reseal::{Found, Reseal, Step};
use stagedoor_flows::revocation::{REFRESH_SECONDS, Revocations};
use stagedoor_flows::tokens::Tokens;
use stagedoor_flows::vault::{Vault, VaultError};
use tokio::time::{Instant, MissedTickBehavior};

const PURGE: Duration = Duration::from_mins(1);

const RENEW: Duration = Duration::from_secs(5);

/// How long after a walk the store is looked through again: replicas that have not been restarted yet still seal with
/// the secret that is a previous one here.
const RESEAL: Duration = Duration::from_hours(1);

/// How long a walk rests between two pages at least, while another process is at it, and after a failure.
const PACE: (Duration, Duration, Duration) =
    (Duration::from_millis(20), Duration::from_secs(5), Duration::from_secs(10));

/// Until the revocations have been read for the first time, this often.
const RETRY: Duration = Duration::from_secs(1);

/// Reads the revocations now and then; sets `known` once they have been read.
pub(crate) async fn refresh(revocations: Arc<Revocations>, known: Arc<AtomicBool>) {
    let mut trouble = Trouble::new("the revocations cannot be read; the last known ones count");
    loop {
        let read = revocations.refresh().await;
        trouble.note(read.as_ref().err());
        if let Ok(unreadable) = read {
            known.store(true, Ordering::Relaxed);
            tracing::debug!(unreadable, "the revocations have been read");
        }
        let wait = if known.load(Ordering::Relaxed) { Duration::from_secs(REFRESH_SECONDS) } else { RETRY };
        tokio::time::sleep(wait).await;
    }
}

/// Removes expired records now and then.
pub(crate) async fn purge(vault: Vault) {
    let mut trouble = Trouble::new("expired records cannot be removed");
    let mut every = tokio::time::interval(PURGE);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let purged = loop {
            match vault.purge().await {
                Ok(0) => break Ok(()),
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break Err(error),
            }
        };
        trouble.note(purged.as_ref().err());
    }
}

/// Seals anew what previous secrets have sealed, and says when none of them is needed any more.
pub(crate) async fn reseal(reseal: Option<Reseal>, outdated: Gauge<f64, AtomicU64>) {
    let Some(reseal) = reseal else {
        outdated.set(0.0);
        return;
    };
    let mut trouble = Trouble::new("records cannot be sealed anew; previous secrets are still needed");
    let mut before = None;
    loop {
        let found = walk(&reseal, &mut trouble).await;
        #[expect(clippy::cast_precision_loss, reason = "a gauge of Prometheus has no other numbers")]
        outdated.set(found.left as f64);
        if before.replace(found) != Some(found) {
            let Found { anew, left, unreadable } = found;
            tracing::info!(anew, left, unreadable, "what previous secrets have sealed was looked through");
        }
        tokio::time::sleep(RESEAL).await;
    }
}

/// Looks through the whole store once, however long the store takes. Half of the time it rests.
async fn walk(reseal: &Reseal, trouble: &mut Trouble) -> Found {
    let (pace, elsewhere, failure) = PACE;
    let mut walk = None;
    loop {
        let began = Instant::now();
        let step = match &mut walk {
            None => reseal.begin().await.map(|begun| {
                walk = Some(begun);
                Step::On
            }),
            Some(walk) => walk.step().await,
        };
        trouble.note(step.as_ref().err());
        tokio::time::sleep(match step {
            Ok(Step::End(found)) => return found,
            Ok(Step::On) => began.elapsed().max(pace),
            Ok(Step::Elsewhere) => elsewhere,
            Err(_) => failure,
        })
        .await;
    }
}

/// Which grants are refreshed ahead of their expiry, and how fast.
pub(crate) struct Renewal {
    pub(crate) tokens: Tokens,
    pub(crate) connect: Connect,
    pub(crate) per_second: NonZeroU32,
}

/// Refreshes grants that fall due. Of all processes on one store, one at a time does so.
pub(crate) async fn renew(renewal: Option<Renewal>) {
    let Some(Renewal { tokens, connect, per_second }) = renewal else { return };
    let zoom = rounds("the grants that fall due cannot be read or stored", || tokens.renew_due(per_second));
    // Beside and not behind: a third party that dawdles does not keep Zoom's tokens waiting.
    let others = async {
        if connect.providers().next().is_some() {
            rounds("the connections that fall due cannot be read or stored", || connect.renew_due(per_second)).await;
        }
    };
    tokio::join!(zoom, others);
}

async fn rounds<F: Future<Output = Result<Round, VaultError>>>(what: &'static str, renew_due: impl Fn() -> F) {
    let mut trouble = Trouble::new(what);
    loop {
        let round = renew_due().await;
        trouble.note(round.as_ref().err());
        if !round.is_ok_and(|round| round.more && round.begun > 0) {
            tokio::time::sleep(RENEW).await;
        }
    }
}

/// Logs a trouble when it begins and when it is over, not every time in between.
pub(crate) struct Trouble {
    what: &'static str,
    lasts: bool,
}

impl Trouble {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, lasts: false }
    }

    pub(crate) fn note(&mut self, error: Option<&VaultError>) {
        match error {
            Some(error) if !self.lasts => tracing::warn!(error = error as &dyn Error, "{}", self.what),
            None if self.lasts => tracing::info!("over: {}", self.what),
            _ => {}
        }
        self.lasts = error.is_some();
    }
}
