//! What the store does while the server is away, slow or unwilling, and when it is back.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store as _, StoreError, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Postgres;
use tokio::time::{sleep, timeout};

use crate::connect;
use crate::servers::postgres::Server;

const NOW: UnixMillis = UnixMillis(0);

/// How long a test waits for what must happen: longer than any machine takes, however busy it is.
const PATIENCE: Duration = Duration::from_mins(1);

/// How soon all must be well again.
const RECOVERY: Duration = Duration::from_secs(5);

fn place(number: u64) -> Place {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Place { shelf: Shelf("faults"), key: Key(key) }
}

fn draft(number: u64) -> Draft {
    Draft { place: place(number), owner: None, sealed: number.to_be_bytes().repeat(50), expires: None }
}

/// What the error says about its cause.
fn cause(error: &StoreError) -> String {
    error.0.to_string()
}

/// Runs a verb that must fail by itself, however long what it waits for would last.
async fn fails<T: std::fmt::Debug>(verb: impl Future<Output = Result<T, StoreError>>) -> StoreError {
    timeout(PATIENCE, verb).await.expect("an end within the deadline of five seconds").expect_err("a failure")
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("this never came: {what}"));
}

/// Asks until the store works again, with the same handle; returns how long that took.
async fn recovers(store: &Postgres) -> Duration {
    let begun = Instant::now();
    until("the store is back", async || store.ready().await.is_ok()).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_of_the_server() {
    // The server would rather acknowledge first and write ten seconds later; the store does not let it.
    let mut server = Server::start(&["synchronous_commit=off", "wal_writer_delay=10s"]);
    let store = Arc::new(connect(&server.url(&server.database())).await);
    let (mut acknowledged, mut quickest) = (Vec::new(), Duration::MAX);
    for round in 0..5 {
        let (ended, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (store, ended, count) = (Arc::clone(&store), Arc::clone(&ended), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut written = Vec::new();
                    for number in (round << 32 | writer << 28).. {
                        if ended.load(Ordering::Relaxed) {
                            break;
                        }
                        if store.insert(draft(number), NOW).await.is_ok() {
                            written.push(number);
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    written
                })
            })
            .collect();
        until("some are acknowledged", async || count.load(Ordering::Relaxed) > 100).await;
        server.kill();
        ended.store(true, Ordering::Relaxed);
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        fails(store.get(place(0), NOW)).await;

        server.start_again();
        quickest = quickest.min(recovers(&store).await);
        for number in &acknowledged {
            let read = store.get(place(*number), NOW).await.unwrap();
            assert_eq!(read.expect("what was acknowledged").draft, draft(*number));
        }
    }
    // What else runs on a machine may hold some of them up.
    assert!(quickest < RECOVERY, "{quickest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_fails_every_verb_in_time_and_is_used_again_when_it_answers() {
    let server = Server::start(&[]);
    let store = Arc::new(connect(&server.url(&server.database())).await);
    store.insert(draft(1), NOW).await.unwrap();
    server.pause();
    // More than there are connections: those that wait for one have no more time than the others.
    let waiting: Vec<_> = (0..32)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                match number % 3 {
                    0 => fails(store.insert(draft(100 + number), NOW)).await,
                    1 => fails(store.get(place(1), NOW)).await,
                    _ => fails(store.ready()).await,
                }
            })
        })
        .collect();
    for verb in waiting {
        let error = verb.await.unwrap();
        assert!(cause(&error).contains("does not answer in time"), "{error:?}");
    }
    fails(store.ready()).await;
    server.resume();
    recovers(&store).await;
    assert!(store.get(place(1), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lock_that_somebody_holds_fails_what_needs_it_in_time_and_leaves_the_rest_alone() {
    let server = Server::start(&[]);
    let database = server.database();
    let store = connect(&server.url(&database)).await;
    store.insert(draft(1), NOW).await.unwrap();
    let lock = server.in_background(&database, "BEGIN; LOCK stagedoor.record; SELECT pg_sleep(60)");
    let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted";
    until("the lock is held", async || server.sql(&database, locks) != "0").await;
    let (error, leased) = tokio::join!(fails(store.get(place(1), NOW)), store.lease(place(1), NOW, UnixMillis(1)));
    assert!(cause(&error).contains("statement timeout"), "{error:?}");
    assert!(leased.unwrap().is_some());
    drop(lock);
    server.sql(&database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'");
    recovers(&store).await;
    assert!(store.get(place(1), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn connections_that_were_cut_are_replaced() {
    let server = Server::start(&[]);
    let database = server.database();
    let store = connect(&server.url(&database)).await;
    let cut = format!(
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'stagedoor'"
    );
    for number in 0..5 {
        store.insert(draft(number), NOW).await.unwrap();
        assert_ne!(server.sql("postgres", &cut), "0");
        // The server has closed its ends; now the word of it is read.
        sleep(Duration::from_millis(200)).await;
        assert!(store.get(place(number), NOW).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_server_that_does_not_write_fails_writes_until_it_does() {
    let server = Server::start(&[]);
    let store = connect(&server.url(&server.database())).await;
    store.insert(draft(1), NOW).await.unwrap();
    // `ALTER SYSTEM` also works where nothing else may write.
    let reload = |change: &str| {
        server.sql("postgres", &format!("ALTER SYSTEM {change}"));
        server.sql("postgres", "SELECT pg_reload_conf()");
    };
    reload("SET default_transaction_read_only = on");
    until("it does not write", async || store.ready().await.is_err()).await;
    let error = fails(store.insert(draft(2), NOW)).await;
    assert!(cause(&error).contains("read-only"), "{error:?}");
    assert!(store.get(place(1), NOW).await.unwrap().is_some(), "reads go on");

    reload("RESET default_transaction_read_only");
    recovers(&store).await;
    assert!(matches!(store.insert(draft(2), NOW).await.unwrap(), Write::Done(_)));
}

#[tokio::test]
async fn numbers_go_on_after_a_crash() {
    let mut server = Server::start(&[]);
    let store = connect(&server.url(&server.database())).await;
    let Write::Done(version) = store.insert(draft(1), NOW).await.unwrap() else { panic!("refused") };
    assert!(store.remove(place(1), NOW).await.unwrap());
    let lease = store.lease(place(1), NOW, UnixMillis(1)).await.unwrap().unwrap();
    store.release(lease.clone()).await.unwrap();
    server.kill();
    server.start_again();
    recovers(&store).await;
    let Write::Done(next) = store.insert(draft(1), NOW).await.unwrap() else { panic!("refused") };
    assert!(next > version);
    assert!(store.lease(place(1), NOW, UnixMillis(1)).await.unwrap().unwrap().fence > lease.fence);
}
