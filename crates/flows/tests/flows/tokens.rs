//! What Zoom may answer to a refresh, and what becomes of the grant.

use std::time::Duration;

use serde_json::json;
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::grant::{Ending, Outcome, Standing};
use stagedoor_flows::installation::Installation;
use stagedoor_flows::tokens::{Fresh, TokensError};
use stagedoor_flows::vault::Terms;

use crate::world::{Browser, World, user};
use crate::zoom::{Answer, Endpoint};

const HOUR_MS: i64 = 3_600_000;

/// A user whose access token has expired.
async fn expired() -> World {
    let world = World::flowing();
    install(&world, "jill").await;
    world.clock.advance(HOUR_MS);
    world
}

async fn install(world: &World, id: &str) {
    let mut browser = Browser::default();
    let arrival = browser.consents(world, id).await;
    browser.opens(world, &arrival).await.unwrap();
}

async fn fresh(world: &World) -> Result<Fresh, TokensError> {
    world.tokens.fresh(&user("jill")).await
}

async fn standing(world: &World) -> Standing {
    world.installations.of(&user("jill")).await.unwrap().unwrap().grant.standing
}

fn refreshes(world: &World) -> usize {
    world.zoom.calls(Endpoint::Refresh)
}

fn good(world: &World) -> String {
    world.zoom.good_access("jill").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_good_costs_one_read_and_then_none() {
    let world = World::flowing();
    install(&world, "jill").await;
    world.store.plan(None);
    for _ in 0..100 {
        assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world));
    }
    assert_eq!((world.store.calls(), refreshes(&world)), (1, 0));
    tokio::time::sleep(Duration::from_secs(10)).await;
    fresh(&world).await.unwrap();
    assert_eq!(world.store.calls(), 2, "what was read ten seconds ago is read again");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_refreshed_and_stored() {
    let world = expired().await;
    let token = fresh(&world).await.unwrap();
    assert_eq!(token.access.expose(), good(&world));
    assert_eq!(token.api.as_str(), "https://api.zoom.us/");
    assert_eq!(token.scopes, ["user:read:user", "zoomapp:inmeeting"]);
    let stored = world.installations.of(&user("jill")).await.unwrap().unwrap().grant;
    assert_eq!(stored.access, token.access);
    assert_eq!((stored.standing, refreshes(&world)), (Standing::Live, 1));
    assert_eq!(world.carried.outcomes(), [Outcome::Renewed]);
}

#[tokio::test(start_paused = true)]
async fn mn_26_any_number_of_callers_in_any_number_of_processes_make_one_call() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_millis(300));
    world.store.dawdle();
    let processes = [world.clone(), world.flowing_replica(2), world.flowing_replica(3)];
    let callers = processes.iter().flat_map(|process| {
        (0..20).map(|_| {
            let tokens = process.tokens.clone();
            tokio::spawn(async move { tokens.fresh(&user("jill")).await })
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap().unwrap().access.expose(), good(&world));
    }
    assert_eq!(refreshes(&world), 1);
    world.zoom.assert_rules_kept();
}

#[tokio::test(start_paused = true)]
async fn a_token_that_still_serves_is_refreshed_without_anybody_waiting() {
    let world = World::flowing();
    install(&world, "jill").await;
    let old = good(&world);
    world.clock.advance(56 * 60_000);
    world.zoom.dawdle(Duration::from_secs(1));
    let before = tokio::time::Instant::now();
    assert_eq!(fresh(&world).await.unwrap().access.expose(), old);
    assert_eq!(before.elapsed(), Duration::ZERO);
    world.carried.settle().await;
    assert_ne!(fresh(&world).await.unwrap().access.expose(), old);
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_on_when_its_callers_have_gone_away() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(2));
    let gone = tokio::time::timeout(Duration::from_millis(100), fresh(&world)).await;
    assert!(gone.is_err());
    world.carried.settle().await;
    assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world));
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_ten_seconds_at_most() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(8));
    let before = tokio::time::Instant::now();
    let error = fresh(&world).await.unwrap_err();
    assert!(matches!(error, TokensError::Busy { .. }) && error.retry_after().is_some());
    assert_eq!(before.elapsed(), Duration::from_secs(10));
    world.carried.settle().await;
    assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world));
}

