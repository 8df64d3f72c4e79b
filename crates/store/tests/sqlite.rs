//! The SQLite store keeps the contract.
#![cfg(feature = "sqlite")]

use std::path::Path;
use std::sync::Arc;

use stagedoor_flows::port::Store;
use stagedoor_store::{Sqlite, conformance};

fn open(directory: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(directory.join("test.db")).expect("an open database"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    conformance::all(open(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_handles_on_one_file_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let handles = [(); 3].map(|()| open(directory.path()));
    conformance::parallelism::all(&handles).await;
}
