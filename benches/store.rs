//! Durable writes of the SQLite store against what the disk can do: `cargo bench -p stagedoor-benches --bench store`.
//!
//! Not criterion: the question is a rate under concurrency, and the disk decides it.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Sqlite;

const NOW: UnixMillis = UnixMillis(1_763_769_600_000);
const LASTS: Duration = Duration::from_secs(3);
const ROW: usize = 1024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the table is the result")]
async fn main() {
    // Beside the target folder rather than in /tmp, which is often memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let disk = fdatasyncs(&directory.path().join("raw"));
    let store = Arc::new(Sqlite::open(directory.path().join("bench.db")).expect("a database"));
    println!("the disk: {disk:.0} fdatasyncs/s");
    for callers in [1, 32] {
        let rate = writes(&store, callers).await;
        println!("durable inserts, {callers} callers: {rate:.0}/s = {:.2} × the disk", rate / disk);
    }
    println!("reads, 2 callers: {:.0}/s", reads(&store, 2).await);
}

fn fdatasyncs(path: &std::path::Path) -> f64 {
    let mut file = File::create(path).expect("a file");
    rate(Instant::now(), || {
        // The same place again, as a write-ahead log does once it has grown.
        let written = file.rewind().and_then(|()| file.write_all(&[0; ROW])).and_then(|()| file.sync_data());
        written.expect("the disk works");
    })
}

fn rate(from: Instant, mut once: impl FnMut()) -> f64 {
    let mut count = 0_u32;
    while from.elapsed() < LASTS {
        once();
        count += 1;
    }
    f64::from(count) / from.elapsed().as_secs_f64()
}

fn draft(caller: u64, count: u64) -> Draft {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&caller.to_le_bytes());
    key[8..16].copy_from_slice(&count.to_le_bytes());
    Draft { place: Place { shelf: Shelf("bench"), key: Key(key) }, owner: None, sealed: vec![7; ROW], expires: None }
}

async fn writes(store: &Arc<Sqlite>, callers: u64) -> f64 {
    let salt = callers << 32;
    together(callers, store, move |store, caller, count| async move {
        store.insert(draft(salt + caller, count), NOW).await.expect("the store writes");
    })
    .await
}

async fn reads(store: &Arc<Sqlite>, callers: u64) -> f64 {
    together(callers, store, |store, _, count| async move {
        store.get(draft(1 << 32, count % 1000).place, NOW).await.expect("the store reads");
    })
    .await
}

async fn together<F, O>(callers: u64, store: &Arc<Sqlite>, once: F) -> f64
where
    F: Fn(Arc<Sqlite>, u64, u64) -> O + Copy + Send + 'static,
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
