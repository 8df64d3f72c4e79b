//! Items under keys that their flow composes, on shelves whose order means something.
//!
//! Such a key tells no more than it must: instants, and hashes for everything else.

use super::{Item, Kept, Terms, Vault, VaultError, hash, owner_key};
use crate::port::{Key, Lease, Place, Write};

/// An item and the key under which it lies.
#[derive(Debug)]
pub struct Entry<T> {
    /// The key.
    pub key: Key,
    /// The item. One that does not open is an error of its own.
    pub kept: Result<Kept<T>, VaultError>,
}

/// A hash of a text, to make keys of.
pub fn fingerprint(domain: &'static str, text: &str) -> Key {
    hash(domain, text)
}

impl Vault {
    /// Keeps a new item; says `false` where a live one lies already.
    pub async fn insert_at<T: Item>(&self, key: Key, item: &T, terms: Terms<'_>) -> Result<bool, VaultError> {
        let draft = self.draft(at::<T>(key), terms.owner.map(owner_key), terms.expires, item);
        Ok(matches!(self.store.insert(draft, self.now()).await?, Write::Done(_)))
    }

    /// Reads an item.
    pub async fn get_at<T: Item>(&self, key: Key) -> Result<Option<Kept<T>>, VaultError> {
        let record = self.store.get(at::<T>(key), self.now()).await?;
        record.map(|record| self.open(record)).transpose()
    }

    /// Removes an item; says whether it was there.
    pub async fn remove_at<T: Item>(&self, key: Key) -> Result<bool, VaultError> {
        Ok(self.store.remove(at::<T>(key), self.now()).await?)
    }

    /// Reads up to `limit` items in the order of their keys, behind `after`.
    pub async fn entries<T: Item>(&self, after: Option<Key>, limit: usize) -> Result<Vec<Entry<T>>, VaultError> {
        let records = self.store.list(T::SHELF, after, limit, self.now()).await?;
        Ok(records.into_iter().map(|record| Entry { key: record.draft.place.key, kept: self.open(record) }).collect())
    }

    /// Counts the items of a shelf, whether or not they open. Reads all of it, a page at a time.
    pub async fn count<T: Item>(&self) -> Result<u64, VaultError> {
        const PAGE: usize = 512;
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.store.list(T::SHELF, after, PAGE, self.now()).await?;
            count += page.len() as u64;
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.draft.place.key),
                _ => return Ok(count),
            }
        }
    }

    /// Leases a key for some seconds; `None` while somebody else holds it.
    pub async fn lease_at<T: Item>(&self, key: Key, seconds: i64) -> Result<Option<Lease>, VaultError> {
        let now = self.now();
        Ok(self.store.lease(at::<T>(key), now, now.plus_seconds(seconds)).await?)
    }
}

fn at<T: Item>(key: Key) -> Place {
    Place { shelf: T::SHELF, key }
}
