//! Which key counts for a token, and what a token must say about itself.

use serde_json::{Map, Value, json};
use stagedoor_protocol::jwt::{Algorithm, Choice, Es256Key, JwtError, SignedJwt, Terms, UnusableKey, VerifyingKeys};
use stagedoor_protocol::time::UnixSeconds;

const NOW: UnixSeconds = UnixSeconds(1_763_769_630);

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/id-tokens.json")).unwrap()
}

/// The good tokens of the vectors with their algorithms; the last one has no key id.
fn good() -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vectors()["good"].as_array().unwrap().iter().map(|good| (text(&good["alg"]), text(&good["token"]))).collect()
}

fn open(token: &str, keys: &VerifyingKeys, choice: Choice<'_>) -> Result<Map<String, Value>, JwtError> {
    SignedJwt::read(token, choice)?.open(keys)
}

#[test]
fn where_the_key_alone_decides_it_is_for_one_algorithm() {
    let keys = VerifyingKeys::read(&vectors()["jwks"].to_string()).unwrap();
    let good = good();
    let ((_, unnamed), named) = good.split_last().unwrap();
    for (alg, token) in named {
        let expected = ["RS256", "ES256", "ES384", "EdDSA"].contains(&alg.as_str());
        let opened = open(token, &keys, Choice::ByKey);
        assert_eq!(opened.err(), (!expected).then_some(JwtError::UnknownKey), "{alg}: an RSA key that names none");
    }
    assert_eq!(open(unnamed, &keys, Choice::ByKey), Err(JwtError::UnknownKey), "one of many keys");
    assert!(open(unnamed, &keys, Choice::Among(&[Algorithm::RS256])).is_ok(), "the one that fits");
}

#[test]
fn an_only_key_without_an_id_is_meant_by_every_token() {
    let key = Es256Key::from_scalar(&[7; 32]).unwrap();
    let jwk = |kid: Option<&str>| {
        let mut jwk = serde_json::to_value(key.jwk()).unwrap();
        match kid {
            Some(kid) => jwk["kid"] = kid.into(),
            None => drop(jwk.as_object_mut().unwrap().remove("kid")),
        }
        jwk
    };
    let token = key.sign(&json!({}));
    let keys = |set: &[Value]| VerifyingKeys::read_set(json!({ "keys": set }).to_string().as_bytes()).unwrap();
    assert!(open(&token, &keys(&[jwk(None)]), Choice::ByKey).is_ok());
    assert_eq!(open(&token, &keys(&[jwk(Some("another"))]), Choice::ByKey), Err(JwtError::UnknownKey));
    assert_eq!(open(&token, &keys(&[jwk(None), jwk(None)]), Choice::ByKey), Err(JwtError::UnknownKey));
    assert_eq!(open(&token, &VerifyingKeys::default(), Choice::ByKey), Err(JwtError::UnknownKey));
}

#[test]
fn mn_31_an_issuer_publishes_a_set_and_nothing_else() {
    let jwk = serde_json::to_value(Es256Key::from_scalar(&[7; 32]).unwrap().jwk()).unwrap();
    assert!(VerifyingKeys::read(&jwk.to_string()).is_ok(), "a file may hold one key");
    for (text, expected) in [
        (jwk.to_string(), UnusableKey::Malformed),
        ("<html>".to_owned(), UnusableKey::Malformed),
        (format!("{{\"keys\":[{jwk}],\"more\":\"{}\"}}", "x".repeat(256 * 1024)), UnusableKey::Malformed),
    ] {
        assert_eq!(VerifyingKeys::read_set(text.as_bytes()).err(), Some(expected), "{text:.40}");
    }
    let many = vec![jwk; 1000];
    let keys = VerifyingKeys::read_set(json!({ "keys": many }).to_string().as_bytes()).unwrap();
    assert_eq!(format!("{keys:?}"), "VerifyingKeys(64)");
}

#[test]
fn mn_04_every_registered_claim_counts_and_an_absent_one_is_no_match() {
    let terms = Terms { issuer: "https://login.example.com", audience: "web", now: NOW, grace: 0 };
    let claims =
        json!({"iss": "https://login.example.com", "aud": ["other", "web"], "exp": NOW.0 + 1, "nbf": NOW.0 + 60});
    assert_eq!(terms.check(claims.as_object().unwrap()), Ok(UnixSeconds(NOW.0 + 1)));
    assert_eq!(
        Terms { grace: 60, ..terms }.check(&changed(&claims, "exp", json!(NOW.0 - 59))),
        Ok(UnixSeconds(NOW.0 - 59))
    );
    for (name, value, expected) in [
        ("iss", json!("https://login.example.com/"), JwtError::Issuer),
        ("iss", json!(["https://login.example.com"]), JwtError::Malformed),
        ("aud", json!("webs"), JwtError::Audience),
        ("aud", json!([]), JwtError::Audience),
        ("aud", json!({"web": 1}), JwtError::Malformed),
        ("exp", json!(NOW.0), JwtError::Expired),
        ("exp", json!(i64::MIN), JwtError::Expired),
        ("exp", json!((NOW.0 + 1).to_string()), JwtError::Malformed),
        ("exp", json!(1e12), JwtError::Malformed),
        ("nbf", json!(NOW.0 + 61), JwtError::Early),
        ("nbf", json!("0"), JwtError::Malformed),
        ("nbf", Value::Null, JwtError::Malformed),
    ] {
        assert_eq!(terms.check(&changed(&claims, name, value.clone())), Err(expected), "{name} {value}");
    }
    for name in ["iss", "aud", "exp"] {
        let mut claims = claims.as_object().unwrap().clone();
        claims.remove(name);
        assert_eq!(terms.check(&claims), Err(JwtError::Malformed), "no {name}");
    }
}

fn changed(claims: &Value, name: &str, value: Value) -> Map<String, Value> {
    let mut claims = claims.as_object().unwrap().clone();
    claims.insert(name.into(), value);
    claims
}
