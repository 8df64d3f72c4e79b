use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::install::{ATTEMPT_SECONDS, Callback, Finished, InstallError, REMEMBER_SECONDS};
use stagedoor_protocol::secret::{AuthorizationCode, State};

use crate::world::{Browser, START, World, link, user};
use crate::zoom::{Answer, Endpoint};

#[tokio::test]
async fn a_user_who_consents_is_installed_and_sent_into_the_client() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    assert!(!world.is_installed("jill").await);
    let finished = browser.opens(&world, &arrival).await;
    assert!(link(&finished).starts_with("https://zoom.us/launch/chatapp/canary-link-"));
    assert!(world.is_installed("jill").await);
    let called: Vec<_> = world.zoom.requests().into_iter().map(|(endpoint, _)| endpoint).collect();
    assert_eq!(called, [Endpoint::Token, Endpoint::Me, Endpoint::DeepLink]);
    assert_eq!(world.zoom.requests()[2].1.body(), r#"{"action":"installed"}"#);
}

#[tokio::test]
async fn the_authorize_page_gets_a_new_state_and_challenge_each_time() {
    let world = World::new();
    let (one, two) = (world.install.begin(None, None).await.unwrap(), world.install.begin(None, None).await.unwrap());
    assert_ne!(one.location, two.location);
    let query: std::collections::HashMap<_, _> = one.location.query_pairs().into_owned().collect();
    assert_eq!(one.location.path(), "/oauth/authorize");
    assert_eq!(query["redirect_uri"], "https://app.example.com/zoom/callback");
    assert_eq!((query["state"].len(), query["code_challenge"].len()), (43, 43));
    assert!(!query.contains_key("scope"));
}

#[tokio::test]
async fn mn_05_a_state_works_once() {
    let world = World::new();
    let mut browser = Browser::default();
    let first = browser.consents(&world, "jill").await;
    browser.opens(&world, &first).await.unwrap();
    let second = browser.consents(&world, "jack").await;
    let mixed = crate::world::Arrival { code: second.code.clone(), ..first };
    assert!(matches!(browser.opens(&world, &mixed).await, Ok(Finished::Installed(_))), "the first user's link again");
    assert!(!world.is_installed("jack").await, "the other code was not looked at");
    assert_eq!(world.zoom.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn mn_05_a_state_works_only_in_the_browser_that_began() {
    let world = World::new();
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    let arrival = attacker.consents(&world, "attacker").await;
    victim.consents(&world, "victim").await;
    for browser in [&victim, &Browser::default()] {
        let refused = browser.opens(&world, &arrival).await.unwrap_err();
        assert!(matches!(refused, InstallError::WrongBrowser));
        assert_eq!((refused.code(), refused.fault()), ("state_of_another_browser", Fault::Forbidden));
    }
    assert_eq!(world.zoom.calls(Endpoint::Token), 0);
    assert!(attacker.opens(&world, &arrival).await.is_ok(), "the refusals have spoilt nothing");
}

#[tokio::test]
async fn mn_05_a_finished_state_shows_its_link_to_no_other_browser() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    let refused = Browser::default().opens(&world, &arrival).await;
    assert!(matches!(refused, Err(InstallError::WrongBrowser)));
}

#[tokio::test]
async fn mn_05_a_code_of_another_attempt_fails_for_want_of_its_verifier() {
    let world = World::new();
    let mut browser = Browser::default();
    let mine = browser.consents(&world, "jill").await;
    let injected = Browser::default().consents(&world, "attacker").await;
    let mixed = crate::world::Arrival { code: injected.code, state: mine.state };
    assert_eq!(browser.opens(&world, &mixed).await.unwrap_err().code(), "code_refused");
    assert!(!world.is_installed("attacker").await);
}

#[tokio::test]
async fn mn_04_an_absent_or_malformed_cookie_matches_no_state() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let good = browser.cookie.clone().unwrap();
    let foreign = World::new().replica(77).install.begin(None, None).await.unwrap().binding.expose().to_owned();
    let others = [None, Some(String::new()), Some("null".into()), Some(good[1..].into()), Some(foreign)];
    for cookie in others {
        let refused = Browser { cookie: cookie.clone() }.opens(&world, &arrival).await;
        assert!(matches!(refused, Err(InstallError::WrongBrowser)), "{cookie:?}");
    }
    assert!(browser.opens(&world, &arrival).await.is_ok());
}

