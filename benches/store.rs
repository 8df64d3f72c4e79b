//! The stores against what the disk can do, and their latency as they grow:
//! `cargo bench -p stagedoor-benches --bench store [-- sqlite|postgres|redis]`.
//!
//! Not criterion: the question is a rate under concurrency, and the disk decides it. PostgreSQL is a server of the
//! benchmark's own (see `crates/store/tests/servers`), with the settings that Debian gives it.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::postgres::PostgresUrl;
use stagedoor_store::{Postgres, Redis, Sqlite};

#[path = "../crates/store/tests/servers/port.rs"]
mod port;

#[expect(dead_code, reason = "a benchmark uses a part")]
#[path = "../crates/store/tests/servers/mod.rs"]
mod servers;

#[expect(dead_code, reason = "a benchmark uses a part")]
#[path = "../crates/store/tests/servers/redis.rs"]
mod redis_server;

use servers::postgres::Server;

const NOW: UnixMillis = UnixMillis(1_763_769_600_000);
const LASTS: Duration = Duration::from_secs(3);
const ROW: usize = 1024;
const GROWN: u64 = 1_000_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the table is the result")]
async fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    // Beside the target folder rather than in /tmp, which is often memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    if is_wanted("sqlite") {
        println!("# SQLite");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(directory.path().join("bench.db")).expect("a database"));
        rates(&store, directory.path()).await;
        growth(&store, grow(Arc::clone(&store))).await;
    }
    if is_wanted("postgres") {
        println!("# PostgreSQL");
        let server = Server::start(&[]);
        let database = server.database();
        let url = PostgresUrl::parse(&server.url(&database)).expect("a URL");
        let store: Arc<dyn Store> = Arc::new(Postgres::connect(&url).await.expect("a database"));
        // On the disk of the server.
        rates(&store, &std::env::temp_dir()).await;
        growth(&store, async { grow_inside(&server, &database) }).await;
    }
    if is_wanted("redis") {
        println!("# Redis");
        let server = redis_server::RedisServer::start();
        let store: Arc<dyn Store> = Arc::new(Redis::connect(server.url()).await.expect("a server"));
        rates(&store, &std::env::temp_dir()).await;
        growth(&store, grow(Arc::clone(&store))).await;
        let memory: String = server.ask(&["INFO", "memory"]);
        println!(
            "memory of the server: {}",
            memory.lines().find(|line| line.starts_with("used_memory:")).unwrap_or("")
        );
        neighbours(&store).await;
    }
}

/// How long somebody else waits for a read while many records are listed, expire and are purged.
async fn neighbours(store: &Arc<dyn Store>) {
    const EXPIRING: u64 = 100_000;
    const CALLERS: u64 = 100;
    let there = place("neighbour", 0, 0);
    insert(&**store, there).await;
    let fill = |caller| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for count in 0..EXPIRING / CALLERS {
                let expires = Some(UnixMillis(NOW.0 + 1));
                let draft = Draft { expires, ..draft(place("expiring", caller, count)) };
                store.insert(draft, NOW).await.expect("the store writes");
            }
        })
    };
    for filling in (0..CALLERS).map(fill).collect::<Vec<_>>() {
        filling.await.expect("no caller panics");
    }
    beside(store, there, "list", async {
        store.list(Shelf("expiring"), None, usize::MAX, NOW).await.expect("the store reads").len()
    })
    .await;
    beside(store, there, "purge", async {
        store.purge(UnixMillis(NOW.0 + 1), usize::MAX).await.expect("the store writes")
    })
    .await;
}

/// How long something takes, and how long a read of `there` takes meanwhile.
#[expect(clippy::print_stdout, reason = "the table is the result")]
async fn beside(store: &Arc<dyn Store>, there: Place, what: &str, long: impl Future<Output: std::fmt::Display>) {
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let neighbour = {
        let (store, done) = (Arc::clone(store), Arc::clone(&done));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let from = Instant::now();
                store.get(there, NOW).await.expect("the store reads");
                times.push(from.elapsed());
            }
            times.sort();
            [times.len() / 2, times.len() * 99 / 100, times.len() - 1].map(|at| times[at])
        })
    };
    let from = Instant::now();
    let count = long.await;
    println!("{what} of {count}: {:?}", from.elapsed());
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    let [median, late, longest] = neighbour.await.expect("a neighbour");
    println!("a neighbour's read meanwhile: median {median:?}, 99th of a hundred {late:?}, longest {longest:?}");
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
async fn rates(store: &Arc<dyn Store>, directory: &Path) {
    let disk = fdatasyncs(directory);
    println!("the disk: {disk:.0} fdatasyncs/s");
    for callers in [1, 8, 32] {
        let inserted = inserts(store, callers).await;
        println!("durable inserts,  {callers:>2} callers: {inserted:>6.0}/s = {:.2} × the disk", inserted / disk);
        let replaced = replaces(store, callers).await;
        println!("durable replaces, {callers:>2} callers: {replaced:>6.0}/s = {:.2} × the disk", replaced / disk);
    }
    for count in 0..1000 {
        insert(&**store, place("reads", 0, count)).await;
    }
    for callers in [1, 8, 32] {
        println!("reads,            {callers:>2} callers: {:>6.0}/s", reads(store, callers).await);
    }
    let leased = leases(store).await;
    println!("lease and release, 1 caller:  {leased:>6.0}/s");
}

