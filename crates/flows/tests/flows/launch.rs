use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::launch::{Guests, Launch, LaunchError};
use stagedoor_flows::session::Surface;
use stagedoor_protocol::context::{ContextError, ContextKey};
use stagedoor_protocol::secret::ClientSecret;

use crate::world::{START, World, app};

fn refusal(world: &World, context: &str) -> LaunchError {
    world.launch.open(context, Surface::Client, None).unwrap_err()
}

#[test]
fn a_context_becomes_a_session_and_its_cookie() {
    let world = World::new();
    let context = world.context(|claims| {
        claims["typ"] = "meeting".into();
        claims["mid"] = "wceIoD0lTySwype/12+45w==".into();
        claims["attendrole"] = "host".into();
        claims["act"] = "installed".into();
    });
    let launched = world.launch.open(&context, Surface::Pwa, None).unwrap();
    let session = world.sessions.open(launched.cookie.expose()).unwrap();
    assert_eq!(session, launched.session);
    assert_eq!(session.user.unwrap().as_str(), "user-1");
    assert_eq!((session.kind.as_str(), session.role.as_deref()), ("meeting", Some("host")));
    assert_eq!(session.meeting.unwrap().as_str(), "wceIoD0lTySwype/12+45w==");
    assert_eq!((session.action.as_deref(), session.surface), (Some("installed"), Surface::Pwa));
}

#[test]
fn launches_go_on_while_the_store_is_down() {
    let world = World::new();
    world.store.down();
    let launched = world.launch.open(&world.context(|_| ()), Surface::Client, None).unwrap();
    assert!(world.sessions.open(launched.cookie.expose()).is_some());
    assert_eq!(world.store.calls(), 0);
    assert!(world.zoom.requests().is_empty());
}

#[test]
fn mn_06_a_launch_by_another_user_begins_another_session() {
    let world = World::new();
    let open = |uid: &str, current| {
        let context = world.context(|claims| claims["uid"] = uid.into());
        world.launch.open(&context, Surface::Client, current).unwrap().session
    };
    let jill = open("jill", None);
    assert_eq!(open("jill", Some(&jill)).id, jill.id);
    let jack = open("jack", Some(&jill));
    assert_ne!(jack.id, jill.id);
    assert_eq!(jack.user.unwrap().as_str(), "jack");
}

#[test]
fn guests_are_let_in_or_not() {
    let world = World::new();
    let guest = world.context(|claims| {
        claims.as_object_mut().unwrap().remove("uid");
    });
    assert_eq!(world.launch.open(&guest, Surface::Client, None).unwrap().session.user, None);
    let strict = Launch::new(
        app().client_id,
        (&app().client_secret, &[]),
        Guests::Deny,
        world.clock.clone(),
        world.sessions.clone(),
    );
    let refused = strict.open(&guest, Surface::Client, None).unwrap_err();
    assert_eq!((refused.code(), refused.fault()), ("guest_refused", Fault::Forbidden));
    assert!(strict.open(&world.context(|_| ()), Surface::Client, None).is_ok());
}

#[test]
fn a_context_of_the_previous_client_secret_opens_and_of_another_does_not() {
    let world = World::new();
    let sealed = |secret: &str| {
        let now = START.0;
        let claims = serde_json::json!({
            "typ": "panel", "aud": "client-id", "iss": "marketplace.zoom.us", "ts": now, "exp": now + 120_000
        });
        ContextKey::new(&ClientSecret::new(secret)).seal(claims.to_string().as_bytes(), [5; 12])
    };
    assert!(world.launch.open(&sealed("previous-client-secret"), Surface::Client, None).is_ok());
    assert_eq!(refusal(&world, &sealed("somebody-else")).code(), "context_seal");
}

#[test]
fn mn_23_every_refusal_is_forbidden_with_its_code_and_its_sentences() {
    let world = World::new();
    let late = world.context(|claims| claims["exp"] = (START.0 - 1).into());
    let rows = [
        ("", "context_layout"),
        ("!", "context_encoding"),
        (&"A".repeat(300), "context_layout"),
        (&world.context(|claims| claims["aud"] = "other".into()), "context_audience"),
        (&world.context(|claims| claims["iss"] = "other".into()), "context_issuer"),
        (&world.context(|claims| claims["exp"] = "soon".into()), "context_content"),
        (&world.context(|claims| claims["ts"] = (START.0 + 60_001).into()), "context_times"),
        (&late, "context_expired"),
    ];
    for (context, code) in rows {
        let refused = refusal(&world, context);
        assert_eq!((refused.code(), refused.fault()), (code, Fault::Forbidden));
        for text in [refused.sentence().as_str(), refused.advice()] {
            assert!(text.ends_with('.') && text.len() > 20, "{text}");
        }
    }
    assert!(matches!(refusal(&world, &late), LaunchError::Context(ContextError::Expired(1))));
}

#[test]
fn a_session_that_no_browser_would_keep_is_refused_and_not_silently_lost() {
    let world = World::new();
    let with_action = |length: usize| world.context(|claims| claims["act"] = "x".repeat(length).into());
    let launched = world.launch.open(&with_action(2_000), Surface::Client, None).unwrap();
    assert!(launched.cookie.expose().len() <= 4_000);
    assert!(world.sessions.open(launched.cookie.expose()).is_some());
    let refused = refusal(&world, &with_action(4_000));
    assert_eq!((refused.code(), refused.fault()), ("session_too_large", Fault::Forbidden));
    assert!(refused.advice().contains("action"));
}

#[test]
fn a_context_works_until_it_expires_and_not_a_millisecond_longer() {
    let world = World::new();
    let context = world.context(|_| ());
    world.clock.advance(119_000);
    assert!(world.launch.open(&context, Surface::Client, None).is_ok());
    world.clock.advance(1);
    assert_eq!(refusal(&world, &context).code(), "context_expired");
}

#[test]
fn a_machine_whose_clock_is_wrong_is_told_so() {
    let world = World::new();
    let context = world.context(|_| ());
    for (millis, code) in [(300_000, "context_expired"), (-300_000, "context_times")] {
        world.clock.set(START.plus_millis(millis));
        let refused = refusal(&world, &context);
        assert_eq!(refused.code(), code);
        assert!(refused.advice().contains("clock"), "{}", refused.advice());
    }
}
