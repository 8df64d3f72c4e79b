//! The storage port on memory and SQLite, and the suite that every backend passes.
//!
//! The contract is [`Store`](stagedoor_flows::port::Store); [`conformance`] is that contract as code.

pub mod conformance;
mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::Memory;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
