//! Between processes that share a database, and between a process and its successor after a crash.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use stagedoor_flows::port::Store;

use crate::parts::{self, ADDRESS, Acknowledged, PART, command};
use crate::{SERVER, connect};

const CHILD: &str = "processes::child";
const COUNTER: &str = "STAGEDOOR_TEST_COUNTER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays the parts of the other tests"]
async fn child() {
    // Ends the line that the test harness may have begun.
    println!();
    let store: Arc<dyn Store> = Arc::new(connect(&env::var(ADDRESS).expect("a URL")).await);
    match env::var(PART).expect("a part").as_str() {
        "share" => parts::share(&store, &PathBuf::from(env::var_os(COUNTER).expect("a file"))).await,
        "write" => parts::write(&store).await,
        part => panic!("no such part: {part}"),
    }
}

#[tokio::test]
async fn processes_that_share_a_database_keep_the_contract() {
    let url = SERVER.url(&SERVER.database());
    let directory = tempfile::tempdir().unwrap();
    let counter = directory.path().join("counter");
    let child = || {
        let mut child = command(CHILD, "share", &url);
        child.env(COUNTER, &counter);
        child
    };
    parts::share_between_processes(&connect(&url).await, &counter, child).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_of_the_process() {
    let url = SERVER.url(&SERVER.database());
    let store = connect(&url).await;
    parts::insert(&store, parts::place("counter", 0), 0).await;
    let mut acknowledged = Acknowledged::default();
    for _ in 0..25 {
        let mut child = command(CHILD, "write", &url).spawn().unwrap();
        acknowledged.hear_until_its_end(&mut child, |child| child.kill().unwrap());
        acknowledged.check(&store).await;
    }
    assert!(acknowledged.tried() > 100, "only {} writes were tried", acknowledged.tried());
}
