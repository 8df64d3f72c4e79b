//! Grants in use, and grants that nobody uses: which of them are kept fresh, for how long, and at what price.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use stagedoor_flows::grant::{Ending, Outcome};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::world::{Browser, World, user};
use crate::zoom::{Answer, Endpoint};

const DAY: u64 = 24;

/// Who comes back after so long at the latest does not wait.
const KEPT: Duration = Duration::from_hours(25);

/// Jill has added the app, and Zoom takes its time. A gateway looks after what is due every `pause`.
async fn kept_up(pause: Duration) -> (World, JoinHandle<()>) {
    let world = World::flowing();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    world.zoom.dawdle(Duration::from_millis(100));
    let tokens = world.tokens.clone();
    let upkeep = tokio::spawn(async move {
        loop {
            let _ = tokens.renew_due(NonZeroU32::MIN).await;
            sleep(pause).await;
        }
    });
    (world, upkeep)
}

/// Asks for a token, which has to be good; says how long that took.
async fn uses(world: &World) -> Duration {
    let began = Instant::now();
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    began.elapsed()
}

fn refreshes(world: &World) -> usize {
    world.zoom.calls(Endpoint::Refresh)
}

/// How often the record was offered to the store.
fn writes(world: &World) -> usize {
    world.store.written().iter().filter(|draft| draft.place.shelf.0 == "installation").count()
}

#[tokio::test(start_paused = true)]
async fn who_uses_the_app_all_the_time_never_waits() {
    let (world, upkeep) = kept_up(Duration::from_mins(1)).await;
    for _ in 0..20 * DAY {
        sleep(Duration::from_hours(1)).await;
        assert_eq!(uses(&world).await, Duration::ZERO);
    }
    upkeep.abort();
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_nobody_uses_is_left_alone_after_a_day_but_never_lost() {
    let (world, upkeep) = kept_up(Duration::from_mins(5)).await;
    sleep(Duration::from_hours(2 * DAY)).await;
    let first = refreshes(&world);
    assert!((26..=31).contains(&first), "{first} times in the first day");
    sleep(Duration::from_hours(58 * DAY)).await;
    assert_eq!(refreshes(&world), first, "left alone");
    sleep(Duration::from_hours(240 * DAY)).await;
    let kept = refreshes(&world) - first;
    assert_eq!(kept, 4, "times in 240 days");
    assert!(world.is_installed("jill").await);
    assert!(!uses(&world).await.is_zero());
    upkeep.abort();
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_waits_once_and_is_kept_good_again() {
    let (world, upkeep) = kept_up(Duration::from_mins(1)).await;
    sleep(Duration::from_hours(20 * DAY)).await;
    assert!(!uses(&world).await.is_zero());
    sleep(KEPT).await;
    assert!(uses(&world).await.is_zero());
    upkeep.abort();
}

#[tokio::test(start_paused = true)]
async fn a_use_is_noted_once_an_hour_and_costs_nothing_where_the_token_is_refreshed_anyway() {
    let (world, upkeep) = kept_up(Duration::from_secs(20)).await;
    let (began, calls) = (writes(&world), refreshes(&world));
    for _ in 0..DAY * 60 {
        sleep(Duration::from_mins(1)).await;
        assert_eq!(uses(&world).await, Duration::ZERO);
    }
    upkeep.abort();
    // An intent and a result each.
    let of_refreshes = 2 * (refreshes(&world) - calls);
    let notes = writes(&world) - began - of_refreshes;
    assert!((20..=24).contains(&notes), "{notes} notes in a day");

    let (world, upkeep) = kept_up(Duration::from_hours(1_000)).await;
    let (began, calls) = (writes(&world), refreshes(&world));
    for _ in 0..DAY * 60 {
        sleep(Duration::from_mins(1)).await;
        uses(&world).await;
    }
    upkeep.abort();
    assert_eq!(writes(&world) - began, 2 * (refreshes(&world) - calls), "no note where users refresh");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_costs_four_writes_of_the_store() {
    let (world, upkeep) = kept_up(Duration::from_hours(1_000)).await;
    upkeep.abort();
    world.clock.advance(56 * 60_000);
    world.store.plan(None);
    assert_eq!(world.tokens.renew_due(NonZeroU32::MIN).await.unwrap().begun, 1);
    assert_eq!(refreshes(&world), 1);
    let (round, reads) = (["lease", "list", "list", "release"].len(), ["is it due", "is it due still"].len());
    let writes = ["intent", "tokens", "into the queue", "out of the queue"].len();
    assert_eq!(world.store.calls(), round + reads + writes);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_the_first_call_after_a_weekend_is_found_in_the_background() {
    let (world, upkeep) = kept_up(Duration::from_mins(1)).await;
    sleep(Duration::from_hours(3 * DAY)).await;
    upkeep.abort();
    world.zoom.script(Endpoint::Refresh, [Answer::Hang]);
    let _ = tokio::time::timeout(Duration::from_secs(1), world.tokens.fresh(&user("jill"))).await;
    world.carried.kill();
    let next = world.flowing_replica(2);
    let tokens = next.tokens.clone();
    let upkeep = tokio::spawn(async move {
        loop {
            let _ = tokens.renew_due(NonZeroU32::MIN).await;
            sleep(Duration::from_secs(5)).await;
        }
    });
    sleep(Duration::from_mins(3)).await;
    upkeep.abort();
    assert_eq!(next.carried.outcomes(), [Outcome::Ended(Ending::AnswerLost)]);
    assert!(!world.is_installed("jill").await, "told before anybody asks");
}

/// Working days: at which minutes of nine hours somebody uses the app. Most days have some.
fn working_days() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let day = prop_oneof![4 => prop::collection::vec(0..540_u64, 1..6), 1 => Just(Vec::new())];
    prop::collection::vec(day, 2..12)
}

async fn walk(days: Vec<Vec<u64>>) {
    let (world, upkeep) = kept_up(Duration::from_mins(1)).await;
    let began = Instant::now();
    let mut last = began;
    for (day, mut minutes) in days.into_iter().enumerate() {
        minutes.sort_unstable();
        // Five days of work, two of rest.
        let morning = Duration::from_hours((day as u64 / 5 * 7 + day as u64 % 5) * DAY);
        for minute in minutes {
            tokio::time::sleep_until(began + morning + Duration::from_mins(minute)).await;
            let (away, waited) = (last.elapsed(), uses(&world).await);
            assert!(away > KEPT || waited.is_zero(), "waited {waited:?} after {away:?}");
            assert!(waited <= Duration::from_millis(200), "one call, and no more");
            last = Instant::now();
        }
    }
    let calls = refreshes(&world);
    sleep(Duration::from_hours(26)).await;
    let after = refreshes(&world);
    assert!(after <= calls + 32);
    sleep(Duration::from_hours(50 * DAY)).await;
    assert_eq!(refreshes(&world), after, "left alone when nobody comes any more");
    sleep(Duration::from_hours(11 * DAY)).await;
    assert_eq!(refreshes(&world), after + 1, "and kept alive");
    upkeep.abort();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn who_comes_every_day_finds_a_good_token_and_who_was_away_waits_for_one_call(days in working_days()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(walk(days));
    }
}
