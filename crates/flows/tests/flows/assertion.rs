use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use stagedoor_flows::assertion::{AssertionError, Assertions, LIFE_SECONDS};
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

#[test]
fn an_upstream_may_send_an_assertion_back() {
    let world = World::new();
    let assertions = assertions(SECRET, &[], world.clock.clone());
    let user = session(&world, |_| ());
    assert_eq!(assertions.verify(&assertions.issue(&user)), Ok(user.user));
    let guest = session(&world, |claims| {
        claims.as_object_mut().unwrap().remove("uid");
    });
    assert_eq!(assertions.verify(&assertions.issue(&guest)), Ok(None));
}

#[test]
fn an_assertion_comes_back_within_its_minute_or_not_at_all() {
    let world = World::new();
    let assertions = assertions(SECRET, &[], world.clock.clone());
    let token = assertions.issue(&session(&world, |_| ()));
    world.clock.advance(59_999);
    assert!(assertions.verify(&token).is_ok());
    world.clock.advance(1);
    assert_eq!(assertions.verify(&token), Err(AssertionError::Expired));
}

#[test]
fn an_assertion_of_a_previous_secret_still_comes_back() {
    let world = World::new();
    let session = session(&world, |_| ());
    let old = assertions(OLD, &[], world.clock.clone()).issue(&session);
    assert!(assertions(SECRET, &[OLD], world.clock.clone()).verify(&old).is_ok());
    assert_eq!(assertions(SECRET, &[], world.clock.clone()).verify(&old), Err(AssertionError::Foreign));
}

/// A token with a header and claims of one's choice, signed by the deployment's own key.
fn forge(header: &Value, claims: &Value, sign: impl FnOnce(&str) -> String) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = sign(&text);
    format!("{text}.{signature}")
}

#[test]
fn mn_34_no_other_token_is_taken_for_an_assertion() {
    let world = World::new();
    let ours = assertions(SECRET, &[], world.clock.clone());
    let session = session(&world, |_| ());
    let good = ours.issue(&session);
    let (text, signature) = good.rsplit_once('.').unwrap();
    let kid = decode_header(&good).unwrap().kid.unwrap();
    let now = START.to_seconds().0;
    let claims =
        json!({ "iss": "https://app.example.com", "aud": "https://app.example.com", "sub": "eve", "exp": now + 60 });
    let keys = serde_json::to_value(ours.jwks()).unwrap();
    let public = keys["keys"][0]["x"].as_str().unwrap().to_owned();
    let mac = |text: &str| {
        use jsonwebtoken::EncodingKey;
        let key = EncodingKey::from_secret(public.as_bytes());
        jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256).unwrap()
    };
    let stranger = assertions("another-deployment-with-another-secret-0123", &[], world.clock.clone());
    let elsewhere = {
        let url = Url::parse("https://other.example.com").unwrap();
        Assertions::new(&secret(SECRET), &[], &url, world.clock.clone()).unwrap()
    };
    for (what, token) in [
        ("nothing", String::new()),
        ("no JWT", "x.y.z".into()),
        ("no signature", format!("{text}.")),
        ("two parts", text.to_owned()),
        ("another's signature", stranger.issue(&session)),
        ("another audience", elsewhere.issue(&session)),
        ("a changed signature", format!("{text}.{}", signature.chars().rev().collect::<String>())),
        ("alg none", forge(&json!({ "alg": "none", "kid": kid }), &claims, |_| String::new())),
        ("the public key as a MAC's", forge(&json!({ "alg": "HS256", "kid": kid }), &claims, mac)),
        ("other claims", forge(&json!({ "alg": "ES256", "kid": kid }), &claims, |_| signature.to_owned())),
        ("no kid", forge(&json!({ "alg": "ES256" }), &claims, |_| signature.to_owned())),
        ("twice", format!("{good}, {good}")),
        ("a session cookie", "A".repeat(300)),
    ] {
        assert_eq!(ours.verify(&token), Err(AssertionError::Foreign), "{what}");
    }
    assert!(ours.verify(&good).is_ok());
}
