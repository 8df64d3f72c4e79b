//! Typed, sealed storage over the [`Store`] port.
//!
//! A key is hashed before it becomes a [`Place`], so that a dump of the store holds neither states nor user ids, and
//! the content is sealed with shelf, key and owner as associated data, so that no record can be moved or swapped.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::time::UnixMillis;
use zeroize::Zeroizing;

use crate::port::{Clock, Draft, Entropy, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use crate::seal::Sealer;

mod ordered;
mod queue;
mod reseal;

pub use ordered::{Entry, fingerprint};
pub use queue::{Position, Queued};
pub(crate) use reseal::{Resume, Sealing};

/// Something that is kept in the vault: a struct, its shelf, and no more.
pub trait Item: Serialize + DeserializeOwned + Send + Sync {
    /// The shelf it lies on.
    const SHELF: Shelf;
}

/// Typed, sealed storage.
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// An item that was read, with what is needed to replace it.
#[derive(Clone, Debug)]
pub struct Kept<T> {
    /// The item.
    pub item: T,
    place: Place,
    version: Version,
}

impl<T> Kept<T> {
    /// Changes with every write of the record.
    pub fn version(&self) -> Version {
        self.version
    }
}

/// Some items of a shelf.
#[derive(Debug)]
pub struct Page<T> {
    /// The items. One that does not open is an error of its own.
    pub items: Vec<Result<Kept<T>, VaultError>>,
    /// Where the next page begins; `None` behind the last one.
    pub next: Option<Cursor>,
}

/// How far a shelf has been read.
#[derive(Clone, Copy, Debug)]
pub struct Cursor(Key);

/// Why the vault has no answer.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store does not answer.
    #[error("the vault cannot reach its store")]
    Store(#[from] StoreError),
    /// A record does not open: sealed with a secret that is not configured any more, or changed in the store.
    #[error("a record on shelf {shelf} does not open with the configured secrets")]
    Sealed {
        /// The shelf.
        shelf: &'static str,
    },
    /// A record opens but does not read: written by a newer version.
    #[error("a record on shelf {shelf} does not read; a newer version of Stagedoor wrote it")]
    Content {
        /// The shelf.
        shelf: &'static str,
    },
}

/// How an item is kept: whose it is, and until when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// Whose it is; everything of an owner can be removed at once.
    pub owner: Option<&'a ZoomUserId>,
    /// Until when; `None` for ever.
    pub expires: Option<UnixMillis>,
}

