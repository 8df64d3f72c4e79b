use std::time::Duration;

use async_trait::async_trait;
use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;

/// A store that is down.
pub(crate) struct DeadStore;

fn down<T>() -> Result<T, StoreError> {
    Err(StoreError("connection refused".into()))
}

#[async_trait]
impl Store for DeadStore {
    async fn insert(&self, _: Draft, _: UnixMillis) -> Result<Write, StoreError> {
        down()
    }
    async fn get(&self, _: Place, _: UnixMillis) -> Result<Option<Record>, StoreError> {
        down()
    }
    async fn replace(&self, _: Draft, _: Version, _: UnixMillis) -> Result<Write, StoreError> {
        down()
    }
    async fn take(&self, _: Place, _: UnixMillis) -> Result<Option<Record>, StoreError> {
        down()
    }
    async fn remove(&self, _: Place, _: UnixMillis) -> Result<bool, StoreError> {
        down()
    }
    async fn remove_owned(&self, _: Key, _: UnixMillis) -> Result<u64, StoreError> {
        down()
    }
    async fn remove_owned_if(
        &self,
        _: Key,
        _: Place,
        _: Option<Version>,
        _: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        down()
    }
    async fn list(&self, _: Shelf, _: Option<Key>, _: usize, _: UnixMillis) -> Result<Vec<Record>, StoreError> {
        down()
    }
    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        down()
    }
    async fn purge(&self, _: UnixMillis, _: usize) -> Result<u64, StoreError> {
        down()
    }
    async fn lease(&self, _: Place, _: UnixMillis, _: UnixMillis) -> Result<Option<Lease>, StoreError> {
        down()
    }
    async fn release(&self, _: Lease) -> Result<(), StoreError> {
        down()
    }
    async fn ready(&self) -> Result<(), StoreError> {
        down()
    }
}

/// A store that answers, but late.
pub(crate) struct SlowStore {
    memory: Memory,
    by: Duration,
}

impl SlowStore {
    pub(crate) fn new(by: Duration) -> Self {
        Self { memory: Memory::new(), by }
    }

    async fn late<T>(&self, call: impl Future<Output = T>) -> T {
        tokio::time::sleep(self.by).await;
        call.await
    }
}

#[async_trait]
impl Store for SlowStore {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        self.late(self.memory.insert(draft, now)).await
    }
    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.late(self.memory.get(place, now)).await
    }
    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        self.late(self.memory.replace(draft, expected, now)).await
    }
    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.late(self.memory.take(place, now)).await
    }
    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError> {
        self.late(self.memory.remove(place, now)).await
    }
    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        self.late(self.memory.remove_owned(owner, now)).await
    }
    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        self.late(self.memory.remove_owned_if(owner, place, seen, now)).await
    }
    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        self.late(self.memory.list(on, after, limit, now)).await
    }
    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        self.late(self.memory.shelves()).await
    }
    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        self.late(self.memory.purge(now, limit)).await
    }
    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        self.late(self.memory.lease(place, now, until)).await
    }
    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.late(self.memory.release(lease)).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.late(self.memory.ready()).await
    }
}
