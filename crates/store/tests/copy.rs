//! Copying a store into another.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;
use stagedoor_store::copy::{CopyError, Side, copy, is_unfinished};

const NOW: UnixMillis = UnixMillis(1000);

/// A clock that goes on with every look at it.
fn clock() -> impl Fn() -> UnixMillis {
    let now = AtomicI64::new(NOW.0);
    move || UnixMillis(now.fetch_add(1, Ordering::Relaxed))
}

/// A store of which the test is told each write and list, and may do or refuse something first.
struct Watched<F> {
    memory: Memory,
    calls: AtomicU32,
    before: F,
}

impl<F: Fn(u32) -> Result<Option<Draft>, StoreError>> Watched<F> {
    fn new(before: F) -> Self {
        Self { memory: Memory::new(), calls: AtomicU32::new(0), before }
    }

    async fn call(&self) -> Result<(), StoreError> {
        if let Some(draft) = (self.before)(self.calls.fetch_add(1, Ordering::Relaxed))? {
            self.memory.insert(draft, NOW).await?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl<F: Fn(u32) -> Result<Option<Draft>, StoreError> + Send + Sync + 'static> Store for Watched<F> {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        self.call().await?;
        self.memory.insert(draft, now).await
    }
    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.memory.get(place, now).await
    }
    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        self.call().await?;
        self.memory.replace(draft, expected, now).await
    }
    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.memory.take(place, now).await
    }
    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError> {
        self.memory.remove(place, now).await
    }
    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        self.memory.remove_owned(owner, now).await
    }
    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        self.memory.remove_owned_if(owner, place, seen, now).await
    }
    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        self.call().await?;
        self.memory.list(on, after, limit, now).await
    }
    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        self.memory.shelves().await
    }
    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        self.memory.purge(now, limit).await
    }
    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        self.memory.lease(place, now, until).await
    }
    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.memory.release(lease).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.memory.ready().await
    }
}

fn place(shelf: &'static str, number: u16) -> Place {
    let mut key = [7; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    Place { shelf: Shelf(shelf), key: Key(key) }
}

fn draft(place: Place, sealed: &str) -> Draft {
    Draft { place, owner: None, sealed: sealed.into(), expires: None }
}

async fn insert(store: &dyn Store, draft: Draft) {
    assert!(matches!(store.insert(draft, NOW).await.expect("insert"), Write::Done(_)));
}

/// More records than are read at once, of every kind.
async fn fill(store: &dyn Store) {
    for number in 0..1200_u16 {
        let owner = number.is_multiple_of(2).then_some(Key([9; 32]));
        let expires = number.is_multiple_of(3).then_some(UnixMillis(i64::MAX));
        let place = place("installation", number);
        insert(store, Draft { place, owner, sealed: number.to_be_bytes().repeat(20), expires }).await;
    }
    insert(store, draft(place("revoked", 1), "not before")).await;
    insert(store, Draft { expires: Some(NOW), ..draft(place("attempt", 1), "over") }.clone()).await;
}

async fn everything(store: &dyn Store) -> Vec<Draft> {
    let mut all = Vec::new();
    for shelf in store.shelves().await.expect("shelves") {
        let records = store.list(Shelf(shelf.leak()), None, usize::MAX, NOW).await.expect("list");
        all.extend(records.into_iter().map(|record| record.draft));
    }
    all
}

fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::new())
}

async fn filled() -> Arc<dyn Store> {
    let store = memory();
    fill(&*store).await;
    store
}

#[tokio::test]
async fn every_live_record_is_copied_as_it_is() {
    let (old, new) = (filled().await, memory());
    old.lease(place("installation", 1), NOW, UnixMillis(i64::MAX)).await.unwrap().unwrap();
    let before = everything(&*old).await;
    let copied = copy(&old, &new, clock()).await.unwrap();
    let shelves = [("attempt", 0), ("installation", 1200), ("revoked", 1)];
    assert_eq!(copied.shelves, shelves.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(everything(&*new).await, before);
    assert_eq!(everything(&*old).await, before, "the old store is as it was");
    assert!(!is_unfinished(&*new, NOW).await.unwrap());
    let lease = new.lease(place("installation", 1), NOW, UnixMillis(i64::MAX)).await.unwrap();
    assert!(lease.is_some(), "who held a lease is gone");
}

#[tokio::test]
async fn a_store_in_use_is_refused_and_left_alone() {
    let (old, new) = (filled().await, memory());
    insert(&*new, draft(place("installation", 5000), "of somebody else")).await;
    assert!(matches!(copy(&old, &new, clock()).await, Err(CopyError::NotEmpty)));
    assert_eq!(everything(&*new).await.len(), 1);
}

#[tokio::test]
async fn what_has_expired_in_the_new_store_is_not_in_the_way() {
    let (old, new) = (filled().await, memory());
    insert(&*new, Draft { expires: Some(NOW), ..draft(place("installation", 1), "over") }).await;
    copy(&old, &new, clock()).await.unwrap();
    assert_eq!(everything(&*new).await, everything(&*old).await);
}

#[tokio::test]
async fn an_interrupted_copy_goes_on_and_ends_as_the_old_store_is_then() {
    let old = filled().await;
    // Fails at the three hundredth call, and at none after it.
    let new: Arc<dyn Store> = Arc::new(Watched::new(|call| match call {
        300 => Err(StoreError("the test says so".into())),
        _ => Ok(None),
    }));
    assert!(matches!(copy(&old, &new, clock()).await, Err(CopyError::Store(Side::New, _))));
    assert!(is_unfinished(&*new, NOW).await.unwrap(), "nobody serves from half a copy");
    assert!(matches!(copy(&new, &memory(), clock()).await, Err(CopyError::Unfinished)));

    // Somebody has served from the old store meanwhile: one left, one came, one changed.
    assert!(old.remove(place("installation", 0), NOW).await.unwrap());
    assert!(old.remove(place("installation", 1), NOW).await.unwrap());
    insert(&*old, draft(place("installation", 1), "changed")).await;
    insert(&*old, draft(place("installation", 5000), "new")).await;
    copy(&old, &new, clock()).await.unwrap();
    assert_eq!(everything(&*new).await, everything(&*old).await);
    assert!(!is_unfinished(&*new, NOW).await.unwrap());
}

#[tokio::test]
async fn a_gateway_that_still_writes_is_noticed() {
    // Between the list that is copied and the one that is compared.
    let old: Arc<dyn Store> = Arc::new(Watched::new(|call| match call {
        2 => Ok(Some(draft(place("installation", 2), "written meanwhile"))),
        _ => Ok(None),
    }));
    insert(&*old, draft(place("installation", 1), "there")).await;
    let new = memory();
    let error = copy(&old, &new, clock()).await.unwrap_err();
    assert!(matches!(error, CopyError::Changed(1)), "{error:?}");
    copy(&old, &new, clock()).await.unwrap();
    assert_eq!(everything(&*new).await, everything(&*old).await);
}