#[tokio::test]
async fn mn_04_a_state_that_nobody_began_is_unknown() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    for state in
        [String::new(), "x".into(), arrival.state.to_lowercase(), format!("{} ", arrival.state), "x".repeat(9999)]
    {
        let refused = browser.opens(&world, &crate::world::Arrival { state, ..arrival.clone() }).await.unwrap_err();
        assert!(matches!(refused, InstallError::UnknownState));
        assert_eq!((refused.code(), refused.fault()), ("state_unknown", Fault::Stale));
    }
    assert_eq!(world.zoom.calls(Endpoint::Token), 0);
}

#[tokio::test]
async fn a_state_is_over_after_ten_minutes() {
    for (millis, over) in [(ATTEMPT_SECONDS * 1_000 - 1, false), (ATTEMPT_SECONDS * 1_000, true)] {
        let world = World::new();
        let mut browser = Browser::default();
        let arrival = browser.consents(&world, "jill").await;
        world.clock.advance(millis);
        let finished = browser.opens(&world, &arrival).await;
        assert_eq!(matches!(finished, Err(InstallError::UnknownState)), over, "{finished:?}");
    }
}

#[tokio::test]
async fn a_callback_without_state_discards_the_code_and_begins_again() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    for cookie in [None, browser.cookie.as_deref()] {
        let cold = Callback { code: Some(AuthorizationCode::new(&*arrival.code)), ..Callback::default() };
        assert!(matches!(world.install.finish(cold, cookie).await, Ok(Finished::BeginAgain)));
    }
    assert!(world.zoom.requests().is_empty());
    assert!(browser.opens(&world, &arrival).await.is_ok());
}

#[tokio::test]
async fn an_empty_callback_has_nothing_to_finish() {
    let world = World::new();
    let refused = world.install.finish(Callback::default(), None).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("callback_empty", Fault::Caller));
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let bare = Callback { state: Some(State::new(&*arrival.state)), ..Callback::default() };
    let refused = world.install.finish(bare, browser.cookie.as_deref()).await.unwrap_err();
    assert_eq!(refused.code(), "callback_empty");
    assert!(browser.opens(&world, &arrival).await.is_ok(), "the attempt is still pending");
}

#[tokio::test]
async fn a_denial_ends_the_attempt() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let denied =
        || Callback { state: Some(State::new(&*arrival.state)), code: None, error: Some("access_denied".into()) };
    let refused = world.install.finish(denied(), browser.cookie.as_deref()).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("declined", Fault::Forbidden));
    assert!(matches!(browser.opens(&world, &arrival).await, Err(InstallError::UnknownState)));
    assert!(world.zoom.requests().is_empty());
}

#[tokio::test]
async fn a_denial_sent_from_another_browser_ends_nothing() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let denied = Callback { state: Some(State::new(&*arrival.state)), code: None, error: Some("access_denied".into()) };
    assert!(matches!(world.install.finish(denied, None).await, Err(InstallError::WrongBrowser)));
    assert!(browser.opens(&world, &arrival).await.is_ok());
}

#[tokio::test]
async fn an_error_counts_more_than_a_code_beside_it() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let both = Callback { error: Some("access_denied".into()), ..arrival.callback() };
    let refused = world.install.finish(both, browser.cookie.as_deref()).await;
    assert!(matches!(refused, Err(InstallError::Declined)));
    assert!(world.zoom.requests().is_empty());
}

#[tokio::test]
async fn other_errors_of_zoom_become_sentences() {
    let world = World::new();
    for (error, sentence) in [
        ("server_error", "Zoom did not authorize the app."),
        ("", "Zoom did not authorize the app."),
        ("Access_Denied", "Zoom did not authorize the app."),
        (
            "Invalid redirect: https://a.example (4,700)",
            "Zoom did not authorize the app: the redirect URL is not registered in the Marketplace, or the token is \
             empty or may not do this.",
        ),
        ("4738", "Zoom did not authorize the app: an administrator of this Zoom account has disabled the app."),
    ] {
        let callback = Callback { error: Some(error.into()), ..Callback::default() };
        let refused = world.install.finish(callback, None).await.unwrap_err();
        assert_eq!((refused.code(), refused.fault()), ("authorization_refused", Fault::Forbidden));
        assert_eq!(refused.sentence(), sentence);
    }
}

#[tokio::test]
async fn a_reload_gives_the_same_link_and_calls_nobody() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let first = link(&browser.opens(&world, &arrival).await);
    let calls = world.zoom.requests().len();
    world.clock.advance(239_999);
    assert_eq!(link(&browser.opens(&world, &arrival).await), first);
    assert_eq!(world.zoom.requests().len(), calls);
}

