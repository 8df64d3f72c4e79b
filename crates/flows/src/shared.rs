//! One call for any number of callers who ask for the same at the same time, and its answer for a while after.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use stagedoor_protocol::time::UnixMillis;

use crate::port::Clock;

/// How many different questions are remembered at once. A further one is asked without being remembered.
const MAX: usize = 10_000;

type Call<T> = Shared<BoxFuture<'static, T>>;

/// Calls under way and answers that are fresh.
pub(crate) struct SharedCalls<K, T: Clone> {
    entries: Arc<Mutex<HashMap<K, Entry<T>>>>,
    clock: Arc<dyn Clock>,
    /// How long an answer is kept, in milliseconds.
    keep: u64,
}

enum Entry<T: Clone> {
    /// Weak, so that a call ends when nobody waits for it any more.
    UnderWay(WeakShared<BoxFuture<'static, T>>),
    Answered {
        value: T,
        since: UnixMillis,
    },
}

impl<K, T> SharedCalls<K, T>
where
    K: Eq + Hash + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(clock: Arc<dyn Clock>, keep_seconds: u32) -> Self {
        Self { entries: Arc::default(), clock, keep: u64::from(keep_seconds) * 1000 }
    }

    /// Asks `call` unless somebody is asking already or the answer is fresh. What `keeps` refuses is not kept.
    pub(crate) async fn ask<F>(&self, key: K, call: impl FnOnce() -> F, keeps: fn(&T) -> bool) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        let under_way = {
            let mut entries = lock(&self.entries);
            match entries.get(&key) {
                Some(Entry::Answered { value, since }) if self.is_fresh(*since) => return value.clone(),
                Some(Entry::UnderWay(under_way)) if let Some(under_way) = under_way.upgrade() => under_way,
                _ => self.begin(&mut entries, key, call(), keeps),
            }
        };
        under_way.await
    }

    fn begin<F>(&self, entries: &mut HashMap<K, Entry<T>>, key: K, call: F, keeps: fn(&T) -> bool) -> Call<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        if entries.len() >= MAX {
            entries.retain(|_, entry| match entry {
                Entry::UnderWay(under_way) => under_way.upgrade().is_some(),
                Entry::Answered { since, .. } => self.is_fresh(*since),
            });
        }
        let (all, clock, keep, place) = (Arc::clone(&self.entries), Arc::clone(&self.clock), self.keep, key.clone());
        let under_way = async move {
            let value = call.await;
            let mut entries = lock(&all);
            if keep > 0 && keeps(&value) && entries.contains_key(&place) {
                entries.insert(place, Entry::Answered { value: value.clone(), since: clock.now() });
            } else {
                entries.remove(&place);
            }
            value
        };
        let under_way = under_way.boxed().shared();
        if let Some(weak) = under_way.downgrade().filter(|_| entries.len() < MAX) {
            entries.insert(key, Entry::UnderWay(weak));
        }
        under_way
    }

    /// Counted in both directions, because the clock may have been set back meanwhile.
    fn is_fresh(&self, since: UnixMillis) -> bool {
        self.clock.now().since(since).unsigned_abs() < self.keep
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