#[tokio::test(start_paused = true)]
async fn only_invalid_grant_ends_a_grant() {
    let world = expired().await;
    world.zoom.removed("jill");
    let error = fresh(&world).await.unwrap_err();
    assert!(matches!(error, TokensError::NeedsReauth { reason: Ending::Refused, .. }), "{error:?}");
    assert_eq!((error.code(), error.fault()), ("needs_reauth", Fault::Forbidden));
    let stored = world.installations.of(&user("jill")).await.unwrap().unwrap();
    assert!(stored.grant.refresh.is_none(), "erased");
    assert!(!world.is_installed("jill").await);
    for _ in 0..3 {
        assert!(matches!(fresh(&world).await, Err(TokensError::NeedsReauth { .. })));
    }
    assert_eq!(refreshes(&world), 1, "nobody asks again");
    assert_eq!(world.carried.outcomes(), [Outcome::Ended(Ending::Refused)]);
    install(&world, "jill").await;
    assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world), "healed by adding the app again");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_sealed_anew_during_a_refresh_still_learns_what_came_of_it() {
    let world = expired().await;
    world.zoom.removed("jill");
    world.zoom.dawdle(Duration::from_millis(200));
    let seal_anew = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let kept = world.vault.get::<Installation>("jill").await.unwrap().unwrap();
        assert!(matches!(kept.item.grant.standing, Standing::Refreshing { .. }));
        let jill = user("jill");
        let terms = Terms { owner: Some(&jill), expires: None };
        assert!(world.vault.replace(&kept, &kept.item, terms).await.unwrap());
    };
    let (answer, ()) = tokio::join!(fresh(&world), seal_anew);
    assert!(matches!(answer, Err(TokensError::NeedsReauth { reason: Ending::Refused, .. })), "{answer:?}");
    assert_eq!(refreshes(&world), 1);
}