fn fdatasyncs(directory: &Path) -> f64 {
    let path = directory.join("stagedoor-bench-disk");
    let mut file = File::create(&path).expect("a file");
    let rate = rate(Instant::now(), || {
        // The same place again, as a write-ahead log does once it has grown.
        let written = file.rewind().and_then(|()| file.write_all(&[0; ROW])).and_then(|()| file.sync_data());
        written.expect("the disk works");
    });
    std::fs::remove_file(path).expect("the file is ours");
    rate
}

fn rate(from: Instant, mut once: impl FnMut()) -> f64 {
    let mut count = 0_u32;
    while from.elapsed() < LASTS {
        once();
        count += 1;
    }
    f64::from(count) / from.elapsed().as_secs_f64()
}

/// Keys are hashes in production, so they come in no order.
fn place(shelf: &'static str, caller: u64, count: u64) -> Place {
    let mut key = [0; 32];
    let scattered = (caller << 40 | count).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key[..8].copy_from_slice(&scattered.to_be_bytes());
    Place { shelf: Shelf(shelf), key: Key(key) }
}

fn draft(place: Place) -> Draft {
    Draft { place, owner: Some(place.key), sealed: vec![7; ROW], expires: None }
}

async fn insert(store: &dyn Store, place: Place) -> Version {
    match store.insert(draft(place), NOW).await.expect("the store writes") {
        Write::Done(version) => version,
        Write::Refused => panic!("the place is taken"),
    }
}

async fn inserts(store: &Arc<dyn Store>, callers: u64) -> f64 {
    together(callers, store, move |store, caller, count| async move {
        insert(&*store, place("inserts", callers << 8 | caller, count)).await;
    })
    .await
}

/// Each caller replaces a record of its own, as a refresh does.
async fn replaces(store: &Arc<dyn Store>, callers: u64) -> f64 {
    together(callers, store, move |store, caller, count| async move {
        let place = place("replaces", callers << 8 | caller, 0);
        let version = match count {
            0 => insert(&*store, place).await,
            _ => store.get(place, NOW).await.expect("the store reads").expect("the record").version,
        };
        let written = store.replace(draft(place), version, NOW).await.expect("the store writes");
        assert!(matches!(written, Write::Done(_)));
    })
    .await
}

async fn reads(store: &Arc<dyn Store>, callers: u64) -> f64 {
    together(callers, store, |store, _, count| async move {
        let read = store.get(place("reads", 0, count % 1000), NOW).await.expect("the store reads");
        assert!(read.is_some());
    })
    .await
}

async fn leases(store: &Arc<dyn Store>) -> f64 {
    together(1, store, |store, caller, count| async move {
        let lease = store.lease(place("leases", caller, count), NOW, UnixMillis(i64::MAX)).await;
        store.release(lease.expect("the store writes").expect("a free place")).await.expect("the store writes");
    })
    .await
}

/// How many of the records are looked at.
const SAMPLE: u64 = 1000;

/// The median time of each verb before and after `grow` has added a million records.
#[expect(clippy::print_stdout, reason = "the table is the result")]
async fn growth(store: &Arc<dyn Store>, grow: impl Future<Output = ()>) {
    for count in 0..SAMPLE {
        insert(&**store, place("growth", 0, count)).await;
    }
    println!("with {SAMPLE} records:    {}", latencies(store).await);
    grow.await;
    println!("with {GROWN} more: {}", latencies(store).await);
}

/// Adds records as everybody does.
async fn grow(store: Arc<dyn Store>) {
    let next = Arc::new(AtomicU64::new(SAMPLE));
    let growing: Vec<_> = (0..256)
        .map(|_| {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let count = next.fetch_add(1, Ordering::Relaxed);
                    if count >= SAMPLE + GROWN {
                        return;
                    }
                    insert(&*store, place("growth", 0, count)).await;
                }
            })
        })
        .collect();
    for one in growing {
        one.await.expect("no caller panics");
    }
}

/// Adds records where they lie: a million waits for the disk would measure the disk.
fn grow_inside(server: &Server, database: &str) {
    let statement = format!(
        "INSERT INTO stagedoor.record
         SELECT 'growth', sha256(int8send(i)), sha256(int8send(i)), repeat('x', {ROW})::bytea, NULL, i
         FROM generate_series(1, {GROWN}) i"
    );
    server.sql(database, &statement);
}

async fn latencies(store: &Arc<dyn Store>) -> String {
    let mut times = [const { Vec::new() }; 3];
    for count in 0..SAMPLE {
        let place = place("growth", 0, count * 7919 % SAMPLE);
        let from = Instant::now();
        let read = store.get(place, NOW).await.expect("the store reads").expect("the record");
        times[0].push(from.elapsed());
        let from = Instant::now();
        store.replace(read.draft, read.version, NOW).await.expect("the store writes");
        times[1].push(from.elapsed());
        let from = Instant::now();
        store.list(place.shelf, Some(place.key), 100, NOW).await.expect("the store reads");
        times[2].push(from.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_micros()
    };
    let [get, replace, list] = &mut times;
    format!("get {} µs, replace {} µs, list of 100 {} µs", median(get), median(replace), median(list))
}

async fn together<F, O>(callers: u64, store: &Arc<dyn Store>, once: F) -> f64
where
    F: Fn(Arc<dyn Store>, u64, u64) -> O + Copy + Send + 'static,
    O: Future<Output = ()> + Send,
{
    let from = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut count = 0;
                while from.elapsed() < LASTS {
                    once(Arc::clone(&store), caller, count).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0;
    for task in tasks {
        total += task.await.expect("no caller panics");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let total = total as f64;
    total / from.elapsed().as_secs_f64()
}
