//! A store in a PostgreSQL database, for any number of gateways.
//!
//! Every verb is one statement, so one transaction, on a connection of a small pool. PostgreSQL commits what several
//! connections write in one wait for the disk.

mod schema;
mod session;
mod statement;
mod tls;
mod trouble;
mod url;

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, StoreError, Version, Write};
use stagedoor_protocol::time::UnixMillis;

use self::session::Sessions;
pub use self::trouble::{ConnectError, UrlError};
pub use self::url::PostgresUrl;

/// A store in a PostgreSQL database that any number of processes may share.
///
/// - A write is on the disk of the server when it returns, and on that of its synchronous standbys, if it has any:
///   `synchronous_commit` is switched on where it is weaker.
/// - A verb has five seconds. A server that does not answer by then, whatever the reason, is a failure, and so is one
///   that refuses connections; verbs work again, without a restart, when the server does.
/// - Where the connection is encrypted, the certificate of the server and its name are verified, always.
///
/// Everything lies in the schema `stagedoor` of the database. PostgreSQL 13 or newer.
#[derive(Debug)]
pub struct Postgres {
    sessions: Sessions,
}

impl Postgres {
    /// Connects to the database that `url` names and brings its schema up to date: of several processes that start
    /// together one does it, once. A newer schema, or one of another program, is left as it is and refused.
    pub async fn connect(url: &PostgresUrl) -> Result<Self, ConnectError> {
        let sessions = Sessions::new(url)?;
        schema::prepare(&sessions, schema::MIGRATIONS).await?;
        Ok(Self { sessions })
    }

    /// Connects as [`Self::connect`] to a database that a Stagedoor has used before, and refuses any other: looking
    /// makes nothing.
    pub async fn connect_to_existing(url: &PostgresUrl) -> Result<Self, ConnectError> {
        schema::find(&Sessions::new(url)?).await?;
        Self::connect(url).await
    }
}

#[async_trait::async_trait]
impl Store for Postgres {
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError> {
        Ok(statement::insert(&self.sessions, &draft, now).await?)
    }

    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        Ok(statement::get(&self.sessions, place, now).await?)
    }

    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError> {
        Ok(statement::replace(&self.sessions, &draft, expected, now).await?)
    }

    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError> {
        Ok(statement::take(&self.sessions, place, now).await?)
    }

    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError> {
        Ok(statement::remove(&self.sessions, place, now).await?)
    }

    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError> {
        Ok(statement::remove_owned(&self.sessions, owner, now).await?)
    }

    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        Ok(statement::remove_owned_if(&self.sessions, owner, (place, seen), now).await?)
    }

    async fn list(
        &self,
        on: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError> {
        Ok(statement::list(&self.sessions, (on, after), limit, now).await?)
    }

    async fn shelves(&self) -> Result<Vec<String>, StoreError> {
        Ok(statement::shelves(&self.sessions).await?)
    }

    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError> {
        Ok(statement::purge(&self.sessions, now, limit).await?)
    }

    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError> {
        Ok(statement::lease(&self.sessions, place, now, until).await?)
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        Ok(statement::release(&self.sessions, &lease).await?)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(statement::ready(&self.sessions).await?)
    }
}
