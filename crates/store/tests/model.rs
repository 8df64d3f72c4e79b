//! Any sequence of verbs gets the answers of a model that is too simple to be wrong.

use proptest::prelude::*;
use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;
#[cfg(all(feature = "postgres", unix))]
use stagedoor_store::postgres::PostgresUrl;

/// A verb with small arguments, so that sequences meet at the same places.
#[derive(Clone, Debug)]
enum Verb {
    Insert(Draft),
    Get(Place),
    /// The expected version is the one that is there, or one that was given earlier, counted from the last.
    Replace(Draft, Option<usize>),
    Take(Place),
    Remove(Place),
    RemoveOwned(Key),
    List(Shelf, Option<Key>, usize),
    Purge(usize),
    Lease(Place, i64),
    /// Ends a lease that was given earlier, counted from the last.
    Release(usize),
}

fn key() -> impl Strategy<Value = Key> {
    (0_u8..4).prop_map(|byte| Key([byte * 80; 32]))
}

fn shelf() -> impl Strategy<Value = Shelf> {
    prop_oneof![Just(Shelf("one")), Just(Shelf("two"))]
}

fn place() -> impl Strategy<Value = Place> {
    (shelf(), key()).prop_map(|(shelf, key)| Place { shelf, key })
}

fn draft() -> impl Strategy<Value = Draft> {
    let expires = prop::option::of((0_i64..30).prop_map(UnixMillis));
    (place(), prop::option::of(key()), prop::collection::vec(any::<u8>(), 0..4), expires)
        .prop_map(|(place, owner, sealed, expires)| Draft { place, owner, sealed, expires })
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        4 => draft().prop_map(Verb::Insert),
        2 => place().prop_map(Verb::Get),
        4 => (draft(), prop::option::of(0_usize..5)).prop_map(|(draft, expected)| Verb::Replace(draft, expected)),
        2 => place().prop_map(Verb::Take),
        1 => place().prop_map(Verb::Remove),
        1 => key().prop_map(Verb::RemoveOwned),
        2 => (shelf(), prop::option::of(key()), 0_usize..5).prop_map(|(shelf, after, limit)| Verb::List(shelf, after, limit)),
        1 => (0_usize..4).prop_map(Verb::Purge),
        3 => (place(), 0_i64..30).prop_map(|(place, until)| Verb::Lease(place, until)),
        2 => (0_usize..5).prop_map(Verb::Release),
    ]
}

/// Verbs at instants that come in no order, since clocks differ.
fn story() -> impl Strategy<Value = Vec<(UnixMillis, Verb)>> {
    prop::collection::vec(((0_i64..30).prop_map(UnixMillis), verb()), 1..80)
}

/// What the store should hold, in lists that are searched from end to end.
#[derive(Default)]
struct Model {
    records: Vec<Record>,
    leases: Vec<Lease>,
    /// Those of them that a purge may have removed.
    purged: Vec<Lease>,
    /// Everything that was ever given.
    versions: Vec<Version>,
    given: Vec<Lease>,
}

impl Model {
    fn live(&self, place: Place, now: UnixMillis) -> Option<Record> {
        self.records.iter().find(|record| record.draft.place == place && lives(record, now)).cloned()
    }

    fn forget(&mut self, place: Place) {
        self.records.retain(|record| record.draft.place != place);
    }

    fn write(&mut self, draft: Draft, expected: bool, write: Write) {
        match write {
            Write::Refused => assert!(!expected, "a write was refused"),
            Write::Done(version) => {
                assert!(expected, "a write was not refused");
                assert!(self.versions.iter().all(|older| *older < version), "versions grow");
                self.versions.push(version);
                self.forget(draft.place);
                self.records.push(Record { draft, version });
                self.records.sort_by_key(|record| record.draft.place);
            }
        }
    }

    /// Whether `leased` is what a lease of `place` should come to.
    fn lease(&mut self, place: Place, now: UnixMillis, until: UnixMillis, leased: Option<Lease>) {
        let held = self.leases.iter().any(|lease| lease.place == place && lease.until > now);
        if held {
            // To an earlier clock a lease that was purged may still be held.
            let purged = self.purged.iter().any(|lease| lease.place == place);
            assert!(leased.is_none() || purged, "a lease was given twice");
        } else {
            assert!(leased.is_some(), "a lease was refused");
        }
        if let Some(lease) = leased {
            assert_eq!((lease.place, lease.until), (place, until));
            assert!(self.given.iter().all(|older| older.place != place || older.fence < lease.fence), "fences grow");
            self.leases.retain(|ended| ended.place != place);
            self.purged.retain(|ended| ended.place != place);
            self.leases.push(lease.clone());
            self.given.push(lease);
        }
    }

    fn list(&self, on: Shelf, after: Option<Key>, limit: usize, now: UnixMillis) -> Vec<Record> {
        let behind = |record: &&Record| {
            let place = record.draft.place;
            place.shelf == on && after.is_none_or(|after| place.key > after) && lives(record, now)
        };
        self.records.iter().filter(behind).take(limit).cloned().collect()
    }