#[tokio::test]
async fn a_reload_after_the_link_has_aged_asks_for_a_new_one() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let first = link(&browser.opens(&world, &arrival).await);
    world.clock.advance(240_000);
    let second = link(&browser.opens(&world, &arrival).await);
    assert_ne!(second, first);
    assert_eq!(link(&browser.opens(&world, &arrival).await), second, "and this one is kept");
    assert_eq!((world.zoom.calls(Endpoint::Token), world.zoom.calls(Endpoint::DeepLink)), (1, 2));
}

#[tokio::test]
async fn a_reload_is_remembered_for_a_day() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    world.clock.set(START.plus_seconds(REMEMBER_SECONDS).plus_millis(-1));
    assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::Installed(_))));
    world.clock.advance(REMEMBER_SECONDS * 1_000);
    assert!(matches!(browser.opens(&world, &arrival).await, Err(InstallError::UnknownState)));
}

#[tokio::test]
async fn a_reload_after_a_revocation_installs_nobody() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    world.installations.revoke(&user("jill")).await.unwrap();
    assert!(matches!(browser.opens(&world, &arrival).await, Err(InstallError::UnknownState)), "erased with the user");
    assert!(!world.is_installed("jill").await);
    let anew = browser.consents(&world, "jill").await;
    assert!(matches!(browser.opens(&world, &anew).await, Ok(Finished::Installed(_))));
}

#[tokio::test]
async fn a_reload_without_an_installation_begins_again() {
    use stagedoor_flows::port::Store as _;
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    let record = world.store.shelf("installation", START).await.remove(0);
    world.store.remove(record.draft.place, START).await.unwrap();
    assert!(matches!(browser.opens(&world, &arrival).await, Ok(Finished::BeginAgain)));
}

#[tokio::test]
async fn a_denial_after_the_end_changes_nothing() {
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    browser.opens(&world, &arrival).await.unwrap();
    let denied = Callback { code: None, error: Some("access_denied".into()), ..arrival.callback() };
    let finished = world.install.finish(denied, browser.cookie.as_deref()).await;
    assert!(matches!(finished, Ok(Finished::Installed(_))));
    assert!(world.is_installed("jill").await);
}

#[tokio::test]
async fn two_tabs_of_one_browser_do_not_disturb_each_other() {
    let world = World::new();
    let mut browser = Browser::default();
    let one = browser.consents(&world, "jill").await;
    let two = browser.consents(&world, "jill").await;
    for tab in [&two, &one, &two, &one] {
        assert!(matches!(browser.opens(&world, tab).await, Ok(Finished::Installed(_))));
    }
    assert_eq!(world.zoom.calls(Endpoint::Token), 2);
}

#[tokio::test]
async fn two_users_of_one_browser_are_both_installed_as_themselves() {
    let world = World::new();
    let mut browser = Browser::default();
    let jill = browser.consents(&world, "jill").await;
    let jack = browser.consents(&world, "jack").await;
    browser.opens(&world, &jack).await.unwrap();
    browser.opens(&world, &jill).await.unwrap();
    for id in ["jill", "jack"] {
        let installed = world.installations.of(&user(id)).await.unwrap().unwrap();
        assert!(installed.grant.access.expose().ends_with(id), "{id}");
    }
}

#[tokio::test]
async fn a_callback_may_arrive_at_another_replica() {
    let world = World::new();
    let replica = world.replica(2);
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    let first = link(&browser.opens(&replica, &arrival).await);
    assert_eq!(link(&browser.opens(&world, &arrival).await), first);
}

#[tokio::test]
async fn an_installation_by_the_same_user_replaces_the_old_grant() {
    let world = World::new();
    let mut browser = Browser::default();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let arrival = browser.consents(&world, "jill").await;
        browser.opens(&world, &arrival).await.unwrap();
        tokens.push(world.installations.of(&user("jill")).await.unwrap().unwrap().grant.access);
    }
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(world.installations.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_is_down_begins_nothing() {
    let world = World::new();
    world.store.down();
    let refused = world.install.begin(None, None).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("store_unavailable", Fault::Store));
}

#[tokio::test]
async fn mn_11_a_stored_link_is_checked_again_before_it_is_followed() {
    // What is stored is sealed, so a foreign link gets there only if the rules change; then the old one is not followed.
    let world = World::new();
    let mut browser = Browser::default();
    let arrival = browser.consents(&world, "jill").await;
    world
        .zoom
        .script(Endpoint::DeepLink, [Answer::Status(200, r#"{"deeplink":"https://zoom.us.evil.example/"}"#.into())]);
    let finished = browser.opens(&world, &arrival).await;
    assert!(matches!(finished, Ok(Finished::InstalledWithoutLink(_))), "{finished:?}");
    assert!(link(&browser.opens(&world, &arrival).await).starts_with("https://zoom.us/launch"));
}
