//! What can go wrong, at the start and later.

use std::sync::Arc;

use redis::RedisError;
use stagedoor_flows::port::{BoxError, StoreError};

use super::link::{CONNECTING, PATIENCE};
use super::safety::Unsafe;

/// Why there is no connection to the Redis server, and what to do. No password is in any of them.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is nobody at the address, or TLS with whoever is there fails.
    #[error("no connection to the Redis server {address}")]
    Unreachable {
        /// The host and the port.
        address: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
    /// There is somebody, who says nothing.
    #[error("the Redis server {address} does not answer within {} s", CONNECTING.as_secs())]
    Timeout {
        /// The host and the port.
        address: String,
    },
    /// The server does not let this user in.
    #[error("the Redis server {address} refuses the user or the password; check the URL")]
    Denied {
        /// The host and the port.
        address: String,
    },
    /// What is written to this server might be lost.
    #[error("the Redis server {address} is not fit to be a store: {reason}")]
    Unsafe {
        /// The host and the port.
        address: String,
        /// Why, and what to do.
        reason: Unsafe,
    },
    /// There is no data, where there should be.
    #[error("the Redis server {address} holds no data of Stagedoor's: serve has not run with it")]
    Empty {
        /// The host and the port.
        address: String,
    },
    /// A newer Stagedoor has written the data.
    #[error("the data on the Redis server {address} is of a newer Stagedoor; run that")]
    Newer {
        /// The host and the port.
        address: String,
    },
    /// The data is no longer what it was when this program started.
    #[error(
        "the Redis server {address} has other data, or none, since this program started; restore the data, or restart \
         this program to go on without what was there"
    )]
    Replaced {
        /// The host and the port.
        address: String,
    },
    /// Anything else, such as a server that still reads its data.
    #[error("the Redis server {address} cannot be used")]
    Other {
        /// The host and the port.
        address: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the Redis server did not answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// Callers who wait for the same connection share its trouble.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    #[error("Redis failed")]
    Redis(#[source] RedisError),
    #[error("Redis holds something under a key of Stagedoor's that Stagedoor has not written")]
    Foreign,
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<Arc<ConnectError>> for Trouble {
    fn from(error: Arc<ConnectError>) -> Self {
        Self::Connect(error)
    }
}

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Arc::new(error))
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.into())
    }
}
