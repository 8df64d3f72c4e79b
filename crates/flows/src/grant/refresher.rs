//! The machine: who asks gets a token that is good, and at most one caller refreshes it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, Shared, WeakShared, select};
use stagedoor_protocol::secret::AccessToken;
use stagedoor_protocol::time::UnixMillis;

use super::cache::Cache;
use super::flight::{Flight, Landed, Need, Verdict, terms};
use super::{Done, Driver, Errand, Grant, Holder, Issuer, RefreshError, Told};
use crate::port::{Clock, Entropy};
use crate::vault::{Kept, Vault, VaultError};

/// How long a caller waits for a refresh. The refresh goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How coarsely the last use of a grant is kept, in milliseconds: to the hour, which costs a busy user about as many
/// writes as two refreshes more a day.
const USED_MS: u64 = 3_600_000;

/// How often a note of a use is offered where the record changes meanwhile.
const NOTES: usize = 4;

/// Keeps grants alive. Clones share everything.
pub struct Refresher<T: Holder>(pub(super) Arc<Inner<T>>);

pub(super) struct Inner<T: Holder> {
    pub(super) vault: Vault,
    pub(super) issuer: Arc<dyn Issuer<T>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) driver: Arc<dyn Driver>,
    pub(super) cache: Cache<T>,
    pub(super) pauses: Pauses,
    flights: Mutex<Flights<T>>,
}

/// The refreshes under way in this process. Each leaves when it ends; the driver holds them, and whoever waits.
struct Flights<T> {
    under_way: HashMap<String, (u64, WeakShared<Flying<T>>)>,
    begun: u64,
}

type Flying<T> = BoxFuture<'static, Landed<T>>;
type InFlight<T> = Shared<Flying<T>>;

impl<T: Holder> Clone for Refresher<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Holder> Refresher<T> {
    /// Builds the machine. The clock is that of the vault.
    pub fn new(
        vault: Vault,
        issuer: Arc<dyn Issuer<T>>,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
        driver: Arc<dyn Driver>,
    ) -> Self {
        let (cache, pauses) = (Cache::default(), Pauses::default());
        let flights = Mutex::new(Flights { under_way: HashMap::new(), begun: 0 });
        Self(Arc::new(Inner { vault, issuer, clock, entropy, driver, cache, pauses, flights }))
    }

    /// A grant whose access token is good now.
    ///
    /// Where nothing is due this is one read of the store, or none within some seconds. A token that falls due soon is
    /// given while it is refreshed; only where it has expired does the caller wait, for ten seconds at most.
    pub async fn fresh(&self, key: &str) -> Result<Arc<T>, RefreshError> {
        let now = self.0.vault.now();
        if let Some(item) = self.0.cache.get(key, now).filter(|item| is_fresh(&**item, now)) {
            return Ok(item);
        }
        let kept = self.read(key).await?;
        if let Some((since, reason)) = kept.item.grant().ended() {
            return Err(RefreshError::NeedsReauth { since, reason });
        }
        if !kept.item.grant().serves(now) {
            return self.wait(key, Need { instead_of: None, used: true }).await;
        }
        let need = Need { instead_of: None, used: true };
        if matches!(self.0.judge(&kept.item, &need, false), Verdict::Begin) {
            // Driven to its end by the driver; nobody waits for it. It notes the use.
            drop(self.fly(key, need));
        } else {
            self.touch(key, &kept, now);
        }
        let item = Arc::new(kept.item);
        self.0.cache.put(key, Arc::clone(&item), now);
        Ok(item)
    }

    /// A grant with another access token than `refused`, which a server has just refused. Where another one is stored
    /// already, it is that; else the grant is refreshed before its time.
    ///
    /// Once a minute: where the newer token is refused, too, it comes back as it is, because it is not the token.
    pub async fn renewed_after(&self, key: &str, refused: &AccessToken) -> Result<Arc<T>, RefreshError> {
        self.0.cache.forget(key);
        let kept = self.read(key).await?;
        let need = Need { instead_of: Some(refused.clone()), used: true };
        match self.0.judge(&kept.item, &need, false) {
            Verdict::Done if kept.item.grant().serves(self.0.vault.now()) => Ok(Arc::new(kept.item)),
            Verdict::Done => self.wait(key, Need { instead_of: None, used: true }).await,
            Verdict::Fail(error) => Err(error),
            Verdict::Begin | Verdict::Wait => self.wait(key, need).await,
        }
    }

    /// Does a refresh for another process on the same store, if it is still called for. What became of the grant stands in
    /// the store; the rest comes back.
    pub async fn run_errand(&self, errand: &Errand) -> Done {
        let Ok(Kept { item, .. }) = self.read(&errand.key).await else { return Done::default() };
        let instead_of = errand.forced.then(|| item.grant().access.clone());
        let refusal = match self.fly(&errand.key, Need { instead_of, used: errand.used }).await {
            Err(RefreshError::Issuer { cause, retry_after }) => Some((Told::new(&cause), retry_after)),
            _ => None,
        };
        Done { left_alone: self.0.pauses.left(self.0.issuer.name(&item), self.0.vault.now()), refusal }
    }

