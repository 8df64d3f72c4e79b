//! The contract of [`Store`] as code: every backend passes [`all`].
//!
//! Three parts: [`behaviour`] is what each verb means to one caller, [`atomicity`] that conditions and effects are one
//! step, and [`parallelism`] that this holds between threads (and, given several handles on the same data, between
//! clients of one database). Each check is an `async fn` that panics with a sentence where the contract is broken, and
//! can be run alone.
//!
//! The checks live in the year 2100, so that a backend which also expires by its own clock does not disturb them.
//! Run them on an empty store of their own: they purge what has expired by then.
//!
//! ```
//! use std::sync::Arc;
//! use stagedoor_store::{Memory, conformance};
//!
//! let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build()?;
//! runtime.block_on(conformance::all(Arc::new(Memory::new())));
//! # Ok::<(), std::io::Error>(())
//! ```

use std::sync::Arc;

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;

pub mod atomicity;
pub mod behaviour;
pub mod parallelism;

/// Runs the whole suite. Needs a multi-threaded tokio runtime.
pub async fn all(store: Arc<dyn Store>) {
    behaviour::all(&*store).await;
    atomicity::all(&*store).await;
    parallelism::all(&[store]).await;
}

/// The instant at which the checks begin: 2100-01-01.
const NOW: UnixMillis = UnixMillis(4_102_444_800_000);

fn at(millis: i64) -> UnixMillis {
    NOW.plus_millis(millis)
}

/// A place that only the check called `name` uses.
fn place(name: &'static str, number: u32) -> Place {
    Place { shelf: Shelf(name), key: key(name, number) }
}

/// Keys of one name are in the order of their numbers.
fn key(name: &str, number: u32) -> Key {
    let mut key = [0; 32];
    for (to, from) in key[..28].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    key[28..].copy_from_slice(&number.to_be_bytes());
    Key(key)
}

fn draft(place: Place, sealed: impl Into<Vec<u8>>) -> Draft {
    Draft { place, owner: None, sealed: sealed.into(), expires: None }
}

fn expiring(place: Place, sealed: impl Into<Vec<u8>>, expires: UnixMillis) -> Draft {
    Draft { expires: Some(expires), ..draft(place, sealed) }
}

fn owned(place: Place, owner: Key) -> Draft {
    Draft { owner: Some(owner), ..draft(place, "owned") }
}

async fn insert(store: &dyn Store, draft: Draft) -> Version {
    match store.insert(draft, NOW).await.expect("insert") {
        Write::Done(version) => version,
        Write::Refused => panic!("an insert at a free place was refused"),
    }
}

async fn get(store: &dyn Store, place: Place, now: UnixMillis) -> Option<Record> {
    store.get(place, now).await.expect("get")
}

async fn lease(store: &dyn Store, place: Place, now: UnixMillis, until: UnixMillis) -> Option<Lease> {
    store.lease(place, now, until).await.expect("lease")
}

fn done(write: Write, what: &str) -> Version {
    match write {
        Write::Done(version) => version,
        Write::Refused => panic!("{what} was refused"),
    }
}
