//! What the SQLite store does when the file cannot be used, and when it can be used again.
#![cfg(feature = "sqlite")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store as _, StoreError, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Sqlite;
use tempfile::TempDir;
use tokio::time::sleep;

const NOW: UnixMillis = UnixMillis(0);

struct Bench {
    store: Arc<Sqlite>,
    path: PathBuf,
    _directory: TempDir,
}

fn bench() -> Bench {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("test.db");
    let store = Arc::new(Sqlite::open(&path).expect("an open database"));
    Bench { store, path, _directory: directory }
}

impl Bench {
    /// Keeps everybody else from writing until it is dropped.
    fn lock(&self) -> Connection {
        let connection = Connection::open(&self.path).expect("another connection");
        connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        connection
    }
}

fn place(number: u8) -> Place {
    Place { shelf: Shelf("faults"), key: Key([number; 32]) }
}

fn draft(number: u8) -> Draft {
    Draft { place: place(number), owner: None, sealed: vec![number], expires: None }
}

/// What the error says about its cause.
fn cause(error: &StoreError) -> String {
    error.0.to_string()
}

#[tokio::test]
async fn a_short_lock_of_another_process_is_waited_for() {
    let bench = bench();
    let lock = bench.lock();
    let store = Arc::clone(&bench.store);
    let waiting = tokio::spawn(async move { store.insert(draft(1), NOW).await });
    sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    drop(lock);
    assert!(matches!(waiting.await.unwrap().unwrap(), Write::Done(_)));
}

#[tokio::test]
async fn a_lasting_lock_fails_writes_in_time_and_leaves_reads_alone() {
    let bench = bench();
    bench.store.insert(draft(1), NOW).await.unwrap();
    let lock = bench.lock();
    let begun = Instant::now();
    let (write, ready, read) = tokio::join!(bench.store.insert(draft(2), NOW), bench.store.ready(), async {
        let read = bench.store.get(place(1), NOW).await;
        (read, begun.elapsed())
    });
    assert!(read.0.unwrap().is_some());
    assert!(read.1 < Duration::from_secs(4), "a read waited for {:?}", read.1);
    assert!(cause(&write.unwrap_err()).contains("another process"));
    ready.unwrap_err();
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(4), "gave up after {waited:?}");

    drop(lock);
    assert!(matches!(bench.store.insert(draft(2), NOW).await.unwrap(), Write::Done(_)));
    bench.store.ready().await.unwrap();
}

#[tokio::test]
async fn each_of_a_queue_waits_its_own_time() {
    let bench = bench();
    let _lock = bench.lock();
    let write = async |number| {
        let begun = Instant::now();
        bench.store.insert(draft(number), NOW).await.unwrap_err();
        begun.elapsed()
    };
    // What else runs on a machine may hold it up once, but not always.
    for _ in 0..3 {
        let later = async {
            sleep(Duration::from_secs(2)).await;
            write(2).await
        };
        let (first, second) = tokio::join!(write(1), later);
        assert!(first.min(second) > Duration::from_secs(4), "gave up after {first:?} and {second:?}");
        if first.max(second) < Duration::from_secs(7) {
            return;
        }
    }
    panic!("three times one waited for the other, too");
}

#[tokio::test]
async fn a_verb_that_fails_does_not_fail_its_neighbours() {
    let bench = bench();
    let lock = bench.lock();
    let write = |draft| {
        let store = Arc::clone(&bench.store);
        tokio::spawn(async move { store.insert(draft, NOW).await })
    };
    // They gather behind the lock and share a transaction. One is more than SQLite can hold.
    let before = [1, 2, 3].map(|number| write(draft(number)));
    sleep(Duration::from_millis(50)).await;
    let monster = write(Draft { sealed: vec![0; 1_000_000_001], ..draft(4) });
    sleep(Duration::from_millis(50)).await;
    let after = [5, 6, 7].map(|number| write(draft(number)));
    sleep(Duration::from_millis(200)).await;
    drop(lock);

    monster.await.unwrap().unwrap_err();
    for neighbour in before.into_iter().chain(after) {
        assert!(matches!(neighbour.await.unwrap().unwrap(), Write::Done(_)));
    }
    for number in 1..=7 {
        let there = bench.store.get(place(number), NOW).await.unwrap().is_some();
        assert_eq!(there, number != 4);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_moved_away_fails_every_verb_until_it_is_back() {
    let bench = bench();
    bench.store.insert(draft(1), NOW).await.unwrap();
    let away = bench.path.with_extension("away");
    fs::rename(&bench.path, &away).unwrap();
    let error = bench.store.insert(draft(2), NOW).await.unwrap_err();
    assert!(cause(&error).contains("no longer at"), "{error:?}");
    bench.store.get(place(1), NOW).await.unwrap_err();
    bench.store.ready().await.unwrap_err();

    fs::rename(&away, &bench.path).unwrap();
    bench.store.ready().await.unwrap();
    assert!(bench.store.get(place(1), NOW).await.unwrap().is_some());
    assert!(matches!(bench.store.insert(draft(2), NOW).await.unwrap(), Write::Done(_)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_replaced_is_not_written() {
    let bench = bench();
    fs::copy(&bench.path, bench.path.with_extension("copy")).unwrap();
    fs::rename(bench.path.with_extension("copy"), &bench.path).unwrap();
    bench.store.insert(draft(1), NOW).await.unwrap_err();
    bench.store.get(place(1), NOW).await.unwrap_err();
    bench.store.ready().await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handed_over_is_done_before_the_store_is_gone() {
    let Bench { store, path, _directory } = bench();
    let lock = Connection::open(&path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in [1, 2, 3] {
        // Asked once, and not again.
        let mut call = store.insert(draft(number), NOW);
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let store = Arc::into_inner(store).expect("the last handle");
    let closing = tokio::task::spawn_blocking(|| drop(store));
    sleep(Duration::from_millis(200)).await;
    assert!(!closing.is_finished(), "it waits for what is in the queue");
    drop(lock);
    closing.await.unwrap();

    let store = Sqlite::open(&path).unwrap();
    for number in 1..=3 {
        assert!(store.get(place(number), NOW).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn numbers_go_on_after_a_restart() {
    let Bench { store, path, _directory } = bench();
    let Write::Done(version) = store.insert(draft(1), NOW).await.unwrap() else { panic!("refused") };
    assert!(store.remove(place(1), NOW).await.unwrap());
    let lease = store.lease(place(1), NOW, UnixMillis(1)).await.unwrap().unwrap();
    store.release(lease.clone()).await.unwrap();
    drop(store);

    let store = Sqlite::open(&path).unwrap();
    let Write::Done(next) = store.insert(draft(1), NOW).await.unwrap() else { panic!("refused") };
    assert!(next > version);
    assert!(store.lease(place(1), NOW, UnixMillis(1)).await.unwrap().unwrap().fence > lease.fence);
}
