//! In-client OAuth: one cell of the matrix succeeds.

use std::collections::HashMap;

use stagedoor_flows::authorize::{ATTEMPT_SECONDS, Authorized, Begun};
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::session::{Session, Surface};
use stagedoor_protocol::context::AppContext;
use stagedoor_protocol::secret::{AuthorizationCode, State};

use crate::world::{World, user};
use crate::zoom::{Answer, Endpoint};

/// The app is open in the web client, for a user or for a guest.
fn session(world: &World, id: Option<&str>) -> Session {
    let context = AppContext {
        kind: "panel".into(),
        user: id.map(user),
        meeting: None,
        role: Some("agent".into()),
        action: None,
        issued: world.clock_now(),
        expires: world.clock_now().plus_seconds(120),
    };
    world.sessions.begin(context, Surface::Pwa, None)
}

/// What the page brings when all is well.
fn event(world: &World, begun: &Begun, id: &str) -> Authorized {
    let code = world.zoom.consent_in_client(begun.challenge.as_str(), id);
    Authorized { code: AuthorizationCode::new(code), state: Some(begun.state.clone()), redirect_uri: None }
}

fn code_of(result: Result<Session, impl Classified>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "authorized")
}

#[tokio::test]
async fn a_user_who_consents_in_the_client_is_installed() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    assert_eq!((begun.challenge.as_str().len(), begun.state.expose().len()), (43, 43));
    let after = world.authorize.finish(&jill, event(&world, &begun, "jill")).await.unwrap();
    assert_eq!(after, jill, "the same user goes on in the same session");
    assert!(world.is_installed("jill").await);
    let called: Vec<_> = world.zoom.requests().into_iter().map(|(endpoint, _)| endpoint).collect();
    assert_eq!(called, [Endpoint::Token, Endpoint::Me]);
}

#[tokio::test]
async fn mn_05_exactly_one_cell_of_the_matrix_succeeds() {
    let cells =
        ["right", "mangled state", "replay", "foreign session", "foreign code", "not begun", "over", "superseded"];
    let mut outcomes = Vec::new();
    for cell in cells {
        let world = World::new();
        let (jill, eve) = (session(&world, Some("jill")), session(&world, Some("eve")));
        let begun = world.authorize.begin(&jill).await.unwrap();
        let mut authorized = event(&world, &begun, "jill");
        let mut presenter = &jill;
        match cell {
            "mangled state" => authorized.state = Some(State::new(begun.state.expose().to_lowercase())),
            "replay" => {
                world.authorize.finish(&jill, event(&world, &begun, "jill")).await.unwrap();
            }
            "foreign session" => {
                world.authorize.begin(&eve).await.unwrap();
                (presenter, authorized.state) = (&eve, None);
            }
            "foreign code" => {
                let theirs = world.authorize.begin(&eve).await.unwrap();
                authorized.code = event(&world, &theirs, "eve").code;
            }
            "not begun" => presenter = &eve,
            "over" => world.clock.advance(ATTEMPT_SECONDS * 1_000),
            "superseded" => {
                world.authorize.begin(&jill).await.unwrap();
                authorized.state = None;
            }
            _ => {}
        }
        let outcome = code_of(world.authorize.finish(presenter, authorized).await);
        outcomes.push((cell, outcome, world.is_installed("jill").await, world.is_installed("eve").await));
    }
    assert_eq!(
        outcomes,
        [
            ("right", "authorized", true, false),
            ("mangled state", "state_mismatch", false, false),
            ("replay", "authorization_not_begun", true, false),
            ("foreign session", "code_refused", false, false),
            ("foreign code", "code_refused", false, false),
            ("not begun", "authorization_not_begun", false, false),
            ("over", "authorization_not_begun", false, false),
            ("superseded", "code_refused", false, false),
        ]
    );
}

