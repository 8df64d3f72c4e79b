//! A store in one SQLite file.
//!
//! One thread writes. It takes whatever waits into one transaction and answers each caller after the commit, so that
//! many callers share one wait for the disk. A few threads read, each with its own connection. Other processes may
//! use the same file at the same time.

mod database;
mod reader;
mod schema;
mod statement;
mod trouble;
mod worker;
mod writer;

use std::path::Path;

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;

use self::database::Database;
pub use self::trouble::OpenError;
use self::worker::Worker;

/// How many threads read. More than the cores that a small server has gain nothing, and each holds a connection.
const READERS: usize = 2;

/// A store in one SQLite file that any number of processes of this machine may share.
///
/// - A write is on the disk when it returns (`synchronous = FULL`): nothing acknowledged is lost when the process is
///   killed or the power fails.
/// - A verb has five seconds. Where another process keeps the file locked for longer, or the disk does not answer, it
///   fails.
/// - While the disk is full, the file is away, or it cannot be written, verbs fail; they work again, without a
///   restart, when the cause is gone. A file that was replaced by another needs a restart.
/// - Dropping it finishes what has been handed to it, then closes the file. That may take as long as a verb.
///
/// Its verbs run on a Tokio runtime that has timers.
///
/// File systems that are mounted over a network do not lock reliably and are not for this store.
#[derive(Debug)]
pub struct Sqlite {
    // Dropped in this order: the writer closes last and leaves one file without a write-ahead log beside it.
    readers: Worker,
    writer: Worker,
}

impl Sqlite {
    /// Opens the database at `path`, and creates it where there is none; its directory must exist, so that a missing
    /// volume is noticed. A new file is readable for its owner only. A database of an older schema is migrated; one
    /// of a newer schema, or of another program, is left as it is and refused.
    ///
    /// Blocks, usually for some milliseconds.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        // Absolute, so that the file stays the same when the process changes its directory, and so that no name can
        // be one of those with a meaning for SQLite (`:memory:`, `file:…`).
        let given = path.as_ref();
        let path = std::path::absolute(given).map_err(|source| OpenError::other(given, source))?;
        let writer = Database::create(&path)?;
        let readers = (0..READERS).map(|_| Database::open_to_read(&path)).collect::<Result<Vec<_>, _>>()?;
        let started = writer::start(writer).and_then(|writer| Ok(Self { readers: reader::start(readers)?, writer }));
        started.map_err(|source| OpenError::other(&path, source))
    }
}

#[async_trait::async_trait]
impl Store for Sqlite {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        self.writer.call(move |connection| statement::insert(connection, &draft, now)).await
    }

    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.readers.call(move |connection| statement::get(connection, place, now)).await
    }

    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        self.writer.call(move |connection| statement::replace(connection, &draft, expected, now)).await
    }

    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        self.writer.call(move |connection| statement::take(connection, place, now)).await
    }

    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError> {
        self.writer.call(move |connection| statement::remove(connection, place, now)).await
    }

    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        self.writer.call(move |connection| statement::remove_owned(connection, owner, now)).await
    }

    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        self.writer.call(move |connection| statement::remove_owned_if(connection, owner, (place, seen), now)).await
    }

    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        self.readers.call(move |connection| statement::list(connection, (on, after), limit, now)).await
    }

    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        self.readers.call(statement::shelves).await
    }

    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        self.writer.call(move |connection| statement::purge(connection, now, limit)).await
    }

    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        self.writer.call(move |connection| statement::lease(connection, place, now, until)).await
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.writer.call(move |connection| statement::release(connection, &lease)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.call(|connection| statement::advance(connection).map(drop)).await
    }
}
