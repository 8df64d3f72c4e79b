//! The store on a real Redis server, which the tests start, kill, fill and hold still.
#![cfg(all(feature = "redis", unix))]
#![expect(clippy::print_stdout, reason = "a child reports to its parent")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Redis;
use tokio::time::{sleep, timeout};

use self::servers::RedisServer;

mod contract;
mod faults;
mod layout;
#[path = "../parts/mod.rs"]
mod parts;
#[path = "../servers/port.rs"]
mod port;
mod processes;
mod safety;
#[path = "../servers/redis.rs"]
mod servers;
mod tls;

const NOW: UnixMillis = UnixMillis(1000);

async fn connect(server: &RedisServer) -> Redis {
    Redis::connect(server.url()).await.expect("a store")
}

fn place(shelf: &'static str, number: u16) -> Place {
    let mut key = [7; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    Place { shelf: Shelf(shelf), key: Key(key) }
}

fn draft(number: u16) -> Draft {
    Draft { place: place("shelf", number), owner: None, sealed: number.to_be_bytes().into(), expires: None }
}

async fn insert(store: &dyn Store, draft: Draft) -> Version {
    match store.insert(draft, NOW).await.expect("insert") {
        Write::Done(version) => version,
        Write::Refused => panic!("an insert at a free place was refused"),
    }
}

async fn is_there(store: &dyn Store, number: u16) -> bool {
    store.get(place("shelf", number), NOW).await.expect("get").is_some()
}

/// What an error and its causes say.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A store for the parts of `conformance`, which share it.
async fn shared(server: &RedisServer) -> Arc<dyn Store> {
    Arc::new(connect(server).await)
}

/// How long a test waits for what must happen: longer than any machine takes, however busy it is.
const PATIENCE: Duration = Duration::from_mins(1);

/// The time within which all must be well after a fault.
const RECOVERY: Duration = Duration::from_secs(5);

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("this never came: {what}"));
}

/// Writes and reads until both work; returns how long that took.
async fn recover(store: &Redis) -> Duration {
    let begun = Instant::now();
    let is_well = async || store.ready().await.is_ok() && store.get(place("shelf", 1), NOW).await.is_ok();
    until("the store is well", is_well).await;
    begun.elapsed()
}
