//! What runs beside the requests: reading the revocations, removing expired records, refreshing grants that fall due.

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stagedoor_flows::connect::Connect;
use stagedoor_flows::grant::Round;
use stagedoor_flows::revocation::{REFRESH_SECONDS, Revocations};
use stagedoor_flows::tokens::Tokens;
use stagedoor_flows::vault::{Vault, VaultError};
use tokio::time::MissedTickBehavior;

const PURGE: Duration = Duration::from_mins(1);

const RENEW: Duration = Duration::from_secs(5);

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