/// What keeps a grant, and how it is counted. `true` where the answer may have come after Zoom had done its part, so
/// that it is asked once more.
fn keepers() -> Vec<(Answer, Outcome, bool)> {
    let html = "<html><body>Service Unavailable</body></html>";
    let error = |error: &str| json!({"reason": "said Zoom", "error": error});
    vec![
        (Answer::json(400, &error("invalid_client")), Outcome::Refused, false),
        (Answer::json(401, &error("invalid_client")), Outcome::Refused, false),
        (Answer::json(400, &error("unsupported_grant_type")), Outcome::Refused, false),
        (Answer::json(401, &error("invalid_request")), Outcome::Refused, false),
        (Answer::json(400, &json!({"reason": "Invalid Token!"})), Outcome::Refused, false),
        (Answer::Connect, Outcome::Refused, false),
        (Answer::Later(3), Outcome::Limited, false),
        (Answer::Status(429, html.into()), Outcome::Limited, false),
        (Answer::Status(500, html.into()), Outcome::Unknown, true),
        (Answer::Status(503, String::new()), Outcome::Unknown, true),
        (Answer::Status(200, html.into()), Outcome::Unknown, true),
        (
            Answer::Status(200, r#"{"access_token":"a","token_type":"bearer","expires_in":3599}"#.into()),
            Outcome::Unknown,
            true,
        ),
        (Answer::Status(400, html.into()), Outcome::Unknown, true),
        (Answer::Status(302, String::new()), Outcome::Unknown, true),
        (Answer::Unheard, Outcome::Unknown, true),
    ]
}

#[tokio::test(start_paused = true)]
async fn mn_26_everything_else_keeps_the_grant() {
    for (answer, outcome, in_doubt) in keepers() {
        let world = expired().await;
        world.zoom.script(Endpoint::Refresh, [answer.clone(), answer.clone()]);
        let error = fresh(&world).await.unwrap_err();
        assert!(matches!(error, TokensError::Zoom { .. }), "{answer:?}: {error:?}");
        assert!(error.code().starts_with("zoom_") || error.code() == "client_refused", "{}", error.code());
        assert_eq!(world.carried.outcomes(), [outcome], "{answer:?}");
        assert_eq!(refreshes(&world), if in_doubt { 2 } else { 1 }, "{answer:?}");
        let Standing::Resting { past, .. } = standing(&world).await else { panic!("{answer:?}: not resting") };
        assert_eq!(past.doubts, if in_doubt { 2 } else { 0 }, "{answer:?}");
        assert!(world.is_installed("jill").await, "{answer:?}");
        world.zoom.heal();
        assert!(matches!(fresh(&world).await, Err(TokensError::Busy { .. })), "{answer:?}: it rests");
        tokio::time::sleep(error.retry_after().unwrap().max(Duration::from_secs(10))).await;
        assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world), "{answer:?}");
        world.zoom.assert_rules_kept();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_is_asked_for_once_more_and_then_told() {
    for answer in [Answer::Timeout, Answer::Broken, Answer::TooLarge] {
        let world = expired().await;
        world.zoom.script(Endpoint::Refresh, [answer.clone()]);
        let error = fresh(&world).await.unwrap_err();
        assert!(matches!(error, TokensError::NeedsReauth { reason: Ending::AnswerLost, .. }), "{answer:?}: {error:?}");
        assert_eq!(world.carried.outcomes(), [Outcome::Ended(Ending::AnswerLost)], "counted apart");
        assert_eq!(refreshes(&world), 2);
        install(&world, "jill").await;
        assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world), "healed by one re-authorisation");
        world.zoom.assert_rules_kept();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_is_not_lost() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_millis(7_500));
    assert!(matches!(fresh(&world).await, Err(TokensError::Busy { .. })), "nobody waits for fifteen seconds");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world));
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_call_is_not_repeated_at_once() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(9));
    assert!(fresh(&world).await.is_err());
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(refreshes(&world), 1, "given up after sixteen seconds, and not asked again at once");
    world.zoom.dawdle(Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let error = fresh(&world).await.unwrap_err();
    assert!(matches!(error, TokensError::NeedsReauth { reason: Ending::AnswerLost, .. }), "{error:?}");
    assert_eq!(refreshes(&world), 2);
    world.zoom.assert_rules_kept();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_lost_is_healed_by_the_second_one() {
    let world = expired().await;
    world.zoom.script(Endpoint::Refresh, [Answer::Unheard]);
    assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world));
    assert_eq!(world.carried.outcomes(), [Outcome::Healed]);
    assert_eq!(standing(&world).await, Standing::Live);
}

