//! What is due: a queue in the store, in the order of time, and the rounds that work it off.
//!
//! The queue holds hints. What counts is the grant, which is read anew; so an entry too many costs a look, and one too
//! few makes the next user wait for a refresh.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde::{Deserialize, Serialize};

use super::flight::{Need, Verdict};
use super::{Holder, RefreshError, Refresher};
use crate::port::Shelf;
use crate::vault::{Item, Position, Queued, Terms, Vault, VaultError};

/// How long an entry that nobody has worked off is kept, in seconds: a month. Zoom's refresh tokens are dead by then.
const KEEP_SECONDS: i64 = 30 * 86_400;

/// How long one process has the queue for itself, in seconds.
const ROUND_SECONDS: i64 = 30;

/// How long a round takes up new entries.
const TAKING: Duration = Duration::from_secs(15);

/// How long it waits for the last of them.
const LANDING: Duration = Duration::from_secs(10);

/// How many entries are read at once.
const PAGE: usize = 64;

/// How many refreshes a round has under way.
const ABREAST: usize = 64;

/// When an entry whose grant does not open is looked at again, in seconds.
const UNREADABLE_SECONDS: i64 = 3_600;

/// The name of the lease that makes rounds take turns.
const ROUND: &str = "round";

/// An entry of the queue.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Due<T> {
    key: String,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T: Holder> Item for Due<T> {
    const SHELF: Shelf = T::DUE;
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How many refreshes it began.
    pub begun: u64,
    /// Whether it ended before the queue did.
    pub more: bool,
}

/// Puts an item into the queue, for its next look.
pub(crate) async fn schedule<T: Holder>(vault: &Vault, key: &str, item: &T) -> Result<(), VaultError> {
    let Some(at) = item.grant().next_look(vault.now()) else { return Ok(()) };
    let terms = Terms { owner: item.owner(), expires: Some(at.plus_seconds(KEEP_SECONDS)) };
    vault.enqueue(at, key, &Due::<T> { key: key.to_owned(), of: PhantomData }, terms).await
}

impl<T: Holder> Refresher<T> {
    /// Refreshes what is due, at most so many a second. Of all processes on one store, one at a time does so; the others
    /// get a round of nothing.
    pub async fn renew_due(&self, per_second: NonZeroU32) -> Result<Round, VaultError> {
        let Some(lease) = self.0.vault.lease::<Due<T>>(ROUND, ROUND_SECONDS).await? else {
            return Ok(Round::default());
        };
        let round = self.round(Duration::from_secs(1) / per_second.get()).await;
        // It ends by itself otherwise.
        let _ = self.0.vault.release(lease).await;
        round
    }

    async fn round(&self, pace: Duration) -> Result<Round, VaultError> {
        let mut landing = FuturesUnordered::new();
        let (mut round, mut waited, mut after) = (Round::default(), Duration::ZERO, None::<Position>);
        'round: loop {
            let page = self.0.vault.due::<Due<T>>(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.position());
            for queued in page {
                let Some(key) = self.look(&queued).await? else { continue };
                if waited >= TAKING || landing.len() >= ABREAST {
                    round.more = true;
                    break 'round;
                }
                let flight = self.fly(&key, Need { instead_of: None, used: false });
                landing.push(async move { (flight.await.err(), queued) });
                round.begun += 1;
                self.0.clock.sleep(pace).await;
                waited += pace;
                while let Some(Some((error, queued))) = futures_util::FutureExt::now_or_never(landing.next()) {
                    self.leave(error, &queued).await?;
                }
            }
        }
        let landed = async {
            while let Some((error, queued)) = landing.next().await {
                self.leave(error, &queued).await?;
            }
            Ok(())
        };
        match select(Box::pin(landed), self.0.clock.sleep(LANDING)).await {
            Either::Left((Err(error), _)) => Err(error),
            _ => Ok(round),
        }
    }

    /// The key of an entry whose grant is to be refreshed now. Other entries move to where they belong.
    async fn look(&self, queued: &Queued<Due<T>>) -> Result<Option<String>, VaultError> {
        let (now, vault) = (self.0.vault.now(), &self.0.vault);
        // An entry that does not open names no grant; it expires.
        let Ok(Due { key, .. }) = &queued.item else { return Ok(None) };
        let kept = match vault.get::<T>(key).await {
            Ok(kept) => kept,
            Err(error @ VaultError::Store(_)) => return Err(error),
            Err(_) => {
                let later = now.plus_seconds(UNREADABLE_SECONDS);
                let terms = Terms { owner: None, expires: Some(later.plus_seconds(KEEP_SECONDS)) };
                vault.enqueue(later, key, &Due::<T> { key: key.clone(), of: PhantomData }, terms).await?;
                vault.dequeue(queued).await?;
                return Ok(None);
            }
        };
        let next = kept.as_ref().and_then(|kept| kept.item.grant().next_look(now).map(|at| (at, kept)));
        if let Some((at, kept)) = next {
            if at <= now {
                let need = Need { instead_of: None, used: false };
                // While the issuer wants to be left alone, the entry stays.
                let begins = matches!(self.0.judge(&kept.item, &need, false), Verdict::Begin | Verdict::Wait);
                return Ok(begins.then(|| key.clone()));
            }
            self.0.schedule(key, &kept.item).await?;
        }
        vault.dequeue(queued).await?;
        Ok(None)
    }

    /// Takes an entry out whose refresh has ended; how it ended has put in another one, or needs none.
    async fn leave(&self, error: Option<RefreshError>, queued: &Queued<Due<T>>) -> Result<(), VaultError> {
        match error {
            Some(RefreshError::Busy { .. } | RefreshError::Vault(_)) => Ok(()),
            _ => self.0.vault.dequeue(queued).await,
        }
    }
}
