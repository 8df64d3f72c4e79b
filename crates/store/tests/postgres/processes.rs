//! Between processes that share a database, and between a process and its successor after a crash.

use std::sync::Arc;

use stagedoor_flows::port::Store;

use crate::processes::{keep_the_contract, part, play, survive_kill_9};
use crate::{SERVER, connect};

const CHILD: &str = "processes_of_postgres::child";

async fn open(url: &str) -> Arc<dyn Store> {
    Arc::new(connect(url).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays the parts of the other tests"]
async fn child() {
    let (part, url) = part();
    play(&part, open(&url).await).await;
}

#[tokio::test]
async fn processes_that_share_a_database_keep_the_contract() {
    let url = SERVER.url(&SERVER.database());
    keep_the_contract(CHILD, &url, &*open(&url).await).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_of_the_process() {
    let url = SERVER.url(&SERVER.database());
    survive_kill_9(CHILD, &url, || open(&url)).await;
}