    /// Whether what is `left` is what a purge should leave. Which of the expired records go first is the store's
    /// choice, and so is whether leases go.
    fn purge(&mut self, now: UnixMillis, limit: usize, purged: u64, left: Vec<Record>) {
        let expired = self.records.iter().filter(|record| !lives(record, now)).count();
        assert_eq!(purged, expired.min(limit) as u64);
        assert_eq!(left.len(), self.records.len() - expired.min(limit));
        assert!(left.iter().all(|record| self.records.contains(record)), "a purge wrote something");
        assert!(self.records.iter().all(|record| !lives(record, now) || left.contains(record)), "a live record went");
        self.records = left;
        self.purged.extend(self.leases.iter().filter(|lease| lease.until <= now).cloned());
    }
}

fn lives(record: &Record, now: UnixMillis) -> bool {
    record.draft.expires.is_none_or(|expires| expires > now)
}

/// Every record, also those that have expired by now.
async fn everything(store: &dyn Store) -> Vec<Record> {
    let mut all = Vec::new();
    for shelf in [Shelf("one"), Shelf("two")] {
        all.extend(store.list(shelf, None, usize::MAX, UnixMillis(-1)).await.expect("list"));
    }
    all
}

async fn play(store: &dyn Store, verbs: Vec<(UnixMillis, Verb)>) {
    let mut model = Model::default();
    for (now, verb) in verbs {
        step(store, &mut model, now, verb).await;
        assert_eq!(everything(store).await, model.records);
    }
}

async fn step(store: &dyn Store, model: &mut Model, now: UnixMillis, verb: Verb) {
    match verb {
        Verb::Insert(draft) => {
            let free = model.live(draft.place, now).is_none();
            let write = store.insert(draft.clone(), now).await.expect("insert");
            model.write(draft, free, write);
        }
        Verb::Get(place) => assert_eq!(store.get(place, now).await.expect("get"), model.live(place, now)),
        Verb::Replace(draft, older) => {
            let live = model.live(draft.place, now).map(|record| record.version);
            let older = older.and_then(|older| model.versions.iter().rev().nth(older).copied());
            let expected = older.or(live).unwrap_or(Version(1));
            let write = store.replace(draft.clone(), expected, now).await.expect("replace");
            model.write(draft, live == Some(expected), write);
        }
        Verb::Take(place) => {
            let live = model.live(place, now);
            assert_eq!(store.take(place, now).await.expect("take"), live);
            if live.is_some() {
                model.forget(place);
            }
        }
        Verb::Remove(place) => {
            assert_eq!(store.remove(place, now).await.expect("remove"), model.live(place, now).is_some());
            model.forget(place);
        }
        Verb::RemoveOwned(owner) => {
            let (gone, left): (Vec<_>, _) =
                std::mem::take(&mut model.records).into_iter().partition(|record| record.draft.owner == Some(owner));
            let live = gone.iter().filter(|record| lives(record, now)).count();
            assert_eq!(store.remove_owned(owner, now).await.expect("remove_owned"), live as u64);
            model.records = left;
        }
        Verb::List(shelf, after, limit) => {
            let listed = store.list(shelf, after, limit, now).await.expect("list");
            assert_eq!(listed, model.list(shelf, after, limit, now));
        }
        Verb::Purge(limit) => {
            let purged = store.purge(now, limit).await.expect("purge");
            model.purge(now, limit, purged, everything(store).await);
        }
        Verb::Lease(place, until) => {
            let until = UnixMillis(until);
            let leased = store.lease(place, now, until).await.expect("lease");
            model.lease(place, now, until, leased);
        }
        Verb::Release(older) => {
            if let Some(lease) = model.given.iter().rev().nth(older).cloned() {
                store.release(lease.clone()).await.expect("release");
                model.leases.retain(|held| held.fence != lease.fence);
            }
        }
    }
}

fn run(verbs: Vec<(UnixMillis, Verb)>, store: &dyn Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(play(store, verbs));
}

proptest! {
    #[test]
    fn memory_answers_like_the_model(verbs in story()) {
        run(verbs, &Memory::new());
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_like_the_model(verbs in story()) {
        let directory = tempfile::tempdir().unwrap();
        run(verbs, &stagedoor_store::Sqlite::open(directory.path().join("test.db")).unwrap());
    }
}

#[cfg(all(any(feature = "postgres", feature = "redis"), unix))]
#[path = "servers/port.rs"]
mod port;

#[cfg(all(feature = "redis", unix))]
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "servers/redis.rs"]
mod redis_server;

#[cfg(all(feature = "redis", unix))]
#[test]
fn redis_answers_like_the_model() {
    let server = redis_server::RedisServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    proptest!(ProptestConfig::with_cases(64), |(verbs in story())| {
        server.ask::<()>(&["FLUSHALL"]);
        runtime.block_on(async {
            play(&stagedoor_store::Redis::connect(server.url()).await.unwrap(), verbs).await;
        });
    });
}

#[cfg(all(feature = "postgres", unix))]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod servers;

#[cfg(all(feature = "postgres", unix))]
#[test]
fn postgres_answers_like_the_model() {
    let server = servers::postgres::Server::start(&["fsync=off"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime
        .block_on(stagedoor_store::Postgres::connect(&PostgresUrl::parse(&server.url("postgres")).unwrap()))
        .unwrap();
    proptest!(ProptestConfig::with_cases(24), |(verbs in story())| {
        server.sql("postgres", "TRUNCATE stagedoor.record, stagedoor.lease");
        runtime.block_on(play(&store, verbs));
    });
}
