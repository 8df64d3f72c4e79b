//! Grants that fall due while nobody asks: how many, how fast, by whom.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::Duration;

use stagedoor_flows::grant::Outcome;
use tokio::time::Instant;

use crate::watched::{Fault, Plan};
use crate::world::{Browser, World, user};
use crate::zoom::{Answer, Endpoint};

const MINUTE_MS: i64 = 60_000;
const RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();

async fn install(world: &World, ids: impl IntoIterator<Item = String>) {
    let mut browser = Browser::default();
    for id in ids {
        let arrival = browser.consents(world, &id).await;
        browser.opens(world, &arrival).await.unwrap();
    }
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("user-{number}"))
}

/// Does what a gateway does all the time.
fn keep_up(world: &World) -> tokio::task::JoinHandle<()> {
    let tokens = world.tokens.clone();
    tokio::spawn(async move {
        loop {
            let more = tokens.renew_due(RATE).await.is_ok_and(|round| round.more);
            if !more {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_grants_due_at_once_are_drained_at_the_configured_rate_by_three_processes() {
    let world = World::flowing();
    install(&world, names(10_000)).await;
    world.clock.advance(56 * MINUTE_MS);
    world.zoom.dawdle(Duration::from_millis(100));
    let processes = [world.clone(), world.flowing_replica(2), world.flowing_replica(3)];
    let upkeep: Vec<_> = processes.iter().map(keep_up).collect();
    tokio::time::sleep(Duration::from_secs(150)).await;
    upkeep.iter().for_each(tokio::task::JoinHandle::abort);

    let sent = world.zoom.sent();
    assert_eq!(sent.len(), 10_000);
    let tokens: HashSet<_> = sent.iter().map(|(token, _)| token).collect();
    assert_eq!(tokens.len(), 10_000, "no token twice");
    world.zoom.assert_rules_kept();
    let first = sent[0].1;
    let took = sent[9_999].1 - first;
    assert!((100..=125).contains(&took.as_secs()), "{took:?} for 10,000 at 100 a second");
    let in_second = |second| sent.iter().filter(|(_, at)| (*at - first).as_secs() == second).count();
    let most = (0..took.as_secs()).map(in_second).max().unwrap();
    assert!(most <= 101, "{most} in one second");
    for id in names(10_000) {
        let token = processes[1].tokens.fresh(&user(&id)).await.unwrap();
        assert_eq!(Some(token.access.expose().to_owned()), world.zoom.good_access(&id));
    }
    assert_eq!(world.zoom.sent().len(), 10_000, "and everybody's token is good now");
}

#[tokio::test(start_paused = true)]
async fn grants_that_were_given_together_do_not_fall_due_together() {
    let world = World::flowing();
    install(&world, names(1_000)).await;
    let began = Instant::now();
    let upkeep = keep_up(&world);
    tokio::time::sleep(Duration::from_hours(1)).await;
    upkeep.abort();
    let sent = world.zoom.sent();
    assert_eq!(sent.len(), 1_000, "each of them once");
    let minute = |at: Instant| (at - began).as_secs() / 60;
    for (_, at) in &sent {
        assert!((49..=55).contains(&minute(*at)), "{} minutes after they were given", minute(*at));
    }
    let fullest = (49..=55).map(|of| sent.iter().filter(|(_, at)| minute(*at) == of).count()).max().unwrap();
    assert!(fullest < 300, "{fullest} in one minute");
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_background_is_found_in_the_background() {
    let world = World::flowing();
    install(&world, ["jill".into()]).await;
    world.clock.advance(56 * MINUTE_MS);
    world.zoom.script(Endpoint::Refresh, [Answer::Hang]);
    let upkeep = keep_up(&world);
    tokio::time::sleep(Duration::from_secs(1)).await;
    upkeep.abort();
    world.carried.kill();
    let next = world.flowing_replica(2);
    let upkeep = keep_up(&next);
    tokio::time::sleep(Duration::from_mins(2)).await;
    upkeep.abort();
    assert!(matches!(next.carried.outcomes()[..], [Outcome::Ended(_)]), "{:?}", next.carried.outcomes());
    assert!(!world.is_installed("jill").await, "told before anybody asks");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_did_not_begin_in_the_background_stays_due() {
    let world = World::flowing();
    install(&world, ["jill".into()]).await;
    world.clock.advance(56 * MINUTE_MS);
    // Lease, list, two reads, and then the intent.
    world.store.plan(Some(Plan { fault: Fault::Late, from: 4, until: 5 }));
    assert_eq!(world.tokens.renew_due(RATE).await.unwrap().begun, 1);
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 0);
    assert_eq!(world.tokens.renew_due(RATE).await.unwrap().begun, 1);
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 1);
    assert_eq!(world.tokens.renew_due(RATE).await.unwrap().begun, 0);
}

#[tokio::test(start_paused = true)]
async fn a_round_begins_nothing_while_zoom_wants_to_be_left_alone() {
    let world = World::flowing();
    install(&world, names(3)).await;
    world.clock.advance(56 * MINUTE_MS);
    world.zoom.script(Endpoint::Refresh, [Answer::Later(30)]);
    assert_eq!(world.tokens.renew_due(RATE).await.unwrap().begun, 1);
    assert_eq!(world.tokens.renew_due(RATE).await.unwrap().begun, 0);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(world.tokens.renew_due(RATE).await.unwrap().begun, 3);
}

#[tokio::test(start_paused = true)]
async fn zoom_being_down_in_the_background_is_met_with_patience() {
    let world = World::flowing();
    install(&world, names(100)).await;
    world.clock.advance(56 * MINUTE_MS);
    world.zoom.script(Endpoint::Refresh, (0..100_000).map(|_| Answer::Status(503, String::new())));
    let upkeep = keep_up(&world);
    tokio::time::sleep(Duration::from_hours(1)).await;
    let calls = world.zoom.calls(Endpoint::Refresh);
    assert!((100..100 * 90).contains(&calls), "{calls} calls for 100 grants in an hour");
    world.zoom.heal();
    tokio::time::sleep(Duration::from_mins(2)).await;
    upkeep.abort();
    let calls = world.zoom.calls(Endpoint::Refresh);
    for id in names(100) {
        assert!(world.tokens.fresh(&user(&id)).await.is_ok());
    }
    assert_eq!(world.zoom.calls(Endpoint::Refresh), calls);
}

#[tokio::test(start_paused = true)]
async fn the_queue_forgets_who_is_gone() {
    let world = World::flowing();
    install(&world, names(3)).await;
    world.installations.revoke(&user("user-1")).await.unwrap();
    assert_eq!(world.store.shelf("installation-due", world.clock_now()).await.len(), 2);
    world.clock.advance(56 * MINUTE_MS);
    let upkeep = keep_up(&world);
    tokio::time::sleep(Duration::from_secs(10)).await;
    upkeep.abort();
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 2);
    assert_eq!(world.store.shelf("installation-due", world.clock_now()).await.len(), 2, "one entry for each grant");
}
