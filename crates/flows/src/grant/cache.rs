//! What was read a moment ago, so that a busy user costs the store one read in a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use stagedoor_protocol::time::UnixMillis;

/// How long an item counts as read, in milliseconds. A user who is gone is noticed this much later, which is within the
/// half minute that a revocation may take.
const LIFE_MS: u64 = 10_000;

/// How many items are remembered.
const CAPACITY: usize = 4_096;

pub(super) struct Cache<T>(Mutex<Entries<T>>);

type Entries<T> = HashMap<String, (UnixMillis, Arc<T>)>;

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cache<T> {
    pub(super) fn get(&self, key: &str, now: UnixMillis) -> Option<Arc<T>> {
        self.entries().get(key).filter(|(read, _)| is_recent(*read, now)).map(|(_, item)| Arc::clone(item))
    }

    pub(super) fn put(&self, key: &str, item: Arc<T>, now: UnixMillis) {
        let mut entries = self.entries();
        if entries.len() >= CAPACITY && !entries.contains_key(key) {
            entries.retain(|_, (read, _)| is_recent(*read, now));
            if entries.len() >= CAPACITY {
                entries.clear();
            }
        }
        entries.insert(key.to_owned(), (now, item));
    }

    pub(super) fn forget(&self, key: &str) {
        self.entries().remove(key);
    }

    fn entries(&self) -> MutexGuard<'_, Entries<T>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// Counted in both directions, because the clock may have been set back meanwhile.
fn is_recent(read: UnixMillis, now: UnixMillis) -> bool {
    now.since(read).unsigned_abs() < LIFE_MS
}