impl Vault {
    /// Builds a vault; `sealer` is one of [`Purpose::Record`](crate::seal::Purpose::Record).
    pub fn new(store: Arc<dyn Store>, sealer: Arc<Sealer>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, sealer, clock, entropy }
    }

    /// The clock by which records expire.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The time by which records expire.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Keeps a new item; says `false` where a live one lies already.
    pub async fn insert<T: Item>(&self, key: &str, item: &T, terms: Terms<'_>) -> Result<bool, VaultError> {
        let draft = self.draft(place::<T>(key), terms.owner.map(owner_key), terms.expires, item);
        Ok(matches!(self.store.insert(draft, self.now()).await?, Write::Done(_)))
    }

    /// Reads an item.
    pub async fn get<T: Item>(&self, key: &str) -> Result<Option<Kept<T>>, VaultError> {
        let record = self.store.get(place::<T>(key), self.now()).await?;
        record.map(|record| self.open(record)).transpose()
    }

    /// Replaces an item that must not have changed since it was read; says `false` where it has.
    pub async fn replace<T: Item>(&self, kept: &Kept<T>, item: &T, terms: Terms<'_>) -> Result<bool, VaultError> {
        let draft = self.draft(kept.place, terms.owner.map(owner_key), terms.expires, item);
        Ok(matches!(self.store.replace(draft, kept.version, self.now()).await?, Write::Done(_)))
    }

    /// Replaces an item as [`Vault::replace`] does, and gives what is kept now; `None` where it has changed.
    pub async fn advance<T: Item>(
        &self,
        kept: &Kept<T>,
        item: T,
        terms: Terms<'_>,
    ) -> Result<Option<Kept<T>>, VaultError> {
        let draft = self.draft(kept.place, terms.owner.map(owner_key), terms.expires, &item);
        Ok(match self.store.replace(draft, kept.version, self.now()).await? {
            Write::Done(version) => Some(Kept { item, place: kept.place, version }),
            Write::Refused => None,
        })
    }

    /// Keeps an item whether or not one lies there. The last of several concurrent writers wins.
    pub async fn put<T: Item>(&self, key: &str, item: &T, terms: Terms<'_>) -> Result<(), VaultError> {
        let place = place::<T>(key);
        loop {
            let now = self.now();
            let draft = self.draft(place, terms.owner.map(owner_key), terms.expires, item);
            let write = match self.store.get(place, now).await? {
                Some(record) => self.store.replace(draft, record.version, now).await?,
                None => self.store.insert(draft, now).await?,
            };
            if matches!(write, Write::Done(_)) {
                return Ok(());
            }
        }
    }

    /// Removes and returns an item, at most once.
    pub async fn take<T: Item>(&self, key: &str) -> Result<Option<T>, VaultError> {
        let record = self.store.take(place::<T>(key), self.now()).await?;
        record.map(|record| self.open(record).map(|kept| kept.item)).transpose()
    }

    /// Removes an item; says whether it was there.
    pub async fn remove<T: Item>(&self, key: &str) -> Result<bool, VaultError> {
        Ok(self.store.remove(place::<T>(key), self.now()).await?)
    }

    /// Removes everything of an owner, on every shelf; returns how many records.
    pub async fn remove_owned(&self, owner: &ZoomUserId) -> Result<u64, VaultError> {
        Ok(self.store.remove_owned(owner_key(owner), self.now()).await?)
    }

    /// The version of an item, also of one that does not open.
    pub(crate) async fn version<T: Item>(&self, key: &str) -> Result<Option<Version>, VaultError> {
        Ok(self.store.get(place::<T>(key), self.now()).await?.map(|record| record.version))
    }

    /// Removes everything of an owner as [`Vault::remove_owned`] does, if one item of theirs has not changed since its
    /// version was read; `None` if it has.
    pub(crate) async fn remove_owned_if<T: Item>(
        &self,
        owner: &ZoomUserId,
        key: &str,
        seen: Option<Version>,
    ) -> Result<Option<u64>, VaultError> {
        Ok(self.store.remove_owned_if(owner_key(owner), place::<T>(key), seen, self.now()).await?)
    }

    /// Reads every record of a shelf, page by page in no meaningful order. One that does not open is an error of its
    /// own, so that the caller decides whether the others count.
    pub async fn list<T: Item>(&self) -> Result<Vec<Result<T, VaultError>>, VaultError> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(after, 256).await?;
            items.extend(page.items.into_iter().map(|kept| kept.map(|kept| kept.item)));
            after = page.next;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// Reads up to `limit` records of a shelf, so that a shelf of any length can be read in little memory.
    pub async fn page<T: Item>(&self, after: Option<Cursor>, limit: usize) -> Result<Page<T>, VaultError> {
        let records = self.store.list(T::SHELF, after.map(|Cursor(key)| key), limit, self.now()).await?;
        let next = records.last().filter(|_| records.len() == limit).map(|record| Cursor(record.draft.place.key));
        Ok(Page { items: records.into_iter().map(|record| self.open(record)).collect(), next })
    }

    /// Leases the place of an item for some seconds; `None` while somebody else holds it. A lease keeps others from
    /// trying; what they would write is kept out by the version that [`Vault::replace`] compares.
    pub async fn lease<T: Item>(&self, key: &str, seconds: i64) -> Result<Option<Lease>, VaultError> {
        let now = self.now();
        Ok(self.store.lease(place::<T>(key), now, now.plus_seconds(seconds)).await?)
    }

    /// Ends a lease early.
    pub async fn release(&self, lease: Lease) -> Result<(), VaultError> {
        Ok(self.store.release(lease).await?)
    }

    /// Says whether records can be written.
    pub async fn ready(&self) -> Result<(), VaultError> {
        Ok(self.store.ready().await?)
    }

    /// Removes expired records, a bounded number at a time; returns how many.
    pub async fn purge(&self) -> Result<u64, VaultError> {
        Ok(self.store.purge(self.now(), 1000).await?)
    }

    fn draft<T: Item>(&self, place: Place, owner: Option<Key>, expires: Option<UnixMillis>, item: &T) -> Draft {
        let plaintext = Zeroizing::new(serde_json::to_vec(item).expect("an item is a plain struct"));
        let mut draft = Draft { place, owner, sealed: Vec::new(), expires };
        draft.sealed = self.sealer.seal(&associated(&draft, &until(&draft)), &plaintext, &*self.entropy);
        draft
    }

    fn open<T: Item>(&self, record: Record) -> Result<Kept<T>, VaultError> {
        let Record { draft, version } = record;
        let name = T::SHELF.0;
        let plaintext = self
            .sealer
            .open(&associated(&draft, &until(&draft)), &draft.sealed)
            .map_err(|_| VaultError::Sealed { shelf: name })?;
        let item =
            serde_json::from_slice(&Zeroizing::new(plaintext)).map_err(|_| VaultError::Content { shelf: name })?;
        Ok(Kept { item, place: draft.place, version })
    }
}

/// What a record is bound to: shelf, key, owner and expiry.
fn associated<'a>(draft: &'a Draft, until: &'a [u8]) -> [&'a [u8]; 4] {
    let Draft { place, owner, .. } = draft;
    [place.shelf.0.as_bytes(), &place.key.0, owner.as_ref().map_or(&[][..], |owner| &owner.0), until]
}

fn until(draft: &Draft) -> Vec<u8> {
    draft.expires.map_or_else(Vec::new, |instant| instant.0.to_le_bytes().to_vec())
}

fn place<T: Item>(key: &str) -> Place {
    Place { shelf: T::SHELF, key: hash(T::SHELF.0, key) }
}

fn owner_key(owner: &ZoomUserId) -> Key {
    hash("owner", owner.as_str())
}

/// Plain SHA-256: keys are random or unguessable, and an unkeyed hash survives a change of the secret.
fn hash(domain: &str, key: &str) -> Key {
    let mut context = Context::new(&SHA256);
    context.update(&(domain.len() as u64).to_le_bytes());
    context.update(domain.as_bytes());
    context.update(key.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Key(bytes)
}
