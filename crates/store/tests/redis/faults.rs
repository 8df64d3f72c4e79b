//! What the store does while the server is away, hangs, is full or changes its part, and when all is well again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stagedoor_flows::port::{Draft, Key, Shelf, Store as _};
use stagedoor_store::Redis;
use stagedoor_store::redis::RedisUrl;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::servers::RedisServer;
use crate::{NOW, PATIENCE, RECOVERY, chain, connect, draft, insert, is_there, place, recover, until};

/// Fails, and says why.
async fn failure(store: &Redis) -> String {
    let failed = timeout(PATIENCE, store.insert(draft(100), NOW)).await.expect("an answer");
    chain(&failed.expect_err("a fault"))
}

/// Brings a fault about and mends it, which `recovers` returns the time from; again if that took too long, for what else
/// runs on a machine may hold it up once.
async fn recovers_in_time(mut recovers: impl AsyncFnMut() -> Duration) {
    for _ in 0..3 {
        if recovers().await < RECOVERY {
            return;
        }
    }
    panic!("three times no recovery in {RECOVERY:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_an_error_at_once_and_found_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    insert(&store, draft(1)).await;
    recovers_in_time(async || {
        server.kill();
        let away = "no connection to the Redis server 127.0.0.1:";
        until("the end is known", async || failure(&store).await.contains(away)).await;
        let begun = Instant::now();
        for _ in 0..20 {
            let why = failure(&store).await;
            assert!(why.contains(away), "{why}");
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "twenty times the deadline of a verb are 100 s");
        store.ready().await.unwrap_err();
        server.restart();
        recover(&store).await
    })
    .await;
    assert!(is_there(&store, 1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_fails_verbs_within_the_deadline() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    insert(&store, draft(1)).await;
    recovers_in_time(async || {
        server.pause();
        // On the connection that was there, all at once; then on new ones, which the kernel still accepts.
        let (first, second, read) = tokio::join!(failure(&store), failure(&store), store.get(place("shelf", 1), NOW));
        assert!(read.is_err());
        for why in [first, second] {
            assert!(why.contains("did not answer within 5 s"), "{why}");
        }
        let why = failure(&store).await;
        assert!(why.contains("does not answer within 2 s"), "{why}");
        server.resume();
        recover(&store).await
    })
    .await;
    // Of two inserts that nobody waited for, one may have happened.
    let listed = store.list(Shelf("shelf"), None, 10, NOW).await.unwrap();
    assert!(listed.iter().all(|record| record.draft == draft(1) || record.draft == draft(100)), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_ends_for_everybody_who_came_during_it() {
    let server = RedisServer::start();
    let store = std::sync::Arc::new(connect(&server).await);
    server.pause();
    let callers: Vec<_> = (0..200)
        .map(|number| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.insert(draft(number), NOW).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(500)).await;
    server.resume();
    for caller in callers {
        caller.await.unwrap().expect("an insert that waited");
    }
}

// In one thread, so that the store knows that a connection has ended once that can be seen from outside.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_nobody_an_error() {
    let server = RedisServer::start();
    let firewall = Firewall::before(&server).await;
    let store = Redis::connect(firewall.url()).await.unwrap();
    for number in 0..5 {
        server.ask::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        until("the store closes its end", async || firewall.closed() == usize::from(number) + 1).await;
        insert(&store, draft(number)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_while_verbs_are_under_way_loses_none_that_it_confirmed() {
    let mut server = RedisServer::start();
    let store = std::sync::Arc::new(connect(&server).await);
    let (count, is_over) = (std::sync::Arc::new(AtomicUsize::new(0)), std::sync::Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..8_u16)
        .map(|writer| {
            let (store, count, is_over) = (store.clone(), count.clone(), is_over.clone());
            tokio::spawn(async move {
                let mut confirmed = Vec::new();
                for number in (writer..u16::MAX).step_by(8) {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    if store.insert(draft(number), NOW).await.is_ok() {
                        confirmed.push(number);
                        count.fetch_add(1, Ordering::Relaxed);
                    } else {
                        sleep(Duration::from_millis(20)).await;
                    }
                }
                confirmed
            })
        })
        .collect();
    for _ in 0..4 {
        let before = count.load(Ordering::Relaxed);
        until("some are confirmed", async || count.load(Ordering::Relaxed) > before + 100).await;
        server.restart();
    }
    is_over.store(true, Ordering::Relaxed);
    recover(&store).await;
    for writer in writers {
        for number in writer.await.unwrap() {
            assert!(is_there(&*store, number).await, "{number} was confirmed and is not there");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_becomes_a_replica_is_refused_until_it_is_primary_again() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let store = connect(&server).await;
    insert(&store, draft(1)).await;
    server.ask::<()>(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    let why = failure(&store).await;
    assert!(why.contains("read only") || why.contains("it is a replica"), "{why}");
    // From here on a new connection finds out before anything is asked, reads included: they might be stale.
    let error = store.get(place("shelf", 1), NOW).await.unwrap_err();
    assert!(chain(&error).contains("it is a replica"), "{error:?}");
    server.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    recover(&store).await;
    insert(&store, draft(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_memory_fails_what_adds_and_nothing_half_happens() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let owner = Some(Key([9; 32]));
    let version = insert(&store, Draft { owner, ..draft(1) }).await;
    insert(&store, Draft { expires: Some(NOW.plus_millis(5)), ..draft(2) }).await;
    insert(&store, draft(3)).await;
    let lease = store.lease(place("leased", 1), NOW, NOW.plus_millis(5)).await.unwrap().unwrap();
    let before = server.everything();

    server.set("maxmemory", "1");
    let why = failure(&store).await;
    assert!(why.contains("OOM"), "{why}");
    let larger = Draft { sealed: vec![0; 100_000], ..draft(1) };
    store.replace(larger, version, NOW).await.unwrap_err();
    // Over an expired record, of which a failed insert must leave every trace.
    store.insert(draft(2), NOW.plus_millis(5)).await.unwrap_err();
    store.lease(place("leased", 2), NOW, NOW.plus_millis(5)).await.unwrap_err();
    store.lease(place("leased", 1), NOW.plus_millis(5), NOW.plus_millis(9)).await.unwrap_err();
    store.ready().await.unwrap_err();
    assert_eq!(server.everything(), before);

    // What makes room works.
    assert!(is_there(&store, 1).await);
    assert!(store.take(place("shelf", 3), NOW).await.unwrap().is_some());
    assert_eq!(store.purge(NOW.plus_millis(4), 10).await.unwrap(), 0);
    store.release(lease).await.unwrap();
    assert_eq!(store.remove_owned(Key([9; 32]), NOW).await.unwrap(), 1);

    server.set("maxmemory", "0");
    recover(&store).await;
    insert(&store, draft(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_writes_and_costs_nothing_that_was_confirmed() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    insert(&store, draft(1)).await;
    // The limit on the size of files stands in for a full disk: a write behind it fails.
    server.limit_files("1000");
    let mut confirmed = vec![1];
    for number in 2..20 {
        if store.insert(draft(number), NOW).await.is_ok() {
            confirmed.push(number);
        }
    }
    assert!(confirmed.len() < 10, "the disk was not full: {confirmed:?}");
    // A server that waits for its disk ends when the disk fails; what starts it again comes after there is room.
    server.restart();
    recover(&store).await;
    for number in confirmed {
        assert!(is_there(&store, number).await, "{number} was confirmed and is not there");
    }
    insert(&store, draft(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_still_reads_its_data_is_an_error_and_used_when_it_is_done() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    for number in 0..100 {
        insert(&store, Draft { sealed: vec![7; 4096], ..draft(number) }).await;
    }
    // A snapshot is what can be read slowly: some milliseconds for each key.
    server.ask::<()>(&["BGREWRITEAOF"]);
    while server.ask::<String>(&["INFO", "persistence"]).contains("aof_rewrite_in_progress:1") {
        sleep(Duration::from_millis(10)).await;
    }
    server.kill();
    server.start_slowly(&["--key-load-delay", "30000", "--loading-process-events-interval-bytes", "1024"]);
    let says_why = async || {
        let why = failure(&store).await;
        why.contains("still reads its data") && why.contains("cannot be used")
    };
    until("the server is there and cannot be used", says_why).await;
    recover(&store).await;
    assert!(is_there(&store, 99).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_is_refused() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    insert(&store, draft(1)).await;
    server.lose_everything();
    let why = failure(&store).await;
    assert!(why.contains("has other data, or none"), "{why}");
    store.get(place("shelf", 1), NOW).await.unwrap_err();
    store.ready().await.unwrap_err();
    // Whoever starts now has not known the old data.
    connect(&server).await.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_data_was_flushed_is_not_ready() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    server.ask::<()>(&["FLUSHALL"]);
    let error = store.ready().await.unwrap_err();
    assert!(chain(&error).contains("has other data, or none"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_somebody_else_that_blocks_the_server_is_an_error_in_time() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    server.set("busy-reply-threshold", "100");
    let mut connection = server.connection();
    let blocked = std::thread::spawn(move || {
        let _killed = redis::cmd("EVAL").arg("while true do end").arg(0).exec(&mut connection);
    });
    until("the server is busy", async || server.is_busy()).await;
    let why = failure(&store).await;
    assert!(why.contains("BUSY"), "{why}");
    server.ask::<()>(&["SCRIPT", "KILL"]);
    blocked.join().unwrap();
    recover(&store).await;
}

/// Stands between the store and its server, and can forget the connections that there are, as a firewall does.
struct Firewall {
    port: u16,
    forget: tokio::sync::watch::Sender<u32>,
    /// How many connections both ends have closed.
    closed: std::sync::Arc<AtomicUsize>,
}

impl Firewall {
    async fn before(server: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let (forget, forgotten) = tokio::sync::watch::channel(0);
        let (server, closed) = (server.port(), std::sync::Arc::new(AtomicUsize::new(0)));
        let count = closed.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut forgotten, count) = (forgotten.clone(), count.clone());
                forgotten.mark_unchanged();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", server)).await.expect("the server");
                    tokio::select! {
                        _ended = tokio::io::copy_bidirectional(&mut client, &mut server) => {
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        _forgotten = forgotten.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, forget, closed }
    }

    fn url(&self) -> RedisUrl {
        RedisUrl::parse(&format!("redis://127.0.0.1:{}", self.port)).expect("a URL")
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_leads_nowhere_is_left_also_by_callers_who_do_not_wait_for_the_deadline() {
    let server = RedisServer::start();
    let firewall = Firewall::before(&server).await;
    let store = Redis::connect(firewall.url()).await.unwrap();
    insert(&store, draft(1)).await;
    firewall.forget.send(1).unwrap();
    let impatient = timeout(Duration::from_secs(2), store.get(place("shelf", 1), NOW)).await;
    assert!(impatient.is_err(), "{impatient:?}");
    assert!(is_there(&store, 1).await);
}
