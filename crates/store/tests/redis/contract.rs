//! The Redis store keeps the contract.

use stagedoor_store::conformance;

use crate::servers::RedisServer;
use crate::shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_the_contract() {
    let server = RedisServer::start();
    conformance::all(shared(&server).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_handles_on_one_server_keep_the_contract() {
    let server = RedisServer::start();
    let handles = [shared(&server).await, shared(&server).await, shared(&server).await];
    conformance::parallelism::all(&handles).await;
}
