//! The files in memory, up to a size.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use super::asset::Asset;

/// How many bytes are kept.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How many files are kept, whatever their size.
const MAX_FILES: usize = 10_000;

/// Files in memory, with the instant at which each was last compared with the disk.
#[derive(Default)]
pub(super) struct Cache(RwLock<Kept>);

#[derive(Default)]
struct Kept {
    files: HashMap<String, (Arc<Asset>, Instant)>,
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&self, name: &str) -> Option<(Arc<Asset>, Instant)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).files.get(name).cloned()
    }

    /// Keeps a file. When the cache is full it is emptied first: whatever is in use comes back at its next request.
    pub(super) fn put(&self, name: &str, asset: &Arc<Asset>, checked: Instant) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.remove(name);
        if kept.bytes + asset.weight() > MAX_BYTES || kept.files.len() >= MAX_FILES {
            *kept = Kept::default();
        }
        kept.bytes += asset.weight();
        kept.files.insert(name.to_owned(), (Arc::clone(asset), checked));
    }

    pub(super) fn forget(&self, name: &str) {
        // Most names that are not there never were: no need to keep readers out.
        if self.get(name).is_some() {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
    }
}

impl Kept {
    fn remove(&mut self, name: &str) {
        if let Some((asset, _)) = self.files.remove(name) {
            self.bytes -= asset.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(size: usize) -> Arc<Asset> {
        Arc::new(Asset::in_memory("a.bin", &vec![0; size].into(), None))
    }

    #[test]
    fn the_cache_never_holds_more_than_its_size() {
        let cache = Cache::default();
        for number in 0..200 {
            cache.put(&number.to_string(), &asset(1024 * 1024), Instant::now());
            assert!(cache.0.read().unwrap().bytes <= MAX_BYTES);
        }
        assert!(cache.get("199").is_some());
    }

    #[test]
    fn a_file_that_is_put_again_counts_once() {
        let cache = Cache::default();
        for _ in 0..10 {
            cache.put("a", &asset(1000), Instant::now());
        }
        let weight = cache.0.read().unwrap().bytes;
        assert_eq!(weight, asset(1000).weight());
        cache.forget("a");
        assert_eq!(cache.0.read().unwrap().bytes, 0);
    }
}
