use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::id::ProviderClientId;
use stagedoor_protocol::jwt::{Algorithm, Es256Key, VerifyingKeys};
use stagedoor_protocol::provider::{Expected, IdTokenError, Identity};
use stagedoor_protocol::secret::{IdToken, Nonce};
use stagedoor_protocol::time::UnixSeconds;

const NOW: i64 = 1_763_769_630;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/id-tokens.json")).unwrap()
}

fn keys(set: &Value) -> VerifyingKeys {
    VerifyingKeys::read_set(set.to_string().as_bytes()).unwrap()
}

fn verify(keys: &VerifyingKeys, token: &str, algorithms: &[Algorithm]) -> Result<Identity, IdTokenError> {
    let expected = Expected {
        issuer: "https://acme.example",
        client_id: &ProviderClientId::parse("s6BhdRkqt3").unwrap(),
        nonce: &Nonce::new("n-0S6_WzA2Mj"),
        algorithms,
        now: UnixSeconds(NOW),
    };
    expected.verify(&expected.read(&IdToken::new(token))?, keys)
}

fn every_algorithm() -> Vec<Algorithm> {
    ["RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "EdDSA"].map(|name| Algorithm::parse(name).unwrap()).into()
}

#[test]
fn tokens_of_another_implementation_verify_in_every_algorithm() {
    let vectors = vectors();
    let keys = keys(&vectors["jwks"]);
    for vector in vectors["good"].as_array().unwrap() {
        let (token, name) = (vector["token"].as_str().unwrap(), vector["alg"].as_str().unwrap());
        let identity = verify(&keys, token, &every_algorithm()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((identity.subject.as_str(), identity.label.as_str()), ("248289761001", "ada@acme.example"));
        let others: Vec<_> =
            every_algorithm().into_iter().filter(|other| Some(*other) != Algorithm::parse(name)).collect();
        assert_eq!(verify(&keys, token, &others), Err(IdTokenError::Algorithm), "{name} is not among the allowed");
    }
}

#[test]
fn mn_34_bad_tokens_of_another_implementation_are_refused_each_for_its_reason() {
    let vectors = vectors();
    let keys = keys(&vectors["jwks"]);
    for vector in vectors["bad"].as_array().unwrap() {
        let error = verify(&keys, vector["token"].as_str().unwrap(), &every_algorithm()).unwrap_err();
        assert_eq!(format!("{error:?}"), vector["error"].as_str().unwrap(), "{}", vector["name"]);
    }
}

#[test]
fn neither_none_nor_a_shared_secret_is_an_algorithm() {
    for name in ["none", "None", "HS256", "HS384", "HS512", "ES256K", "RSA1_5", "dir", "", "rs256"] {
        assert_eq!(Algorithm::parse(name), None, "{name}");
    }
}

fn signer() -> Es256Key {
    Es256Key::from_scalar(&[7; 32]).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://acme.example", "sub": "me", "aud": "s6BhdRkqt3", "nonce": "n-0S6_WzA2Mj", "iat": NOW,
        "exp": NOW + 300,
    })
}

fn check(change: &Value) -> Result<Identity, IdTokenError> {
    let mut claims = claims();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    let keys = keys(&json!({"keys": [signer().jwk()]}));
    verify(&keys, &signer().sign(&claims), &[Algorithm::ES256])
}

