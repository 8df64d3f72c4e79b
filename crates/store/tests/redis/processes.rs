//! The Redis store between processes that share a server, and across the death of either.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use stagedoor_flows::port::Store;
use stagedoor_store::Redis;
use stagedoor_store::redis::RedisUrl;

use crate::parts::{self, ADDRESS, Acknowledged, PART, command};
use crate::servers::RedisServer;
use crate::{connect, recover};

const CHILD: &str = "processes::child";
const COUNTER: &str = "STAGEDOOR_TEST_COUNTER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays the parts of the other tests"]
async fn child() {
    // Ends the line that the test harness may have begun.
    println!();
    let url = RedisUrl::parse(&env::var(ADDRESS).expect("a URL")).expect("a URL");
    let store: Arc<dyn Store> = Arc::new(Redis::connect(url).await.expect("a store"));
    match env::var(PART).expect("a part").as_str() {
        "share" => parts::share(&store, &PathBuf::from(env::var_os(COUNTER).expect("a file"))).await,
        "write" => parts::write(&store).await,
        part => panic!("no such part: {part}"),
    }
}

#[tokio::test]
async fn processes_that_share_a_server_keep_the_contract() {
    let server = RedisServer::start();
    let directory = tempfile::tempdir().unwrap();
    let counter = directory.path().join("counter");
    let child = || {
        let mut child = command(CHILD, "share", server.address(""));
        child.env(COUNTER, &counter);
        child
    };
    parts::share_between_processes(&connect(&server).await, &counter, child).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_of_the_process() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    parts::insert(&store, parts::place("counter", 0), 0).await;
    let mut acknowledged = Acknowledged::default();
    for _ in 0..25 {
        let mut child = command(CHILD, "write", server.address("")).spawn().unwrap();
        acknowledged.hear_until_its_end(&mut child, |child| child.kill().unwrap());
        acknowledged.check(&store).await;
    }
    assert!(acknowledged.tried() > 100, "only {} writes were tried", acknowledged.tried());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_of_the_server() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    parts::insert(&store, parts::place("counter", 0), 0).await;
    let mut acknowledged = Acknowledged::default();
    for _ in 0..25 {
        let mut child =
            command(CHILD, "write", server.address("")).stderr(std::process::Stdio::null()).spawn().unwrap();
        // The child ends when its store fails.
        acknowledged.hear_until_its_end(&mut child, |_| server.kill());
        server.restart();
        recover(&store).await;
        acknowledged.check(&store).await;
    }
    assert!(acknowledged.tried() > 100, "only {} writes were tried", acknowledged.tried());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_while_the_log_is_rewritten_survives_too() {
    let mut server =
        RedisServer::start_with(&["--auto-aof-rewrite-percentage", "1", "--auto-aof-rewrite-min-size", "1"]);
    let store = connect(&server).await;
    parts::insert(&store, parts::place("counter", 0), 0).await;
    let mut acknowledged = Acknowledged::default();
    for _ in 0..10 {
        let mut child =
            command(CHILD, "write", server.address("")).stderr(std::process::Stdio::null()).spawn().unwrap();
        acknowledged.hear_until_its_end(&mut child, |_| server.kill());
        server.restart();
        recover(&store).await;
        acknowledged.check(&store).await;
    }
}