#[tokio::test]
async fn a_mismatch_burns_the_attempt() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    let good = event(&world, &begun, "jill");
    let bad = Authorized { state: Some(State::new("")), ..event(&world, &begun, "jill") };
    let refused = world.authorize.finish(&jill, bad).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("state_mismatch", Fault::Forbidden));
    let refused = world.authorize.finish(&jill, good).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("authorization_not_begun", Fault::Stale));
    assert!(world.zoom.requests().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn mn_05_a_thousand_replays_at_once_exchange_one_code() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    let code = event(&world, &begun, "jill").code;
    let mut replays = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (world, jill) = (world.clone(), jill.clone());
        let replay = Authorized { code: code.clone(), state: None, redirect_uri: None };
        replays.spawn(async move { world.authorize.finish(&jill, replay).await.is_ok() });
    }
    assert_eq!(replays.join_all().await.into_iter().filter(|done| *done).count(), 1);
    assert_eq!(world.zoom.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn an_event_may_lack_the_state() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    let bare = Authorized { state: None, ..event(&world, &begun, "jill") };
    assert!(world.authorize.finish(&jill, bare).await.is_ok());
}

#[tokio::test]
async fn mn_10_a_redirect_uri_is_passed_on_only_if_it_is_ours() {
    for (given, passed) in [
        (None, None),
        (Some("https://app.example.com/zoom/callback"), Some("https://app.example.com/zoom/callback")),
        (Some("https://app.example.com/"), Some("https://app.example.com/")),
        (Some("https://app.example.com"), Some("https://app.example.com/")),
        (Some("https://app.example.com/other"), None),
        (Some("https://app.example.com/?x"), None),
        (Some("https://app.example.com/#x"), None),
        (Some("http://app.example.com/"), None),
        (Some("https://app.example.com.evil.example/"), None),
        (Some("not a URL"), None),
    ] {
        let world = World::new();
        let jill = session(&world, Some("jill"));
        let begun = world.authorize.begin(&jill).await.unwrap();
        let authorized = Authorized { redirect_uri: given.map(str::to_owned), ..event(&world, &begun, "jill") };
        world.authorize.finish(&jill, authorized).await.unwrap();
        let (_, request) = world.zoom.requests().remove(0);
        let form: HashMap<String, String> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        assert_eq!(form.get("redirect_uri").map(String::as_str), passed, "{given:?}");
        assert_eq!(form["code_verifier"], begun.challenge.as_str());
    }
}

#[tokio::test]
async fn mn_06_a_guest_becomes_the_user_in_a_session_of_another_id() {
    let world = World::new();
    let guest = session(&world, None);
    let begun = world.authorize.begin(&guest).await.unwrap();
    world.clock.advance(60_000);
    let after = world.authorize.finish(&guest, event(&world, &begun, "jill")).await.unwrap();
    assert_eq!(after.user, Some(user("jill")));
    assert_ne!(after.id, guest.id);
    assert_eq!((&after.role, after.surface, after.expires), (&guest.role, guest.surface, guest.expires));
    assert!(world.is_installed("jill").await);
}

#[tokio::test]
async fn mn_06_the_tokens_of_another_user_are_not_kept() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    let refused = world.authorize.finish(&jill, event(&world, &begun, "jack")).await.unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("other_user", Fault::Forbidden));
    assert!(!world.is_installed("jill").await && !world.is_installed("jack").await);
}

#[tokio::test]
async fn tokens_without_a_required_scope_are_not_kept() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    let poor = serde_json::json!({
        "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 3599, "scope": "user:read:user",
    });
    world.zoom.script(Endpoint::Token, [Answer::json(200, &poor)]);
    let refused = world.authorize.finish(&jill, event(&world, &begun, "jill")).await.unwrap_err();
    assert_eq!(refused.code(), "scope_missing");
    assert!(!world.is_installed("jill").await);
}

#[tokio::test]
async fn mn_12_an_attempt_prints_nothing() {
    let world = World::new();
    let jill = session(&world, Some("jill"));
    let begun = world.authorize.begin(&jill).await.unwrap();
    let printed = format!("{begun:?} {:?}", event(&world, &begun, "jill"));
    assert!(!printed.contains(begun.challenge.as_str()) && !printed.contains("canary"), "{printed}");
}
