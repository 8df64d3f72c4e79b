//! What stands on the server, and what does not.

use stagedoor_flows::port::{Draft, Key, Shelf, Store as _, Write};
use stagedoor_protocol::time::UnixMillis;

use crate::servers::RedisServer;
use crate::{NOW, chain, connect, draft, insert, place};

const LATE: UnixMillis = UnixMillis(2000);

fn keys(server: &RedisServer) -> Vec<String> {
    let keys: Vec<Vec<u8>> = server.ask(&["KEYS", "*"]);
    let mut keys: Vec<_> = keys.into_iter().map(|key| String::from_utf8_lossy(&key).into_owned()).collect();
    keys.sort_unstable();
    keys
}

/// One of everything.
async fn fill(store: &stagedoor_store::Redis) {
    for number in 0..4 {
        let owner = (number % 2 == 0).then_some(Key([9; 32]));
        let expires = (number < 2).then_some(LATE);
        insert(store, Draft { owner, expires, ..draft(number) }).await;
    }
    store.lease(place("leased", 1), NOW, LATE).await.expect("lease").expect("a free lease");
}

#[tokio::test]
async fn every_key_is_in_one_slot_and_none_expires_by_the_clock_of_the_server() {
    let server = RedisServer::start();
    fill(&connect(&server).await).await;
    let mut connection = server.connection();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        assert!(key.starts_with(b"{stagedoor}:"), "{}", String::from_utf8_lossy(&key));
        assert_eq!(redis::cmd("PTTL").arg(&key).query::<i64>(&mut connection).unwrap(), -1);
    }
}

#[tokio::test]
async fn what_is_removed_leaves_nothing_behind() {
    const EMPTY: [&str; 2] = ["{stagedoor}:last", "{stagedoor}:schema"];
    let server = RedisServer::start();
    let store = connect(&server).await;
    assert_eq!(keys(&server), EMPTY);

    fill(&store).await;
    for number in 0..4 {
        assert!(store.remove(place("shelf", number), NOW).await.unwrap());
    }
    assert_eq!(store.purge(LATE, 10).await.unwrap(), 0, "the lease goes, uncounted");
    assert_eq!(keys(&server), EMPTY);

    fill(&store).await;
    assert_eq!(store.remove_owned(Key([9; 32]), NOW).await.unwrap(), 2);
    assert_eq!(store.purge(LATE, 10).await.unwrap(), 1);
    assert!(store.take(place("shelf", 3), NOW).await.unwrap().is_some());
    assert_eq!(keys(&server), EMPTY);

    let version = insert(&store, Draft { owner: Some(Key([9; 32])), expires: Some(LATE), ..draft(1) }).await;
    assert!(matches!(store.replace(draft(1), version, NOW).await.unwrap(), Write::Done(_)));
    let lease = store.lease(place("leased", 1), NOW, LATE).await.unwrap().unwrap();
    store.release(lease).await.unwrap();
    assert!(store.remove(place("shelf", 1), NOW).await.unwrap());
    assert_eq!(keys(&server), EMPTY);
}

#[tokio::test]
async fn more_than_a_script_may_look_at_is_listed_and_purged_in_several() {
    const RECORDS: u16 = 700;
    let server = RedisServer::start();
    let store = connect(&server).await;
    for number in 0..RECORDS {
        // The live ones lie behind more dead ones than a script looks at.
        let expires = (number < 600).then_some(LATE);
        insert(&store, Draft { expires, ..draft(number) }).await;
    }
    let shelf = Shelf("shelf");
    assert_eq!(store.list(shelf, None, usize::MAX, NOW).await.unwrap().len(), 700);
    assert_eq!(store.list(shelf, None, 300, NOW).await.unwrap().len(), 300);
    let live = store.list(shelf, None, 3, LATE).await.unwrap();
    let live: Vec<_> = live.into_iter().map(|record| record.draft.place).collect();
    assert_eq!(live, [600, 601, 602].map(|number| place("shelf", number)));

    assert_eq!(store.purge(LATE, 300).await.unwrap(), 300);
    assert_eq!(store.purge(LATE, usize::MAX).await.unwrap(), 300);
    assert_eq!(store.list(shelf, None, usize::MAX, NOW).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_taught_again() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    insert(&store, draft(1)).await;
    server.ask::<()>(&["SCRIPT", "FLUSH"]);
    insert(&store, draft(2)).await;
}

#[tokio::test]
async fn numbers_go_on_after_a_crash_that_cost_the_server_its_last_writes() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let version = insert(&store, draft(1)).await;
    let fence = store.lease(place("shelf", 1), NOW, LATE).await.unwrap().unwrap().fence;
    let mut connection = server.connection();
    redis::cmd("SET").arg("{stagedoor}:last").arg("00000000000000000001").exec(&mut connection).unwrap();
    let next = insert(&store, draft(2)).await;
    assert!(next > version && next.0 > fence, "{next:?} came after {version:?} and {fence}");
}

#[tokio::test]
async fn numbers_go_on_where_the_clock_of_the_server_steps_back() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    // A counter that is ahead of the clock is what a clock that stepped back looks like.
    let mut connection = server.connection();
    redis::cmd("SET").arg("{stagedoor}:last").arg("00008000000000000000").exec(&mut connection).unwrap();
    assert_eq!(insert(&store, draft(1)).await.0, 8_000_000_000_000_001);
    assert_eq!(insert(&store, draft(2)).await.0, 8_000_000_000_000_002);
}

#[tokio::test]
async fn what_somebody_else_put_there_is_an_error_and_no_record() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let key = [b"{stagedoor}:record:shelf\0".as_slice(), &place("shelf", 1).key.0].concat();
    redis::cmd("SET").arg(&key).arg("something").exec(&mut server.connection()).unwrap();
    let error = store.get(place("shelf", 1), NOW).await.unwrap_err();
    assert!(chain(&error).contains("has not written"), "{error:?}");
    insert(&store, draft(2)).await;
}
