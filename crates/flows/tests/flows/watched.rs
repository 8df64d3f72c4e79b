//! A store on memory that remembers everything it was given, and fails or dawdles when told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;

/// How a call fails. Both are allowed by the contract: nothing is known about a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, but the answer is lost.
    After,
    /// It is done, but the answer takes eight seconds.
    Late,
    /// It is done once the store is healed.
    Waits,
    /// Nothing is done, and no answer comes: the process dies here.
    HangBefore,
    /// It is done, and no answer comes: the process dies here.
    HangAfter,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) fault: Fault,
    /// The number of the first call that fails, from 0.
    pub(crate) from: usize,
    /// The number of the first call that works again.
    pub(crate) until: usize,
}

#[derive(Default)]
pub(crate) struct Watched {
    memory: Memory,
    calls: AtomicUsize,
    plan: Mutex<Option<Plan>>,
    dawdling: AtomicBool,
    written: Mutex<Vec<Draft>>,
}

impl Watched {
    /// Counts from 0 again and follows `plan`.
    pub(crate) fn plan(&self, plan: Option<Plan>) {
        self.calls.store(0, Ordering::SeqCst);
        *self.plan.lock().unwrap() = plan;
    }

    /// Every call fails until [`Watched::heal`].
    pub(crate) fn down(&self) {
        self.plan(Some(Plan { fault: Fault::Before, from: 0, until: usize::MAX }));
    }

    pub(crate) fn heal(&self) {
        self.plan(None);
    }

    /// Every call lets the others go first, as a store at the end of a wire does.
    pub(crate) fn dawdle(&self) {
        self.dawdling.store(true, Ordering::SeqCst);
    }

    /// Looks at the store without any fault in the way.
    pub(crate) async fn undisturbed<T>(&self, look: impl Future<Output = T>) -> T {
        let (calls, plan) = (self.calls(), self.plan.lock().unwrap().take());
        let seen = look.await;
        *self.plan.lock().unwrap() = plan;
        self.calls.store(calls, Ordering::SeqCst);
        seen
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Every draft that was ever offered.
    pub(crate) fn written(&self) -> Vec<Draft> {
        self.written.lock().unwrap().clone()
    }

    /// The live records of a shelf.
    pub(crate) async fn shelf(&self, name: &'static str, now: UnixMillis) -> Vec<Record> {
        self.memory.list(Shelf(name), None, usize::MAX, now).await.unwrap()
    }

    /// The live records of every shelf that was ever written to.
    pub(crate) async fn everything(&self) -> Vec<Record> {
        let shelves: std::collections::BTreeSet<_> = self.written().iter().map(|draft| draft.place.shelf).collect();
        let mut records = Vec::new();
        for shelf in shelves {
            records.extend(self.memory.list(shelf, None, usize::MAX, UnixMillis(0)).await.unwrap());
        }
        records
    }

    async fn run<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.dawdling.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let plan = *self.plan.lock().unwrap();
        match plan.filter(|plan| (plan.from..plan.until).contains(&number)) {
            None => call.await,
            Some(Plan { fault: Fault::Before, .. }) => Err(lost()),
            Some(Plan { fault: Fault::After, .. }) => call.await.and(Err(lost())),
            Some(Plan { fault: Fault::Late, .. }) => {
                let answer = call.await;
                tokio::time::sleep(Duration::from_secs(8)).await;
                answer
            }
            Some(Plan { fault: Fault::Waits, .. }) => {
                while self.plan.lock().unwrap().is_some() {
                    tokio::task::yield_now().await;
                }
                call.await
            }
            Some(Plan { fault: Fault::HangBefore, .. }) => std::future::pending().await,
            Some(Plan { fault: Fault::HangAfter, .. }) => {
                let _ = call.await;
                std::future::pending().await
            }
        }
    }

    fn note(&self, draft: &Draft) {
        self.written.lock().unwrap().push(draft.clone());
    }
}

fn lost() -> StoreError {
    StoreError("the test says so".into())
}

#[async_trait::async_trait]
impl Store for Watched {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        self.note(&draft);
        self.run(self.memory.insert(draft, now)).await
    }

    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.run(self.memory.get(place, now)).await
    }

    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        self.note(&draft);
        self.run(self.memory.replace(draft, expected, now)).await
    }

    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.run(self.memory.take(place, now)).await
    }

    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError> {
        self.run(self.memory.remove(place, now)).await
    }

    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        self.run(self.memory.remove_owned(owner, now)).await
    }

    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        self.run(self.memory.remove_owned_if(owner, place, seen, now)).await
    }

    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        self.run(self.memory.list(on, after, limit, now)).await
    }

    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        self.run(self.memory.shelves()).await
    }

    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        self.run(self.memory.purge(now, limit)).await
    }

    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        self.run(self.memory.lease(place, now, until)).await
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.run(self.memory.release(lease)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.run(self.memory.ready()).await
    }
}
