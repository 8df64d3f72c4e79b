//! Items in the order of an instant: what is due first is read first, however many lie behind it.

use stagedoor_protocol::time::UnixMillis;

use super::{Item, Terms, Vault, VaultError, owner_key, place};
use crate::port::{Key, Place, Write};

/// An item of a queue.
#[derive(Debug)]
pub struct Queued<T> {
    /// The item. One that does not open is an error of its own.
    pub item: Result<T, VaultError>,
    /// When it is due.
    pub due: UnixMillis,
    place: Place,
}

/// Where in a queue an item lies, for reading on behind it.
#[derive(Clone, Copy, Debug)]
pub struct Position(Key);

impl<T> Queued<T> {
    /// Where it lies.
    pub fn position(&self) -> Position {
        Position(self.place.key)
    }
}

impl Vault {
    /// Puts an item into the queue of its shelf. The same item for the same instant lies there once.
    ///
    /// The instant is part of the place, so it is all that a dump of the store tells.
    pub async fn enqueue<T: Item>(
        &self,
        due: UnixMillis,
        key: &str,
        item: &T,
        terms: Terms<'_>,
    ) -> Result<(), VaultError> {
        let draft = self.draft(at::<T>(due, key), terms.owner.map(owner_key), terms.expires, item);
        match self.store.insert(draft, self.now()).await? {
            Write::Done(_) | Write::Refused => Ok(()),
        }
    }

    /// Reads up to `limit` items that are due by now, the first one first.
    pub async fn due<T: Item>(&self, after: Option<Position>, limit: usize) -> Result<Vec<Queued<T>>, VaultError> {
        let now = self.now();
        let records = self.store.list(T::SHELF, after.map(|Position(key)| key), limit, now).await?;
        let queued = records.into_iter().map(|record| {
            let place = record.draft.place;
            Queued { due: instant(place.key), place, item: self.open(record).map(|kept| kept.item) }
        });
        Ok(queued.take_while(|queued| queued.due <= now).collect())
    }

    /// Takes an item out of its queue.
    pub async fn dequeue<T: Item>(&self, queued: &Queued<T>) -> Result<(), VaultError> {
        self.store.remove(queued.place, self.now()).await?;
        Ok(())
    }
}

/// The instant comes first, in an order that is also that of the bytes; the hash behind it tells the items apart.
fn at<T: Item>(due: UnixMillis, key: &str) -> Place {
    let mut place = place::<T>(key);
    place.key.0[..8].copy_from_slice(&due.0.max(0).to_be_bytes());
    place
}

fn instant(key: Key) -> UnixMillis {
    let (head, _) = key.0.split_first_chunk::<8>().expect("a key has 32 bytes");
    UnixMillis(i64::from_be_bytes(*head))
}