#[test]
fn mn_04_every_claim_counts_and_an_absent_one_is_no_match() {
    assert!(check(&json!({})).is_ok());
    for (change, expected) in [
        (json!({"iss": "https://evil.example"}), IdTokenError::Issuer),
        (json!({"iss": "https://acme.example/"}), IdTokenError::Issuer),
        (json!({"iss": null}), IdTokenError::Malformed),
        (json!({"aud": "another"}), IdTokenError::Audience),
        (json!({"aud": []}), IdTokenError::Audience),
        (json!({"aud": ["another"]}), IdTokenError::Audience),
        (json!({"aud": ["s6BhdRkqt3", "another"]}), IdTokenError::Audience),
        (json!({"aud": ["s6BhdRkqt3", "another"], "azp": "another"}), IdTokenError::Audience),
        (json!({"azp": "another"}), IdTokenError::Audience),
        (json!({"aud": null}), IdTokenError::Malformed),
        (json!({"exp": NOW - 60}), IdTokenError::Times),
        (json!({"exp": null}), IdTokenError::Malformed),
        (json!({"exp": "1763769930"}), IdTokenError::Malformed),
        (json!({"iat": NOW + 61}), IdTokenError::Times),
        (json!({"iat": NOW - 601}), IdTokenError::Times),
        (json!({"iat": null}), IdTokenError::Malformed),
        (json!({"nbf": NOW + 61}), IdTokenError::Times),
        (json!({"nonce": "another"}), IdTokenError::Nonce),
        (json!({"nonce": ""}), IdTokenError::Nonce),
        (json!({"nonce": null}), IdTokenError::Nonce),
        (json!({"sub": null}), IdTokenError::Malformed),
        (json!({"sub": ""}), IdTokenError::Malformed),
        (json!({"sub": "x".repeat(256)}), IdTokenError::Malformed),
        (json!({"email": 7}), IdTokenError::Malformed),
    ] {
        assert_eq!(check(&change), Err(expected), "{change}");
    }
}

#[test]
fn a_little_skew_and_several_audiences_are_allowed() {
    for change in [
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 60, "nbf": NOW + 60}),
        json!({"iat": NOW - 600}),
        json!({"aud": ["s6BhdRkqt3"]}),
        json!({"aud": ["another", "s6BhdRkqt3"], "azp": "s6BhdRkqt3"}),
        json!({"azp": "s6BhdRkqt3"}),
    ] {
        assert!(check(&change).is_ok(), "{change}");
    }
}

#[test]
fn the_account_is_labelled_with_what_the_provider_gives_and_shows_nothing_odd() {
    for (change, label) in [
        (json!({"email": "a@b.example", "name": "Ada"}), "a@b.example"),
        (json!({"preferred_username": "ada", "name": "Ada"}), "ada"),
        (json!({"name": "Ada\u{0}\r\n Lovelace "}), "Ada Lovelace"),
        (json!({"email": "\u{7}", "name": ""}), "me"),
        (json!({"name": "é".repeat(200)}), &*"é".repeat(127)),
    ] {
        assert_eq!(check(&change).unwrap().label, label, "{change}");
    }
    assert_eq!(format!("{:?}", check(&json!({})).unwrap()), "Identity(…)");
}

#[test]
fn a_set_without_the_key_or_without_sense_verifies_nothing() {
    let token = signer().sign(&claims());
    let other = keys(&json!({"keys": [Es256Key::from_scalar(&[8; 32]).unwrap().jwk()]}));
    assert_eq!(verify(&other, &token, &[Algorithm::ES256]), Err(IdTokenError::UnknownKey));
    assert_eq!(verify(&keys(&json!({"keys": []})), &token, &[Algorithm::ES256]), Err(IdTokenError::UnknownKey));
    for body in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(VerifyingKeys::read_set(body.as_bytes()).is_err(), "{body}");
    }
    let odd = json!({"keys": [null, 7, {}, {"kty": "RSA"}, signer().jwk()]});
    assert!(verify(&keys(&odd), &token, &[Algorithm::ES256]).is_ok(), "the odd ones are passed over");
}

proptest! {
    #[test]
    fn no_text_and_no_change_of_one_character_verifies(at in 0_usize..400, letter in "[A-Za-z0-9_.-]", text in ".{0,300}") {
        let keys = keys(&json!({"keys": [signer().jwk()]}));
        let token = signer().sign(&claims());
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &letter);
        if changed != token {
            prop_assert!(verify(&keys, &changed, &[Algorithm::ES256]).is_err());
        }
        prop_assert!(verify(&keys, &text, &[Algorithm::ES256]).is_err());
    }
}
