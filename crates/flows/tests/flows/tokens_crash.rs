//! A refresh that is cut anywhere: by a store that fails, by the death of the process, by clocks that differ or jump.

use std::num::NonZeroU32;
use std::time::Duration;

use stagedoor_flows::grant::{Ending, Outcome, Standing};
use stagedoor_flows::tokens::{Fresh, TokensError};
use tokio::time::Instant;

use crate::watched::{Fault, Plan};
use crate::world::{Browser, World, user};
use crate::zoom::{Answer, Endpoint};

const HOUR_MS: i64 = 3_600_000;

/// More store calls than a refresh makes.
const STEPS: usize = 12;

/// The call that stores the intent, and that stores the answer, counted from the first read.
const INTENT: usize = 2;
const ANSWER: usize = 4;

async fn install(world: &World) {
    let mut browser = Browser::default();
    let arrival = browser.consents(world, "jill").await;
    browser.opens(world, &arrival).await.unwrap();
}

async fn expired() -> World {
    let world = World::flowing();
    install(&world).await;
    world.clock.advance(HOUR_MS);
    world
}

/// Asks again and again, as a page does.
async fn insistent(world: &World) -> Result<Fresh, TokensError> {
    let began = Instant::now();
    loop {
        match world.tokens.fresh(&user("jill")).await {
            Err(error @ (TokensError::Busy { .. } | TokensError::Zoom { .. } | TokensError::Vault(_)))
                if began.elapsed() < Duration::from_mins(5) =>
            {
                tokio::time::sleep(error.retry_after().unwrap_or(Duration::from_secs(1))).await;
            }
            answer => return answer,
        }
    }
}

