use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use stagedoor_flows::assertion::{Assertions, LIFE_SECONDS};
use stagedoor_flows::session::{Session, Surface};
use url::Url;

use crate::world::{SECRET, START, TestClock, World, secret};

const OLD: &str = "the-secret-before-the-current-one-0123456789";

fn assertions(current: &str, previous: &[&str], clock: Arc<TestClock>) -> Assertions {
    let previous: Vec<_> = previous.iter().map(|text| secret(text)).collect();
    let url = Url::parse("https://app.example.com").unwrap();
    Assertions::new(&secret(current), &previous, &url, clock).unwrap()
}

fn session(world: &World, change: impl FnOnce(&mut Value)) -> Session {
    world.launch.open(&world.context(change), Surface::Client, None).unwrap().session
}

/// Verifies as an upstream would, with the published keys.
fn verify(token: &str, published: &Assertions, audience: &str) -> Option<Value> {
    let set: JwkSet = serde_json::from_value(serde_json::to_value(published.jwks()).unwrap()).unwrap();
    let kid = decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(set.find(&kid)?).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["iss", "aud", "exp"]);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[audience]);
    decode::<Value>(token, &key, &validation).ok().map(|data| data.claims)
}

#[test]
fn an_upstream_verifies_who_calls_with_the_published_key() {
    let world = World::new();
    let assertions = assertions(SECRET, &[], world.clock.clone());
    let session = session(&world, |claims| {
        claims["typ"] = "meeting".into();
        claims["mid"] = "meeting/uuid==".into();
        claims["attendrole"] = "host".into();
    });
    let claims = verify(&assertions.issue(&session), &assertions, "https://app.example.com").unwrap();
    let now = START.to_seconds().0;
    assert_eq!(
        claims,
        json!({
            "iss": "https://app.example.com", "aud": "https://app.example.com", "sub": "user-1",
            "iat": now, "exp": now + 60,
            "type": "meeting", "meeting": "meeting/uuid==", "role": "host", "surface": "client",
        })
    );
}

#[test]
fn an_assertion_lives_at_most_a_minute() {
    assert_eq!(LIFE_SECONDS, 60);
    let world = World::new();
    world.clock.advance(999);
    let assertions = assertions(SECRET, &[], world.clock.clone());
    let session = session(&world, |_| ());
    let claims = verify(&assertions.issue(&session), &assertions, "https://app.example.com").unwrap();
    assert_eq!(claims["exp"], START.to_seconds().0 + 60, "counted from the second that has begun");
}

#[test]
fn a_guest_has_no_subject() {
    let world = World::new();
    let assertions = assertions(SECRET, &[], world.clock.clone());
    let guest = session(&world, |claims| {
        claims.as_object_mut().unwrap().remove("uid");
    });
    let claims = verify(&assertions.issue(&guest), &assertions, "https://app.example.com").unwrap();
    let members: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(members, ["aud", "exp", "iat", "iss", "surface", "type"]);
}

#[test]
fn an_assertion_for_one_deployment_is_none_for_another() {
    let world = World::new();
    let assertions = assertions(SECRET, &[], world.clock.clone());
    let token = assertions.issue(&session(&world, |_| ()));
    assert!(verify(&token, &assertions, "https://other.example.com").is_none());
    let stranger = self::assertions("another-deployment-with-another-secret-0123", &[], world.clock.clone());
    assert!(verify(&token, &stranger, "https://app.example.com").is_none());
}

#[test]
fn the_key_of_a_previous_secret_stays_published_and_signs_no_more() {
    let world = World::new();
    let session = session(&world, |_| ());
    let before = assertions(OLD, &[], world.clock.clone());
    let during = assertions(SECRET, &[OLD], world.clock.clone());
    let after = assertions(SECRET, &[], world.clock.clone());
    let (old, new) = (before.issue(&session), during.issue(&session));
    assert!(verify(&old, &during, "https://app.example.com").is_some());
    assert!(verify(&new, &during, "https://app.example.com").is_some());
    assert!(verify(&new, &after, "https://app.example.com").is_some());
    assert!(verify(&old, &after, "https://app.example.com").is_none());
    assert_eq!(serde_json::to_value(during.jwks()).unwrap()["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn all_replicas_sign_with_the_same_key() {
    let clock = TestClock::at(START);
    let keys = || serde_json::to_value(assertions(SECRET, &[OLD], clock.clone()).jwks()).unwrap();
    assert_eq!(keys(), keys());
}

#[test]
fn mn_12_the_published_keys_hold_nothing_private() {
    let keys = serde_json::to_value(assertions(SECRET, &[], TestClock::at(START)).jwks()).unwrap();
    let members: Vec<_> = keys["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
}

#[test]
fn mn_17_a_short_secret_signs_nothing() {
    let url = Url::parse("https://app.example.com").unwrap();
    assert!(Assertions::new(&secret("short"), &[], &url, TestClock::at(START)).is_err());
    assert!(Assertions::new(&secret(SECRET), &[secret("short")], &url, TestClock::at(START)).is_err());
}
