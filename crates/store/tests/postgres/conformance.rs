//! The contract.

use std::sync::Arc;

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store, StoreError, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::conformance;

use crate::servers::wait_until;
use crate::{SERVER, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_keeps_the_contract() {
    let url = SERVER.url(&SERVER.database());
    conformance::all(Arc::new(connect(&url).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_handles_on_one_database_keep_the_contract() {
    let url = SERVER.url(&SERVER.database());
    let mut handles: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..3 {
        handles.push(Arc::new(connect(&url).await));
    }
    conformance::parallelism::all(&handles).await;
}

/// Plans are made while the tables are empty, and must still be right when they are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_reads_a_whole_table() {
    let database = SERVER.database();
    let store = connect(&SERVER.url(&database)).await;
    use_every_verb(&store).await.unwrap();
    let fill = "INSERT INTO stagedoor.record
        SELECT 'shelf', sha256(i::text::bytea), sha256((i % 500)::text::bytea), '', i, i FROM generate_series(1, 5000) i;
        INSERT INTO stagedoor.lease SELECT 'shelf', sha256(i::text::bytea), i, i FROM generate_series(1, 5000) i";
    SERVER.sql(&database, fill);
    let scans = |column: &str| {
        let tables = "schemaname = 'stagedoor' AND relname IN ('record', 'lease', 'probe')";
        SERVER.sql(&database, &format!("SELECT sum({column})::bigint FROM pg_stat_user_tables WHERE {tables}"))
    };
    use_every_verb(&store).await.unwrap();
    // The statistics of a session are complete when it has ended.
    drop(store);
    wait_until("the end of the sessions", || {
        let theirs = format!("datname = '{database}' AND application_name = 'stagedoor'");
        SERVER.sql("postgres", &format!("SELECT count(*) FROM pg_stat_activity WHERE {theirs}")) == "0"
    });
    assert_ne!(scans("idx_scan"), "0");
    // A table of a few rows is scanned, and rightly so; one scan of a full one reads thousands.
    let read: u64 = scans("seq_tup_read").trim().parse().unwrap();
    assert!(read < 1000, "{read} rows were read one after the other");
}

/// Each more often than a plan that knows the values is tried.
async fn use_every_verb(store: &dyn Store) -> Result<(), StoreError> {
    let (now, later) = (UnixMillis(2500), UnixMillis(9000));
    let place = Place { shelf: Shelf("used"), key: Key([7; 32]) };
    let draft = Draft { place, owner: Some(Key([8; 32])), sealed: vec![1], expires: Some(later) };
    for _ in 0..10 {
        let Write::Done(version) = store.insert(draft.clone(), now).await? else { panic!("refused") };
        assert_eq!(store.insert(draft.clone(), now).await?, Write::Refused);
        store.get(place, now).await?.expect("what was asked for");
        store.replace(draft.clone(), version, now).await?;
        store.list(place.shelf, None, 10, now).await?;
        store.shelves().await?;
        store.take(place, now).await?.expect("what was asked for");
        store.insert(draft.clone(), now).await?;
        store.remove(place, now).await?;
        store.insert(draft.clone(), now).await?;
        assert_eq!(store.remove_owned(Key([8; 32]), now).await?, 1);
        let Write::Done(version) = store.insert(draft.clone(), now).await? else { panic!("refused") };
        assert_eq!(store.remove_owned_if(Key([8; 32]), place, None, now).await?, None);
        assert_eq!(store.remove_owned_if(Key([8; 32]), place, Some(version), now).await?, Some(1));
        let lease = store.lease(place, now, later).await?.expect("what was asked for");
        store.release(lease).await?;
        store.purge(now, 100).await?;
        store.ready().await?;
    }
    Ok(())
}
