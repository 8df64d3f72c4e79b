//! The SQLite store keeps the contract.

use std::sync::Arc;

use stagedoor_store::{Sqlite, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    conformance::all(Arc::new(Sqlite::open(directory.path().join("test.db")).unwrap())).await;
}
