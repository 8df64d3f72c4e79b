//! A store on a Redis or Valkey server.
//!
//! Each verb is one run of one Lua script (`redis/verbs.lua`), or one `GET`. All callers share a connection, so that
//! the server finds many verbs at once and waits for its disk once for all of them.

mod link;
mod record;
mod safety;
mod session;
mod trouble;
mod url;

use std::fmt;

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;

use self::link::Link;
use self::record::{instant, is_live, number, place};
pub use self::safety::Unsafe;
use self::session::Call;
pub use self::trouble::ConnectError;
use self::trouble::Trouble;
pub use self::url::{RedisUrl, UrlError};

/// How many records a script reads: some milliseconds, in which the server does nothing else.
const READ_AT_ONCE: usize = 256;

/// How many records a script removes. While 100,000 expired ones of 1 KB went, on two busy cores, a neighbour's read took
/// in the median and in the 99th of a hundred: with 16 at once 1 and 16 to 80 ms, with 64 at once 1 and 16 to 36 ms, with
/// 256 at once 18 and 67 to 83 ms. All were gone after 12 to 39 s, 4 to 5 s and 7 to 9 s: every script waits for the disk.
const REMOVED_AT_ONCE: usize = 64;

/// A store on a Redis server (7.0 or newer) or a Valkey server that any number of processes may share.
///
/// - A write is on the server's disk when it returns, unless its URL asks for less: a server that does not wait for
///   its disk, or forgets records when its memory is full, is refused, at the start and later.
/// - A verb that gets no answer within five seconds fails, and so does one that finds no connection; the next one
///   connects anew.
/// - While the server is full, read-only or reads its data, verbs fail.
/// - A server that comes back with other data than it had, or with none, is refused until a restart.
/// - A list of more than 256 records and a purge of more than 64 take several steps, which others may come between.
///
/// The server is one primary. What its replicas have not got yet is lost when one of them takes its place.
pub struct Redis {
    link: Link,
}

impl Redis {
    /// Connects, and makes sure that the server is fit to be a store. Where there is no data yet, it begins.
    pub async fn connect(url: RedisUrl) -> Result<Self, ConnectError> {
        Link::connect(url, true).await.map(|link| Self { link })
    }

    /// The same, but there must be data.
    pub async fn connect_to_existing(url: RedisUrl) -> Result<Self, ConnectError> {
        Link::connect(url, false).await.map(|link| Self { link })
    }

    async fn write(&self, call: Call) -> Result<Write, StoreError> {
        let version: Option<Vec<u8>> = self.link.run(call).await?;
        let Some(version) = version else { return Ok(Write::Refused) };
        let version = record::parse_number(&version).ok_or(Trouble::Foreign)?;
        Ok(Write::Done(Version(version)))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.link.address())
    }
}

/// What an insert and a replace end with.
fn content(call: Call, draft: &Draft) -> Call {
    call.with(record::expires(draft)).with(record::owner(draft)).with(&*draft.sealed)
}

fn read(at: Place, content: &[u8]) -> Result<Record, Trouble> {
    record::record(at.shelf, &place(at), content).ok_or(Trouble::Foreign)
}

#[async_trait::async_trait]
impl Store for Redis {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        let call = Call::new("insert").with(place(draft.place)).with(instant(now));
        self.write(content(call, &draft)).await
    }

    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        let Some(content) = self.link.get(record::key(place)).await? else { return Ok(None) };
        Ok(Some(read(place, &content)?).filter(|record| is_live(record, now)))
    }

    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        let call = Call::new("replace").with(place(draft.place)).with(instant(now)).with(number(expected.0));
        self.write(content(call, &draft)).await
    }

    async fn take(&self, at: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        let taken: Option<Vec<u8>> = self.link.run(Call::new("take").with(place(at)).with(instant(now))).await?;
        Ok(taken.map(|content| read(at, &content)).transpose()?)
    }

    async fn remove(&self, at: Place, now: UnixMillis) -> Result<bool, StoreError> {
        Ok(self.link.run(Call::new("remove").with(place(at)).with(instant(now))).await?)
    }

    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        Ok(self.link.run(Call::new("remove_owned").with(owner.0).with(instant(now))).await?)
    }

    async fn remove_owned_if(
        &self,
        owner: Key,
        at: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        let seen = seen.map(|version| number(version.0)).unwrap_or_default();
        let call = Call::new("remove_owned_if").with(owner.0).with(instant(now)).with(place(at)).with(seen);
        Ok(self.link.run(call).await?)
    }

    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        let (mut from, to) = record::behind(on, after);
        let mut listed = Vec::new();
        while listed.len() < limit {
            let count = READ_AT_ONCE.min(limit - listed.len());
            let call = Call::new("list").with(from).with(&*to).with(count.to_string()).with(instant(now));
            let page: Vec<Vec<u8>> = self.link.run(call).await?;
            let mut page = page.into_iter();
            let last = page.next().ok_or(Trouble::Foreign)?;
            while let Some((place, content)) = page.next().zip(page.next()) {
                listed.push(record::record(on, &place, &content).ok_or(Trouble::Foreign)?);
            }
            if last.is_empty() {
                break;
            }
            from = [b"(".as_slice(), &last].concat();
        }
        Ok(listed)
    }

    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.link.run(Call::new("shelves")).await?)
    }

    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        let (mut left, mut purged) = (limit, 0);
        while left > 0 {
            let count = REMOVED_AT_ONCE.min(left);
            let call = Call::new("purge").with(instant(now)).with(count.to_string());
            let (records, leases): (usize, usize) = self.link.run(call).await?;
            purged += records as u64;
            left -= count;
            if records < count && leases < count {
                break;
            }
        }
        Ok(purged)
    }

    async fn lease(&self, at: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        let call = Call::new("lease").with(place(at)).with(instant(now)).with(instant(until));
        let fence: Option<Vec<u8>> = self.link.run(call).await?;
        let lease = |fence: Vec<u8>| record::lease(at, &fence, until).ok_or(Trouble::Foreign);
        Ok(fence.map(lease).transpose()?)
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        Ok(self.link.run(Call::new("release").with(place(lease.place)).with(number(lease.fence))).await?)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(self.link.ready().await?)
    }
}
