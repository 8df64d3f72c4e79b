use stagedoor_flows::port::{Draft, Store, Write};
use stagedoor_flows::session::{Session, Surface};

use crate::world::{START, TTL, World, user};

fn begin(world: &World, uid: &str) -> String {
    let context = world.context(|claims| claims["uid"] = uid.into());
    world.launch.open(&context, Surface::Client, None).unwrap().cookie.expose().to_owned()
}

fn opens(world: &World, cookie: &str) -> bool {
    world.sessions.open(cookie).is_some()
}

fn session(world: &World, uid: &str) -> Session {
    world.sessions.open(&begin(world, uid)).unwrap()
}

#[tokio::test]
async fn a_revoked_user_is_out_at_once_here_and_with_the_next_refresh_elsewhere() {
    let here = World::new();
    let there = here.replica(2);
    let cookie = begin(&here, "jill");
    here.revocations.revoke(&user("jill")).await.unwrap();
    assert!(!opens(&here, &cookie));
    assert!(opens(&there, &cookie), "the other process has not looked yet");
    there.revocations.refresh().await.unwrap();
    assert!(!opens(&there, &cookie));
}

#[tokio::test]
async fn a_process_that_starts_later_knows_after_its_first_refresh() {
    let world = World::new();
    let cookie = begin(&world, "jill");
    world.revocations.revoke(&user("jill")).await.unwrap();
    let restarted = world.replica(2);
    restarted.revocations.refresh().await.unwrap();
    assert!(!opens(&restarted, &cookie));
}

#[tokio::test]
async fn only_the_sessions_of_this_user_end_and_only_those_begun_by_then() {
    let world = World::new();
    let (jill, jack) = (begin(&world, "jill"), begin(&world, "jack"));
    let guest = world.launch.open(&world.context(|claims| claims["uid"] = ().into()), Surface::Client, None).unwrap();
    world.revocations.revoke(&user("jill")).await.unwrap();
    assert!(!opens(&world, &jill));
    assert!(opens(&world, &jack) && opens(&world, guest.cookie.expose()));
    assert!(!opens(&world, &begin(&world, "jill")), "begun in the same millisecond");
    world.clock.advance(1);
    assert!(opens(&world, &begin(&world, "jill")), "begun later");
}

#[tokio::test]
async fn a_revoked_session_does_not_lend_its_id_to_the_next() {
    let world = World::new();
    let cookie = begin(&world, "jill");
    let first = world.sessions.open(&cookie).unwrap();
    world.revocations.revoke(&user("jill")).await.unwrap();
    world.clock.advance(1);
    let current = world.sessions.open(&cookie);
    let next = world.launch.open(&world.context(|c| c["uid"] = "jill".into()), Surface::Client, current.as_ref());
    assert_ne!(next.unwrap().session.id, first.id);
}

#[tokio::test]
async fn mn_23_while_the_store_is_down_what_is_known_counts() {
    let here = World::new();
    let there = here.replica(2);
    let cookie = begin(&here, "jill");
    here.revocations.revoke(&user("jill")).await.unwrap();
    there.revocations.refresh().await.unwrap();
    here.store.down();
    assert!(there.revocations.refresh().await.is_err());
    assert!(!opens(&there, &cookie));
    assert!(opens(&there, &begin(&there, "jack")), "launches and sessions go on");
}

#[tokio::test]
async fn mn_23_a_revocation_counts_here_even_if_the_store_fails() {
    let world = World::new();
    let cookie = begin(&world, "jill");
    world.store.down();
    assert!(world.revocations.revoke(&user("jill")).await.is_err());
    assert!(!opens(&world, &cookie));
}

#[tokio::test]
async fn a_refresh_that_read_before_a_revocation_does_not_undo_it() {
    let world = World::new();
    let cookie = begin(&world, "jill");
    world.revocations.revoke(&user("jill")).await.unwrap();
    // The store's answer is older than the revocation: it does not hold it.
    let record = world.store.shelf("revoked", START).await.remove(0);
    assert!(world.store.remove(record.draft.place, START).await.unwrap());
    world.revocations.refresh().await.unwrap();
    assert!(!opens(&world, &cookie));
}

#[tokio::test]
async fn a_clock_that_is_set_back_gives_nobody_a_session_back() {
    let world = World::new();
    let cookie = begin(&world, "jill");
    world.revocations.revoke(&user("jill")).await.unwrap();
    world.clock.advance(-60_000);
    world.revocations.revoke(&user("jill")).await.unwrap();
    assert!(!opens(&world, &cookie));
    let restarted = world.replica(2);
    restarted.revocations.refresh().await.unwrap();
    assert!(!opens(&restarted, &cookie));
}

#[tokio::test]
async fn a_record_that_does_not_open_hides_no_revocation() {
    let here = World::new();
    let there = here.replica(2);
    let cookie = begin(&here, "jill");
    here.revocations.revoke(&user("rotten")).await.unwrap();
    let record = here.store.shelf("revoked", START).await.remove(0);
    here.store.remove(record.draft.place, START).await.unwrap();
    let rotten = Draft { sealed: vec![1; 60], ..record.draft };
    assert!(matches!(here.store.insert(rotten, START).await.unwrap(), Write::Done(_)));
    here.revocations.revoke(&user("jill")).await.unwrap();
    assert_eq!(there.revocations.refresh().await.unwrap(), 1, "it is told");
    assert!(!opens(&there, &cookie), "and the others count");
}

#[tokio::test]
async fn mn_33_a_revocation_is_forgotten_when_no_session_can_be_left() {
    let world = World::new();
    let old = session(&world, "jill");
    world.revocations.revoke(&user("jill")).await.unwrap();
    world.clock.advance(TTL.client * 1_000 - 1);
    world.revocations.refresh().await.unwrap();
    assert!(world.revocations.covers(&old));
    world.clock.advance(1);
    world.revocations.refresh().await.unwrap();
    assert!(!world.revocations.covers(&old), "over by its own time");
    assert!(world.store.shelf("revoked", START.plus_seconds(TTL.client)).await.is_empty());
}

#[test]
fn a_guest_cannot_be_revoked() {
    let world = World::new();
    let guest = world.launch.open(&world.context(|claims| claims["uid"] = ().into()), Surface::Client, None).unwrap();
    assert!(!world.revocations.covers(&guest.session));
}