/// What must hold at the end: the token that Zoom honours is in hand; or Zoom's answer was lost, which is told, and
/// healed by adding the app once more.
async fn assert_sound(world: &World, answer: Result<Fresh, TokensError>, at: &str) {
    world.zoom.assert_rules_kept();
    match answer {
        Ok(token) => assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref(), "{at}"),
        Err(TokensError::NeedsReauth { reason: Ending::AnswerLost, .. }) => {
            install(world).await;
            let token = world.tokens.fresh(&user("jill")).await.unwrap();
            assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref(), "{at}");
        }
        Err(error) => panic!("{at}: {error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_at_any_store_call_leaves_a_grant_that_heals() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for step in 0..STEPS {
            let at = format!("{fault:?} at call {step}");
            let world = expired().await;
            world.zoom.dawdle(Duration::from_millis(100));
            world.store.plan(Some(Plan { fault, from: step, until: usize::MAX }));
            let _ = tokio::time::timeout(Duration::from_secs(5), world.tokens.fresh(&user("jill"))).await;
            world.carried.kill();
            world.zoom.process_died();
            world.store.heal();
            let next = world.flowing_replica(2);
            let began = Instant::now();
            let answer = insistent(&next).await;
            assert!(began.elapsed() < Duration::from_mins(1), "{at}: stuck for {:?}", began.elapsed());
            // The call before it is made while Zoom is asked.
            let dies_with_the_answer = fault == Fault::HangBefore && (ANSWER - 1..=ANSWER).contains(&step);
            assert_eq!(matches!(answer, Err(TokensError::NeedsReauth { .. })), dies_with_the_answer, "{at}");
            assert_sound(&next, answer, &at).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_during_the_call_leaves_a_grant_that_heals() {
    for (millis, lost) in [(50, false), (150, true)] {
        let world = expired().await;
        world.zoom.dawdle(Duration::from_millis(100));
        let _ = tokio::time::timeout(Duration::from_millis(millis), world.tokens.fresh(&user("jill"))).await;
        world.carried.kill();
        assert_eq!(world.zoom.has_lost("jill"), lost);
        let next = world.flowing_replica(2);
        let answer = insistent(&next).await;
        assert_eq!(answer.is_err(), lost);
        let outcome = if lost { Outcome::Ended(Ending::AnswerLost) } else { Outcome::Healed };
        assert_eq!(next.carried.outcomes(), [outcome]);
        assert_sound(&next, answer, "in the call").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_any_call_costs_no_grant() {
    for fault in [Fault::Before, Fault::After] {
        for step in 0..STEPS {
            for length in [1, 2, 5, 30] {
                let at = format!("{fault:?} at {length} calls from call {step}");
                let world = expired().await;
                world.store.plan(Some(Plan { fault, from: step, until: step + length }));
                let answer = insistent(&world).await;
                world.zoom.assert_rules_kept();
                let token = answer.unwrap_or_else(|error| panic!("{at}: {error:?}"));
                assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref(), "{at}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_refresh_is_begun_while_the_store_cannot_be_written() {
    let world = expired().await;
    world.store.plan(Some(Plan { fault: Fault::Before, from: 1, until: usize::MAX }));
    for _ in 0..20 {
        assert!(matches!(world.tokens.fresh(&user("jill")).await, Err(TokensError::Vault(_))));
        world.store.plan(Some(Plan { fault: Fault::Before, from: 1, until: usize::MAX }));
    }
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 0);
    world.store.heal();
    let began = Instant::now();
    assert!(insistent(&world).await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_took_the_store_too_long_is_taken_back() {
    let world = expired().await;
    world.store.plan(Some(Plan { fault: Fault::Late, from: INTENT, until: INTENT + 1 }));
    assert!(matches!(world.tokens.fresh(&user("jill")).await, Err(TokensError::Busy { .. })));
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 0, "others may take it for an orphan soon");
    assert_eq!(stored(&world).await, Standing::Live);
    assert!(world.tokens.fresh(&user("jill")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_intent_is_taken_back_where_a_clock_that_was_set_hides_how_long_it_took() {
    let world = expired().await;
    world.store.plan(Some(Plan { fault: Fault::Late, from: INTENT, until: INTENT + 1 }));
    let tokens = world.tokens.clone();
    let waiting = tokio::spawn(async move { tokens.fresh(&user("jill")).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.clock.advance(-60_000);
    assert!(matches!(waiting.await.unwrap(), Err(TokensError::Busy { .. })));
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 0);
    assert!(insistent(&world).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_nobody_acknowledged_is_found_and_holds_nobody_up() {
    let world = expired().await;
    world.store.plan(Some(Plan { fault: Fault::After, from: INTENT, until: INTENT + 1 }));
    let began = Instant::now();
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(world.carried.outcomes(), [Outcome::Renewed], "nothing was in doubt");
}

#[tokio::test(start_paused = true)]
async fn tokens_whose_storing_nobody_acknowledged_are_renewed_like_others() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_millis(100));
    world.store.plan(Some(Plan { fault: Fault::After, from: ANSWER, until: ANSWER + 1 }));
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert_eq!(world.carried.outcomes(), [Outcome::Renewed], "counted");
    world.clock.advance(56 * 60_000);
    world.tokens.renew_due(NonZeroU32::MIN).await.unwrap();
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 2, "and in the queue");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_be_used_up_is_sent_once_a_rest() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(1));
    let _ = tokio::time::timeout(Duration::from_millis(500), world.tokens.fresh(&user("jill"))).await;
    world.carried.kill();
    world.zoom.process_died();
    world.zoom.script(Endpoint::Refresh, [Answer::Unheard, Answer::Unheard, Answer::Unheard]);
    let next = world.flowing_replica(2);
    let mut calls = vec![world.zoom.calls(Endpoint::Refresh)];
    for _ in 0..3 {
        while !matches!(next.tokens.fresh(&user("jill")).await, Err(TokensError::Zoom { .. })) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        calls.push(world.zoom.calls(Endpoint::Refresh));
    }
    assert_eq!(calls, [1, 2, 3, 4]);
    assert!(insistent(&next).await.is_ok(), "healed in the end");
    assert_eq!(next.carried.outcomes().last(), Some(&Outcome::Healed));
}

#[tokio::test(start_paused = true)]
async fn mn_27_tokens_that_the_store_does_not_take_are_used_by_nobody_and_kept_until_it_does() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(1));
    let began = Instant::now();
    let waiting = tokio::spawn({
        let tokens = world.tokens.clone();
        async move { tokens.fresh(&user("jill")).await }
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.store.down();
    assert!(matches!(waiting.await.unwrap(), Err(TokensError::Busy { .. })));
    tokio::time::sleep(Duration::from_secs(100)).await;
    world.store.heal();
    let token = insistent(&world).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert!(began.elapsed() < Duration::from_mins(2));
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_arrive_late_heal_what_others_have_given_up() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(1));
    let cut_off = world.flowing_replica(2);
    let tokens = cut_off.tokens.clone();
    let waiting = tokio::spawn(async move { tokens.fresh(&user("jill")).await });
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    world.store.down();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The store is back for everybody but one, whose tries come at the wrong time.
    let answer = loop {
        world.store.heal();
        let answer = tokio::time::timeout(Duration::from_millis(3), world.tokens.fresh(&user("jill"))).await;
        world.store.down();
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Ok(answer) = answer {
            break answer;
        }
    };
    drop(answer);
    world.store.heal();
    let _ = waiting.await.unwrap();
    cut_off.carried.settle().await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let token = world.tokens.fresh(&user("jill")).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert!(matches!(stored(&world).await, Standing::Live));
}

async fn stored(world: &World) -> Standing {
    world.installations.of(&user("jill")).await.unwrap().unwrap().grant.standing
}

#[tokio::test(start_paused = true)]
async fn clocks_that_differ_by_minutes_refresh_once() {
    for minutes in [-10, -2, 2, 10] {
        let world = expired().await;
        world.clock.advance(HOUR_MS);
        world.zoom.dawdle(Duration::from_secs(3));
        let other = world.flowing_replica(2);
        other.clock.advance(minutes * 60_000);
        let (one, two) = (world.tokens.clone(), other.tokens.clone());
        let one = tokio::spawn(async move { one.fresh(&user("jill")).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        let two = tokio::spawn(async move { two.fresh(&user("jill")).await });
        let (one, two) = (one.await.unwrap().unwrap(), two.await.unwrap().unwrap());
        assert_eq!(one.access, two.access, "{minutes}");
        assert_eq!(world.zoom.calls(Endpoint::Refresh), 1, "{minutes}");
        world.zoom.assert_rules_kept();
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_during_a_refresh_changes_nothing() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(3));
    let tokens = world.tokens.clone();
    let waiting = tokio::spawn(async move { tokens.fresh(&user("jill")).await });
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.clock.advance(-20 * 60_000);
    let token = waiting.await.unwrap().unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert_eq!(world.tokens.fresh(&user("jill")).await.unwrap(), token);
    assert_eq!(world.zoom.calls(Endpoint::Refresh), 1);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_a_wrong_clock_left_behind_holds_nobody_up() {
    let world = expired().await;
    world.clock.advance(HOUR_MS);
    world.store.plan(Some(Plan { fault: Fault::HangAfter, from: INTENT, until: usize::MAX }));
    let _ = tokio::time::timeout(Duration::from_secs(1), world.tokens.fresh(&user("jill"))).await;
    world.carried.kill();
    world.store.heal();
    let next = world.flowing_replica(2);
    next.clock.advance(-HOUR_MS);
    let began = Instant::now();
    let token = insistent(&next).await.unwrap();
    assert_eq!(Some(token.access.expose()), world.zoom.good_access("jill").as_deref());
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_a_wrong_clock_left_behind_holds_nobody_up() {
    let world = expired().await;
    world.zoom.script(Endpoint::Refresh, [Answer::Connect]);
    world.clock.advance(HOUR_MS);
    assert!(world.tokens.fresh(&user("jill")).await.is_err());
    world.clock.advance(-HOUR_MS);
    assert!(world.tokens.fresh(&user("jill")).await.is_ok());
}
