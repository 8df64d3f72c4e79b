use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use stagedoor_flows::seal::{Purpose, Sealer};
use stagedoor_flows::session::{Session, Sessions, Surface};
use stagedoor_protocol::context::AppContext;

use crate::world::{SECRET, START, TTL, TestEntropy, World, sealer, secret, user};

fn context(uid: Option<&str>) -> AppContext {
    AppContext {
        kind: "meeting".into(),
        user: uid.map(user),
        meeting: None,
        role: Some("host".into()),
        action: Some("canary-action".into()),
        issued: START,
        expires: START.plus_seconds(120),
    }
}

fn begin(world: &World, uid: Option<&str>, current: Option<&Session>) -> Session {
    world.sessions.begin(context(uid), Surface::Client, current)
}

#[test]
fn a_cookie_opens_to_the_session_it_was_made_of() {
    let world = World::new();
    let session = begin(&world, Some("jill"), None);
    let cookie = world.sessions.seal(&session);
    assert_eq!(world.sessions.open(cookie.expose()), Some(session));
    assert!(cookie.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[test]
fn a_session_opens_on_every_replica_that_has_the_secret() {
    let (one, two) = (World::new(), World::new());
    let session = begin(&one, Some("jill"), None);
    assert_eq!(two.sessions.open(one.sessions.seal(&session).expose()), Some(session));
}

#[test]
fn a_session_ends_with_its_time() {
    let world = World::new();
    for (surface, seconds) in [(Surface::Client, 86_400), (Surface::Pwa, 3_600)] {
        world.clock.set(START);
        let session = world.sessions.begin(context(Some("jill")), surface, None);
        let cookie = world.sessions.seal(&session);
        assert_eq!(session.expires, START.plus_seconds(seconds));
        world.clock.set(session.expires.plus_millis(-1));
        assert!(world.sessions.open(cookie.expose()).is_some(), "{surface:?}");
        world.clock.set(session.expires);
        assert!(world.sessions.open(cookie.expose()).is_none(), "{surface:?}");
    }
}

#[test]
fn mn_06_a_relaunch_by_the_same_user_keeps_the_id_and_by_another_does_not() {
    let world = World::new();
    let first = begin(&world, Some("jill"), None);
    world.clock.advance(1_000);
    let again = begin(&world, Some("jill"), Some(&first));
    assert_eq!(again.id, first.id);
    assert_eq!(again.issued, START.plus_millis(1_000));
    assert_ne!(begin(&world, Some("jack"), Some(&first)).id, first.id);
    assert_ne!(begin(&world, Some("jill"), None).id, first.id);
}

#[test]
fn mn_06_a_guest_never_keeps_an_id() {
    let world = World::new();
    let guest = begin(&world, None, None);
    assert_ne!(begin(&world, None, Some(&guest)).id, guest.id, "absent is not the same as absent");
    assert_ne!(begin(&world, Some("jill"), Some(&guest)).id, guest.id);
    let jill = begin(&world, Some("jill"), None);
    assert_ne!(begin(&world, None, Some(&jill)).id, jill.id);
}

#[test]
fn mn_06_nothing_of_the_old_session_but_its_id_is_kept() {
    let world = World::new();
    let first = begin(&world, Some("jill"), None);
    let bare = AppContext { role: None, action: None, kind: "panel".into(), ..context(Some("jill")) };
    let again = world.sessions.begin(bare, Surface::Pwa, Some(&first));
    assert_eq!((again.role, again.action, again.kind.as_str()), (None, None, "panel"));
    assert_eq!(again.surface, Surface::Pwa);
}

#[test]
fn an_id_has_256_random_bits() {
    let world = World::new();
    let ids: Vec<_> = (0..50).map(|_| begin(&world, None, None).id.expose().to_owned()).collect();
    assert!(ids.iter().all(|id| URL_SAFE_NO_PAD.decode(id).unwrap().len() == 32));
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 50);
}

#[test]
fn mn_16_a_value_sealed_for_another_purpose_is_no_session() {
    let world = World::new();
    let session = begin(&world, Some("jill"), None);
    let plaintext = serde_json::to_vec(&session).unwrap();
    let place: &[&[u8]] = &[b"cookie", b"session"];
    let cookie =
        |purpose, place| URL_SAFE_NO_PAD.encode(sealer(purpose).seal(place, &plaintext, &*TestEntropy::seeded(9)));
    assert_eq!(world.sessions.open(&cookie(Purpose::Session, place)), Some(session.clone()));
    for purpose in [Purpose::Install, Purpose::Record, Purpose::Assertion] {
        assert_eq!(world.sessions.open(&cookie(purpose, place)), None, "{purpose:?}");
    }
    assert_eq!(world.sessions.open(&cookie(Purpose::Session, &[b"cookie", b"install"])), None);
}

#[tokio::test]
async fn mn_16_an_install_cookie_is_no_session() {
    let world = World::new();
    let begun = world.install.begin(None, None).await.unwrap();
    assert_eq!(world.sessions.open(begun.binding.expose()), None);
}

#[test]
fn mn_23_a_malformed_cookie_is_no_session() {
    let world = World::new();
    let cookie = world.sessions.seal(&begin(&world, Some("jill"), None)).expose().to_owned();
    for bad in [
        String::new(),
        "null".into(),
        "{}".into(),
        "é".into(),
        "\0".into(),
        format!("{cookie}="),
        format!(" {cookie}"),
        format!("{cookie}\n"),
        format!("{cookie}{cookie}"),
        cookie[1..].to_owned(),
        cookie.to_uppercase(),
        "A".repeat(4096),
        "A".repeat(1 << 20),
    ] {
        assert_eq!(world.sessions.open(&bad), None, "{}", &bad[..bad.len().min(40)]);
    }
}

#[test]
fn mn_23_authentic_bytes_that_are_no_session_are_refused() {
    let world = World::new();
    for plaintext in ["", "null", "{}", "[]", r#"{"id":"x"}"#] {
        let place: &[&[u8]] = &[b"cookie", b"session"];
        let sealed = sealer(Purpose::Session).seal(place, plaintext.as_bytes(), &*TestEntropy::seeded(9));
        assert_eq!(world.sessions.open(&URL_SAFE_NO_PAD.encode(sealed)), None, "{plaintext}");
    }
}

#[test]
fn a_session_survives_a_change_of_the_secret() {
    const NEW: &str = "a-new-secret-after-the-rotation-0123456789";
    let world = World::new();
    let session = begin(&world, Some("jill"), None);
    let cookie = world.sessions.seal(&session);
    let after = |previous: &[&str]| {
        let previous: Vec<_> = previous.iter().map(|text| secret(text)).collect();
        let sealer = Sealer::new(&secret(NEW), &previous, Purpose::Session).unwrap();
        let revocations = Arc::clone(&world.revocations);
        Sessions::new(sealer, world.clock.clone(), TestEntropy::seeded(2), revocations, TTL).open(cookie.expose())
    };
    assert_eq!(after(&[SECRET]), Some(session));
    assert_eq!(after(&[]), None);
}

#[test]
fn mn_12_a_session_prints_neither_its_id_nor_its_action() {
    let world = World::new();
    let session = begin(&world, Some("jill"), None);
    let text = format!("{session:?} {:?} {:?}", session.id, world.sessions.seal(&session));
    assert!(!text.contains("canary") && !text.contains(session.id.expose()), "{text}");
}

proptest! {
    #[test]
    fn mn_14_a_changed_cookie_is_no_session(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_=-]") {
        let world = World::new();
        let cookie = world.sessions.seal(&begin(&world, Some("jill"), None)).expose().to_owned();
        let at = at.index(cookie.len());
        prop_assume!(cookie[at..=at] != to);
        let mut changed = cookie;
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(world.sessions.open(&changed), None);
    }

    #[test]
    fn mn_23_no_text_is_a_session(text in ".{0,200}") {
        prop_assert_eq!(World::new().sessions.open(&text), None);
    }
}

#[test]
fn a_bearer_is_no_cookie_and_lives_for_ten_minutes() {
    let world = World::new();
    let session = begin(&world, Some("jill"), None);
    let (lent, bearer) = world.sessions.lend(session.clone());
    assert_eq!((&lent.id, lent.expires), (&session.id, START.plus_seconds(600)));
    assert_eq!(world.sessions.open_bearer(bearer.expose()), Some(lent));
    assert_eq!(world.sessions.open(bearer.expose()), None);
    assert_eq!(world.sessions.open_bearer(world.sessions.seal(&session).expose()), None);
    world.clock.advance(600_000);
    assert_eq!(world.sessions.open_bearer(bearer.expose()), None);
}

#[test]
fn a_bearer_outlives_no_session() {
    let world = World::new();
    let session = world.sessions.begin(context(Some("jill")), Surface::Pwa, None);
    world.clock.advance(3_500_000);
    assert_eq!(world.sessions.lend(session.clone()).0.expires, session.expires);
}
