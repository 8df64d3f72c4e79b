use async_trait::async_trait;
use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;

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
