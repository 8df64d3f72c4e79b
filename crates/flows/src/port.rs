//! The only four ways out of a flow: storage, HTTP, the clock and entropy.
//!
//! Each port is a small trait that is used as `Arc<dyn …>`. Production implementations live in `store`, `gateway`
//! and `cli`; tests script them.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use stagedoor_protocol::time::UnixMillis;

/// Tells the time, and lets it pass.
pub trait Clock: Send + Sync + 'static {
    /// The current instant. It jumps where somebody sets the clock.
    fn now(&self) -> UnixMillis;

    /// Waits. What is waited is real time, whatever becomes of [`Clock::now`] meanwhile.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// Ends when the time has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Gives cryptographically secure random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Sends one HTTP request and reads the whole answer.
///
/// Implementations follow no redirect and enforce limits on connecting, on the whole exchange and on the size of the
/// answer. A request may bring its own [`Deadline`].
#[async_trait::async_trait]
pub trait Http: Send + Sync + 'static {
    /// Sends `request` and returns the answer, whatever its status.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError>;
}

/// How long the whole exchange may take, instead of what is usual: an extension of a request ([`http::Extensions`]) whose
/// answer is lost for good where nobody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Duration);

/// Why no complete answer came. Whether the other side acted on the request is unknown, except for `Connect`.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection could be made; the request was not sent.
    #[error("cannot connect to {host}")]
    Connect {
        /// The host that was called, without a path or query.
        host: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
    /// The deadline passed.
    #[error("no answer from {host} in time")]
    Timeout {
        /// The host that was called.
        host: String,
    },
    /// The connection broke or the answer was not HTTP.
    #[error("broken answer from {host}")]
    Broken {
        /// The host that was called.
        host: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
    /// The answer was larger than the limit.
    #[error("answer from {host} is too large")]
    TooLarge {
        /// The host that was called.
        host: String,
    },
}

/// Any error underneath a port.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A compartment of the store. Names are part of the stored data and of its associated data: never rename one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shelf(pub &'static str);

impl Shelf {
    /// The shelf whose name a store gives. Every name is remembered for as long as the process lives; there are few.
    pub fn of(name: &str) -> Self {
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Self(known);
        }
        let lasting: &'static str = name.to_owned().leak();
        names.insert(lasting);
        Self(lasting)
    }
}

/// Where a record lies. The key is a hash (see [`crate::vault`]), so that a dump of the store names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The compartment.
    pub shelf: Shelf,
    /// The key in it.
    pub key: Key,
}

/// A 32-byte hash that names a record or an owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:02x}{:02x}{:02x}{:02x}…)", self.0[0], self.0[1], self.0[2], self.0[3])
    }
}

/// The version of a record, given by the store; every write of a record makes a new, larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

/// What is written: opaque sealed bytes with what the store must know to keep them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it goes.
    pub place: Place,
    /// Whose it is, so that everything of one user can be erased in one call.
    pub owner: Option<Key>,
    /// The sealed content.
    pub sealed: Vec<u8>,
    /// When it stops to exist; `None` for never.
    pub expires: Option<UnixMillis>,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was written.
    pub draft: Draft,
    /// The version under which it lies in the store.
    pub version: Version,
}

/// Exclusive use of a name until an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub place: Place,
    /// A number that grows with every lease of this place: the fencing token.
    pub fence: u64,
    /// When it ends by itself.
    pub until: UnixMillis,
}

/// What a write that has a condition came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Written, under this version.
    Done(Version),
    /// Not written: the condition did not hold.
    Refused,
}

/// The store cannot answer. Nothing is known about a write that failed this way, except that it did not half-happen.
#[derive(Debug, thiserror::Error)]
#[error("the store does not answer")]
pub struct StoreError(#[source] pub BoxError);

/// Durable storage of sealed records.
///
/// The contract is the conformance suite in `stagedoor_store::conformance`; every implementation passes it.
/// - A record whose `expires` is at or before the caller's `now` does not exist for any verb. The caller's clock
///   decides; a backend's own expiry is only garbage collection.
/// - A write that returned is durable: it survives the death of the process.
/// - Every verb is atomic, and verbs on one place are linearisable, across processes that share the store. A verb whose
///   caller stops waiting happens or does not.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes a record that must be new; refused where a live record lies.
    async fn insert(&self, draft: Draft, now: UnixMillis) -> Result<Write, StoreError>;

    /// Reads a record.
    async fn get(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError>;

    /// Overwrites a live record that must still have the version `expected`; refused otherwise.
    async fn replace(&self, draft: Draft, expected: Version, now: UnixMillis) -> Result<Write, StoreError>;

    /// Removes and returns a live record: of any number of concurrent callers at most one gets it.
    async fn take(&self, place: Place, now: UnixMillis) -> Result<Option<Record>, StoreError>;

    /// Removes a record, expired or not; says whether a live one was there.
    async fn remove(&self, place: Place, now: UnixMillis) -> Result<bool, StoreError>;

    /// Removes every record of an owner on every shelf, expired or not; returns how many live ones there were.
    async fn remove_owned(&self, owner: Key, now: UnixMillis) -> Result<u64, StoreError>;

    /// Removes every record of an owner as [`Store::remove_owned`] does, if the owner's record at `place` is still the one
    /// that was seen there: that of version `seen`, or no live one. `None` if not; nothing is removed then.
    async fn remove_owned_if(
        &self,
        owner: Key,
        place: Place,
        seen: Option<Version>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError>;

    /// Reads up to `limit` live records of a shelf in the order of their keys, starting behind `after`.
    async fn list(
        &self,
        shelf: Shelf,
        after: Option<Key>,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Vec<Record>, StoreError>;

    /// Names every shelf on which a record lies, in the order of the names. A shelf whose records have all expired or
    /// gone may still be named.
    async fn shelves(&self) -> Result<Vec<String>, StoreError>;

    /// Removes records that had expired at `now`; returns how many. At most `limit` in one call. Leases that had ended
    /// may go with them, uncounted.
    async fn purge(&self, now: UnixMillis, limit: usize) -> Result<u64, StoreError>;

    /// Leases `place` until `until`; `None` while somebody else's lease is live. Leases live apart from records.
    async fn lease(&self, place: Place, now: UnixMillis, until: UnixMillis) -> Result<Option<Lease>, StoreError>;

    /// Ends a lease early. Does nothing if it has ended and somebody else holds the place (other `fence`).
    async fn release(&self, lease: Lease) -> Result<(), StoreError>;

    /// Says whether the store can be reached and written to: a durable no-op, for readiness.
    async fn ready(&self) -> Result<(), StoreError>;
}
