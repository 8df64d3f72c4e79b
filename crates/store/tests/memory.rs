//! The memory store keeps the contract.

use std::sync::Arc;

use stagedoor_store::{Memory, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    conformance::all(Arc::new(Memory::new())).await;
}
