//! The storage port on memory, SQLite and PostgreSQL, and the suite that every backend passes.
//!
//! The contract is [`Store`](stagedoor_flows::port::Store); [`conformance`] is that contract as code.

pub mod conformance;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::Memory;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
