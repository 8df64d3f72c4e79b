//! A server that might lose what it is given is refused, and so is one that somebody else is meant by.

use stagedoor_flows::port::Store as _;
use stagedoor_store::Redis;
use stagedoor_store::redis::{ConnectError, RedisUrl, Unsafe};

use crate::port::Port;
use crate::servers::RedisServer;
use crate::{NOW, chain, connect, draft, insert};

async fn refusal_of(url: RedisUrl) -> ConnectError {
    Redis::connect(url).await.expect_err("a refusal")
}

/// Why a server with these options is not safe.
async fn reason(options: &[&str]) -> Unsafe {
    let server = RedisServer::start_with(options);
    match refusal_of(server.url()).await {
        ConnectError::Unsafe { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_does_not_wait_for_the_disk_is_refused() {
    assert_eq!(reason(&["--appendonly", "no"]).await, Unsafe::NoLog);
    assert_eq!(reason(&["--appendfsync", "everysec"]).await, Unsafe::Fsync("everysec".to_owned()));
    assert_eq!(reason(&["--appendfsync", "no"]).await, Unsafe::Fsync("no".to_owned()));
    assert_eq!(reason(&["--no-appendfsync-on-rewrite", "yes"]).await, Unsafe::FsyncPauses);
}

#[tokio::test]
async fn a_server_that_forgets_when_it_is_full_is_refused() {
    assert_eq!(reason(&["--maxmemory-policy", "allkeys-lru"]).await, Unsafe::Evicts("allkeys-lru".to_owned()));
    let server = RedisServer::start_with(&["--maxmemory-policy", "volatile-lru"]);
    connect(&server).await;
}

#[tokio::test]
async fn a_replica_and_a_node_of_a_cluster_are_refused() {
    let primary = RedisServer::start();
    let replica = RedisServer::start();
    replica.ask::<()>(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let refused = refusal_of(replica.url()).await;
    assert!(matches!(refused, ConnectError::Unsafe { reason: Unsafe::Replica, .. }), "{refused:?}");
    assert_eq!(reason(&["--cluster-enabled", "yes"]).await, Unsafe::Mode("cluster".to_owned()));
}

#[tokio::test]
async fn nothing_is_written_to_a_server_that_is_refused() {
    let server = RedisServer::start_with(&["--appendonly", "no"]);
    refusal_of(server.url()).await;
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0);
}

#[tokio::test]
async fn an_explicit_word_accepts_the_loss_of_a_second() {
    let server = RedisServer::start_with(&["--appendfsync", "everysec"]);
    let store = Redis::connect(server.url_with("?durability=everysec")).await.unwrap();
    insert(&store, draft(1)).await;
}

#[tokio::test]
async fn a_server_that_does_not_tell_needs_the_word_of_its_provider() {
    assert_eq!(reason(&["--rename-command", "CONFIG", ""]).await, Unsafe::Unknown);
    let server = RedisServer::start_with(&["--rename-command", "CONFIG", "", "--appendonly", "no"]);
    let store = Redis::connect(server.url_with("?durability=provider")).await.unwrap();
    insert(&store, draft(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_becomes_unsafe_is_not_used_until_it_is_safe_again() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    server.set("appendfsync", "no");
    let error = store.ready().await.unwrap_err();
    assert!(chain(&error).contains("appendfsync no"), "{error:?}");
    store.insert(draft(1), NOW).await.unwrap_err();
    server.set("appendfsync", "always");
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    insert(&store, draft(1)).await;
    store.ready().await.unwrap();
}

#[tokio::test]
async fn who_has_not_the_password_is_denied() {
    let server = RedisServer::start();
    server.set("requirepass", "the-right-password");
    let at = format!("127.0.0.1:{}", server.port());
    for url in [format!("redis://{at}"), format!("redis://:wrong@{at}"), format!("redis://nobody:wrong@{at}")] {
        let refused = refusal_of(RedisUrl::parse(&url).unwrap()).await;
        assert!(matches!(refused, ConnectError::Denied { .. }), "{refused:?}");
    }
    for url in [format!("redis://:the-right-password@{at}/2"), format!("redis://default:the-right-password@{at}")] {
        let store = Redis::connect(RedisUrl::parse(&url).unwrap()).await.unwrap();
        insert(&store, draft(1)).await;
    }
}

#[tokio::test]
async fn a_user_who_may_touch_only_our_keys_is_enough() {
    let server = RedisServer::start();
    let rules = "SETUSER stagedoor on >a-password ~{stagedoor}:* -@all +@read +@write +@scripting +@connection +time \
                 +info +config|get";
    let rules: Vec<_> = ["ACL"].into_iter().chain(rules.split_whitespace()).collect();
    server.ask::<()>(&rules);
    let url = format!("redis://stagedoor:a-password@127.0.0.1:{}", server.port());
    let store = Redis::connect(RedisUrl::parse(&url).unwrap()).await.unwrap();
    insert(&store, draft(1)).await;
    store.ready().await.unwrap();
}

#[tokio::test]
async fn data_of_a_newer_program_is_left_alone() {
    let server = RedisServer::start();
    connect(&server).await;
    server.ask::<()>(&["SET", "{stagedoor}:schema", "2:00000000000000000001"]);
    let refused = refusal_of(server.url()).await;
    assert!(matches!(refused, ConnectError::Newer { .. }), "{refused:?}");
}

#[tokio::test]
async fn looking_for_data_makes_none() {
    let server = RedisServer::start();
    let refused = Redis::connect_to_existing(server.url()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Empty { .. }), "{refused:?}");
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0);
    insert(&connect(&server).await, draft(1)).await;
    let store = Redis::connect_to_existing(server.url()).await.unwrap();
    assert!(crate::is_there(&store, 1).await);
}

#[tokio::test]
async fn mn_12_no_error_says_the_password() {
    const CANARY: &str = "canary-password";
    let server = RedisServer::start_with(&["--appendonly", "no"]);
    server.set("requirepass", "another");
    let nobody = Port::free();
    for address in
        [format!("127.0.0.1:{}", server.port()), format!("127.0.0.1:{}", nobody.number()), "no.invalid".to_owned()]
    {
        let refused = refusal_of(RedisUrl::parse(&format!("redis://canary-user:{CANARY}@{address}")).unwrap()).await;
        let said = format!("{} {refused:?}", chain(&refused));
        assert!(!said.contains("canary"), "{said}");
    }
}
