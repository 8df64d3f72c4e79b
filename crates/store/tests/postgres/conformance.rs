//! The contract.

use std::sync::Arc;

use stagedoor_flows::port::Store;
use stagedoor_store::conformance;

use crate::{SERVER, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_keeps_the_contract() {
    let url = SERVER.url(&SERVER.database());
    conformance::all(Arc::new(connect(&url).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_handles_on_one_database_keep_the_contract() {
    let url = SERVER.url(&SERVER.database());
    let mut handles: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..3 {
        handles.push(Arc::new(connect(&url).await));
    }
    conformance::parallelism::all(&handles).await;
}