#[tokio::test(start_paused = true)]
async fn zoom_being_down_for_hours_costs_no_grant_and_few_calls() {
    let world = expired().await;
    world.zoom.script(Endpoint::Refresh, (0..10_000).map(|_| Answer::Status(503, String::new())));
    for _ in 0..6 * 3600 {
        assert!(fresh(&world).await.is_err());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let calls = refreshes(&world);
    assert!((300..900).contains(&calls), "{calls} calls in six hours of asking every second");
    world.zoom.heal();
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(fresh(&world).await.unwrap().access.expose(), good(&world));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_client_secret_for_minutes_costs_no_grant() {
    let world = World::flowing();
    let ids: Vec<_> = (0..50).map(|number| format!("user-{number}")).collect();
    for id in &ids {
        install(&world, id).await;
    }
    world.clock.advance(HOUR_MS);
    let refusal =
        Answer::json(400, &json!({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}));
    world.zoom.script(Endpoint::Refresh, (0..10_000).map(|_| refusal.clone()));
    for _ in 0..300 {
        for id in &ids {
            assert!(world.tokens.fresh(&user(id)).await.is_err());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let calls = refreshes(&world);
    assert!(calls <= 31, "{calls} calls in five minutes, for all grants together");
    world.zoom.heal();
    tokio::time::sleep(Duration::from_secs(90)).await;
    for id in &ids {
        let token = world.tokens.fresh(&user(id)).await.unwrap();
        assert_eq!(Some(token.access.expose().to_owned()), world.zoom.good_access(id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_counts_for_all_grants_of_the_app() {
    let world = World::flowing();
    install(&world, "jill").await;
    install(&world, "jack").await;
    world.clock.advance(HOUR_MS);
    world.zoom.script(Endpoint::Refresh, [Answer::Later(30)]);
    let error = fresh(&world).await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("zoom_rate_limited", Fault::ZoomBusy));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    let other = world.tokens.fresh(&user("jack")).await.unwrap_err();
    assert!(matches!(other, TokensError::Busy { retry_after } if retry_after > Duration::from_secs(29)), "{other:?}");
    assert_eq!(refreshes(&world), 1);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(fresh(&world).await.is_ok() && world.tokens.fresh(&user("jack")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_a_wrong_clock_left_behind_holds_nobody_up() {
    let world = World::flowing();
    install(&world, "jill").await;
    install(&world, "jack").await;
    world.clock.advance(HOUR_MS + 300_000);
    world.zoom.script(Endpoint::Refresh, [Answer::Later(30)]);
    assert!(fresh(&world).await.is_err());
    world.clock.advance(-200_000);
    assert!(world.tokens.fresh(&user("jack")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_serves_is_given_while_zoom_is_down() {
    let world = World::flowing();
    install(&world, "jill").await;
    let old = good(&world);
    world.clock.advance(56 * 60_000);
    world.zoom.script(Endpoint::Refresh, (0..100).map(|_| Answer::Status(500, String::new())));
    for _ in 0..180 {
        assert_eq!(fresh(&world).await.unwrap().access.expose(), old);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(refreshes(&world) > 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_zooms_api_refuses_is_replaced_once() {
    let world = World::flowing();
    install(&world, "jill").await;
    world.clock.advance(120_000);
    let first = fresh(&world).await.unwrap();
    let jill = user("jill");
    let callers = (0..20).map(|_| world.tokens.renewed_after(&jill, &first));
    for second in futures_util::future::join_all(callers).await {
        assert_eq!(second.unwrap().access.expose(), good(&world));
    }
    assert_eq!(refreshes(&world), 1);
    let second = fresh(&world).await.unwrap();
    assert_ne!(second.access, first.access);
    assert_eq!(world.tokens.renewed_after(&user("jill"), &second).await.unwrap(), second, "it is not the token");
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_however_new_it_is_but_not_twice_in_a_minute() {
    let world = World::flowing();
    install(&world, "jill").await;
    let mut refused = fresh(&world).await.unwrap();
    for minute in 1..=3_u8 {
        let next = world.tokens.renewed_after(&user("jill"), &refused).await.unwrap();
        assert_eq!((next.access.expose(), refreshes(&world)), (&*good(&world), usize::from(minute)));
        let other = world.flowing_replica(minute.into());
        for tokens in [&world.tokens, &other.tokens] {
            assert_eq!(tokens.renewed_after(&user("jill"), &next).await.unwrap(), next);
        }
        assert_eq!(refreshes(&world), usize::from(minute));
        world.clock.advance(60_000);
        refused = next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_gives_way_to_the_one_that_another_process_has_stored() {
    let world = World::flowing();
    install(&world, "jill").await;
    world.clock.advance(120_000);
    let other = world.flowing_replica(2);
    let first = fresh(&world).await.unwrap();
    let second = other.tokens.renewed_after(&user("jill"), &first).await.unwrap();
    assert_eq!(fresh(&world).await.unwrap(), first, "read some seconds ago");
    assert_eq!(world.tokens.renewed_after(&user("jill"), &first).await.unwrap(), second);
    assert_eq!(fresh(&world).await.unwrap(), second, "for whoever asks next too");
    assert_eq!(refreshes(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_gives_way_to_one_that_is_good_and_not_just_to_another() {
    let world = World::flowing();
    install(&world, "jill").await;
    let first = fresh(&world).await.unwrap();
    world.clock.advance(HOUR_MS);
    fresh(&world).await.unwrap();
    world.clock.advance(HOUR_MS);
    let third = world.tokens.renewed_after(&user("jill"), &first).await.unwrap();
    assert_eq!((third.access.expose(), refreshes(&world)), (&*good(&world), 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_read_during_the_last_refresh_is_not_given_after_it() {
    let world = World::flowing();
    install(&world, "jill").await;
    world.clock.advance(120_000);
    let first = fresh(&world).await.unwrap();
    world.zoom.removed("jill");
    world.zoom.dawdle(Duration::from_secs(1));
    let jill = user("jill");
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        fresh(&world).await
    };
    let (ended, meanwhile) = tokio::join!(world.tokens.renewed_after(&jill, &first), meanwhile);
    assert_eq!(meanwhile.unwrap(), first);
    assert!(matches!(ended, Err(TokensError::NeedsReauth { .. })));
    assert!(matches!(fresh(&world).await, Err(TokensError::NeedsReauth { .. })));
}

#[tokio::test(start_paused = true)]
async fn who_has_not_added_the_app_has_no_token() {
    let error = fresh(&World::flowing()).await.unwrap_err();
    assert!(matches!(error, TokensError::NotInstalled));
    assert_eq!(error.code(), "not_installed");
}

#[tokio::test(start_paused = true)]
async fn scopes_that_went_missing_are_known() {
    let world = expired().await;
    world.zoom.grant_scope("user:read:user");
    let token = fresh(&world).await.unwrap();
    assert_eq!(token.access.expose(), good(&world), "usable");
    assert_eq!(token.missing_scopes, ["zoomapp:inmeeting"]);
    let stored = world.installations.of(&user("jill")).await.unwrap().unwrap();
    assert_eq!(stored.missing(&["zoomapp:inmeeting".into()]), ["zoomapp:inmeeting"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_scopes_leaves_them_as_they_were() {
    let world = expired().await;
    world.zoom.grant_scope("");
    assert_eq!(fresh(&world).await.unwrap().missing_scopes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn who_adds_the_app_during_a_refresh_keeps_the_new_grant() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(2));
    let tokens = world.tokens.clone();
    let refreshing = tokio::spawn(async move { tokens.fresh(&user("jill")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    install(&world, "jill").await;
    assert_eq!(refreshing.await.unwrap().unwrap().access.expose(), good(&world), "that of the new grant");
    assert_eq!(standing(&world).await, Standing::Live);
    world.zoom.assert_rules_kept();
}

#[tokio::test(start_paused = true)]
async fn tokens_that_arrive_for_a_user_who_is_gone_are_given_back() {
    let world = expired().await;
    world.zoom.dawdle(Duration::from_secs(2));
    let tokens = world.tokens.clone();
    let refreshing = tokio::spawn(async move { tokens.fresh(&user("jill")).await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.installations.revoke(&user("jill")).await.unwrap();
    assert!(matches!(refreshing.await.unwrap(), Err(TokensError::NotInstalled)));
    assert!(world.installations.of(&user("jill")).await.unwrap().is_none());
    let (_, last) = world.zoom.requests().pop().unwrap();
    assert_eq!(last.body(), &format!("token={}", good(&world)));
}

#[tokio::test(start_paused = true)]
async fn mn_12_no_token_is_printed() {
    let world = expired().await;
    let token = fresh(&world).await.unwrap();
    assert!(!format!("{token:?}").contains("canary"));
    world.zoom.removed("jill");
    world.clock.advance(HOUR_MS);
    let error = fresh(&world).await.unwrap_err();
    assert!(!format!("{error:?} {error} {}", error.sentence()).contains("canary"));
}