    /// Forgets what was read of an item, because it is gone or another one now.
    pub fn forget(&self, key: &str) {
        self.0.cache.forget(key);
    }

    async fn read(&self, key: &str) -> Result<Kept<T>, RefreshError> {
        self.0.vault.get(key).await?.ok_or(RefreshError::Absent)
    }

    /// Waits for a refresh, the one under way or a new one.
    async fn wait(&self, key: &str, need: Need) -> Landed<T> {
        let refused = need.instead_of.clone();
        let landing = async {
            let landed = self.fly(key, need.clone()).await;
            // Who joined a refresh of less urgency may find that it had nothing to do.
            match &landed {
                Ok(item) if refused.as_ref() == Some(&item.grant().access) => self.fly(key, need).await,
                _ => landed,
            }
        };
        match select(Box::pin(landing), self.0.clock.sleep(PATIENCE)).await {
            Either::Left((landed, _)) => landed,
            Either::Right(_) => Err(RefreshError::Busy { retry_after: Duration::from_secs(2) }),
        }
    }

    /// The refresh of an item that is under way, or a new one, which ends whether or not somebody waits for it.
    pub(super) fn fly(&self, key: &str, need: Need) -> InFlight<T> {
        let mut flights = self.flights();
        if let Some(flight) = flights.under_way.get(key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        flights.begun += 1;
        let number = flights.begun;
        let leaving = Leaving { refresher: self.clone(), key: key.to_owned(), number };
        let flight = Flight { shared: Arc::clone(&self.0), key: key.to_owned(), need };
        let flight = async move {
            let _leaving = leaving;
            flight.run().await
        };
        let flight = flight.boxed().shared();
        flights.under_way.extend(flight.downgrade().map(|flight| (key.to_owned(), (number, flight))));
        drop(flights);
        self.0.driver.drive(Box::pin(flight.clone().map(drop)));
        flight
    }

    /// Notes once an hour that a grant is in use, so that it is kept fresh.
    fn touch(&self, key: &str, kept: &Kept<T>, now: UnixMillis) {
        if is_noted(kept.item.grant(), now) {
            return;
        }
        let (inner, kept, key) = (Arc::clone(&self.0), kept.clone(), key.to_owned());
        self.0.driver.drive(Box::pin(async move { inner.note_use(&key, kept, now).await }));
    }

    fn flights(&self) -> MutexGuard<'_, Flights<T>> {
        self.0.flights.lock().expect("no holder of this lock panics")
    }
}

impl<T: Holder> Inner<T> {
    /// Puts an item into the queue of what is due.
    pub(super) async fn schedule(&self, key: &str, item: &T) -> Result<(), VaultError> {
        super::due::schedule(&self.vault, key, item).await
    }

    /// A refresh that begins or ends meanwhile changes the record, and goes on from what is written here.
    async fn note_use(&self, key: &str, mut kept: Kept<T>, now: UnixMillis) {
        for _ in 0..NOTES {
            let mut item = kept.item.clone();
            item.grant_mut().used = now;
            match self.vault.advance(&kept, item.clone(), terms(&item)).await {
                Ok(Some(noted)) => {
                    let _ = self.schedule(key, &noted.item).await;
                    return;
                }
                Ok(None) => match self.vault.get(key).await {
                    Ok(Some(changed)) if !is_noted(Holder::grant(&changed.item), now) => kept = changed,
                    _ => return,
                },
                // The next use is noted.
                Err(_) => return,
            }
        }
    }
}

/// Takes a refresh out of those under way, also where it panics.
struct Leaving<T: Holder> {
    refresher: Refresher<T>,
    key: String,
    number: u64,
}

impl<T: Holder> Drop for Leaving<T> {
    fn drop(&mut self) {
        let mut flights = self.refresher.flights();
        if flights.under_way.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            flights.under_way.remove(&self.key);
        }
    }
}

/// Whether a use need not be noted: it is, or nothing will be refreshed.
fn is_noted(grant: &Grant, now: UnixMillis) -> bool {
    now.since(grant.used).unsigned_abs() < USED_MS || grant.refresh.is_none()
}

fn is_fresh<T: Holder>(item: &T, now: UnixMillis) -> bool {
    item.grant().serves(now) && !item.grant().is_due(now)
}

/// Until when issuers want to be left alone. As many as there are issuers.
#[derive(Default)]
pub(super) struct Pauses(Mutex<HashMap<String, Range<UnixMillis>>>);

impl Pauses {
    pub(super) fn set(&self, issuer: &str, now: UnixMillis, pause: Duration) {
        let until = now.plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        self.pauses().insert(issuer.to_owned(), now..until);
    }

    /// How long it lasts. A pause that began in the future ends when the clock is set back.
    pub(super) fn left(&self, issuer: &str, now: UnixMillis) -> Option<Duration> {
        let pauses = self.pauses();
        let pause = pauses.get(issuer).filter(|pause| pause.contains(&now))?;
        Some(Duration::from_millis(pause.end.since(now).unsigned_abs()))
    }

    fn pauses(&self) -> MutexGuard<'_, HashMap<String, Range<UnixMillis>>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}
