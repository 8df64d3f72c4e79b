//! A store that forgets everything when it is dropped.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;

/// A store in the memory of this process, for tests and demonstrations.
///
/// It keeps the whole contract except for durability: what it holds dies with it. Nothing bounds its size but the
/// caller's own `expires` and [`purge`](Store::purge), and `remove_owned` and `purge` look at every record.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<Place, Record>,
    leases: BTreeMap<Place, Lease>,
    /// The last number given to a version or a fence. It never falls, so neither does any of them.
    last: u64,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before anything could panic, so a poisoned lock guards a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn remove_owned(&mut self, owner: Key, now: UnixMillis) -> u64 {
        let mut live = 0;
        self.records.retain(|_, record| {
            let theirs = record.draft.owner == Some(owner);
            live += u64::from(theirs && is_live(record, now));
            !theirs
        });
        live
    }

    fn live(&self, place: Place, now: UnixMillis) -> Option<&Record> {
        self.records.get(&place).filter(|record| is_live(record, now))
    }

    fn write(&mut self, draft: Draft) -> Write {
        let version = Version(self.next());
        self.records.insert(draft.place, Record { draft, version });
        Write::Done(version)
    }
}

fn is_live(record: &Record, now: UnixMillis) -> bool {
    record.draft.expires.is_none_or(|expires| expires > now)
}

#[async_trait::async_trait]
impl Store for Memory {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        let mut state = self.state();
        Ok(match state.live(draft.place, now) {
            Some(_) => Write::Refused,
            None => state.write(draft),
        })
    }

    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        Ok(self.state().live(place, now).cloned())
    }

    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        let mut state = self.state();
        Ok(match state.live(draft.place, now) {
            Some(record) if record.version == expected => state.write(draft),
            _ => Write::Refused,
        })
    }

    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        let mut state = self.state();
        Ok(match state.live(place, now) {
            Some(_) => state.records.remove(&place),
            None => None,
        })
    }

    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError> {
        Ok(self.state().records.remove(&place).is_some_and(|record| is_live(&record, now)))
    }

    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        Ok(self.state().remove_owned(owner, now))
    }

    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        let mut state = self.state();
        let found = state.live(place, now).map(|record| record.version);
        Ok((found == seen).then(|| state.remove_owned(owner, now)))
    }

    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        let place = |key| Place { shelf: on, key };
        let first = after.map_or(Bound::Included(place(Key([0; 32]))), |key| Bound::Excluded(place(key)));
        let state = self.state();
        let behind = state.records.range((first, Bound::Unbounded)).map(|(_, record)| record);
        Ok(behind
            .take_while(|record| record.draft.place.shelf == on)
            .filter(|record| is_live(record, now))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        let mut names: Vec<_> = self.state().records.keys().map(|place| place.shelf.0.to_owned()).collect();
        names.dedup();
        Ok(names)
    }

    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        let mut state = self.state();
        state.leases.retain(|_, lease| lease.until > now);
        let mut purged = 0;
        let expired = state.records.extract_if(.., |_, record| !is_live(record, now)).take(limit);
        expired.for_each(|_| purged += 1);
        Ok(purged)
    }

    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        let mut state = self.state();
        if state.leases.get(&place).is_some_and(|held| held.until > now) {
            return Ok(None);
        }
        let lease = Lease { place, fence: state.next(), until };
        state.leases.insert(place, lease.clone());
        Ok(Some(lease))
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.leases.get(&lease.place).is_some_and(|held| held.fence == lease.fence) {
            state.leases.remove(&lease.place);
        }
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
