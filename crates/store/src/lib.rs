//! The storage port on memory, SQLite, PostgreSQL and Redis, and the suite that every backend passes.
//!
//! The contract is [`Store`](stagedoor_flows::port::Store); [`conformance`] is that contract as code.

pub mod conformance;
pub mod copy;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "redis")]
pub use self::redis::Redis;
pub use memory::Memory;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
