//! What is due: a queue in the store, in the order of time, and the rounds that work it off.
//!
//! The queue holds hints. What counts is the grant, which is read anew; so an entry too many costs a look, and one too
//! few makes the next user wait for a refresh.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::time::UnixMillis;

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

/// How many entries are read at once, and how many times in one round.
const PAGE: usize = 64;
const PAGES: usize = 64;

/// How many refreshes a round has under way.
const ABREAST: usize = 64;

/// When somebody looks whether a refresh that a caller waited for came to an end, in seconds. Who refreshes ahead of
/// time has an entry already.
const WORD_SECONDS: i64 = 60;

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

type Abreast<T> = FuturesUnordered<BoxFuture<'static, (Option<RefreshError>, Queued<Due<T>>)>>;

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
    match item.grant().next_look(vault.now()) {
        Some(at) => enqueue::<T>(vault, key, item.owner(), at).await,
        None => Ok(()),
    }
}

/// Puts an item into the queue, for somebody to look whether its refresh came to an end.
pub(super) async fn leave_word<T: Holder>(vault: &Vault, key: &str, item: &T) -> Result<(), VaultError> {
    enqueue::<T>(vault, key, item.owner(), vault.now().plus_seconds(WORD_SECONDS)).await
}

async fn enqueue<T: Holder>(
    vault: &Vault,
    key: &str,
    owner: Option<&ZoomUserId>,
    at: UnixMillis,
) -> Result<(), VaultError> {
    let terms = Terms { owner, expires: Some(at.plus_seconds(KEEP_SECONDS)) };
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
        let mut abreast = FuturesUnordered::new();
        let begun = self.take_off(pace, &mut abreast).await?;
        let all_landed = async {
            while let Some((error, queued)) = abreast.next().await {
                self.settle(error.as_ref(), &queued).await?;
            }
            Ok(())
        };
        match select(Box::pin(all_landed), self.0.clock.sleep(LANDING)).await {
            Either::Left((Err(error), _)) => Err(error),
            _ => Ok(begun),
        }
    }

    /// Begins a refresh every `pace`, until the queue or the round is over.
    async fn take_off(&self, pace: Duration, abreast: &mut Abreast<T>) -> Result<Round, VaultError> {
        let (mut round, mut waited, mut after) = (Round::default(), Duration::ZERO, None::<Position>);
        for _ in 0..PAGES {
            let entries = self.0.vault.due::<Due<T>>(after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(round) };
            after = Some(last.position());
            for queued in entries {
                let Some(key) = self.look(&queued).await? else { continue };
                if waited >= TAKING || abreast.len() >= ABREAST {
                    return Ok(Round { more: true, ..round });
                }
                let flight = self.fly(&key, Need { instead_of: None, used: false });
                abreast.push(async move { (flight.await.err(), queued) }.boxed());
                round.begun += 1;
                self.0.clock.sleep(pace).await;
                waited += pace;
                while let Some(Some((error, queued))) = abreast.next().now_or_never() {
                    self.settle(error.as_ref(), &queued).await?;
                }
            }
        }
        Ok(Round { more: true, ..round })
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
                enqueue::<T>(vault, key, None, later).await?;
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
    async fn settle(&self, error: Option<&RefreshError>, queued: &Queued<Due<T>>) -> Result<(), VaultError> {
        match error {
            Some(RefreshError::Busy { .. } | RefreshError::Vault(_)) => Ok(()),
            _ => self.0.vault.dequeue(queued).await,
        }
    }
}
