//! The flow itself, on a source of identity that says what it is told.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stagedoor_flows::consumer::{
    ClaimMap, Consumer, ConsumerError, Identify, Identity, InvalidClaimMap, SigningKeys, Unidentified, Visitor,
};
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_protocol::consumer::ConsumerKey;
use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::time::UnixSeconds;

use crate::world::{START, TestClock};

pub(crate) fn key(scalar: u8) -> ConsumerKey {
    Es256Key::from_scalar(&[scalar; 32]).unwrap().into()
}

pub(crate) fn map(claims: &[(&str, &str)]) -> ClaimMap {
    ClaimMap::parse(claims.iter().copied(), &[]).unwrap()
}

/// A part of a token; signatures are another test's business.
pub(crate) fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

struct Says(Result<Identity, Unidentified>);

#[async_trait::async_trait]
impl Identify for Says {
    async fn identify(&self, _: &Visitor<'_>) -> Result<Identity, Unidentified> {
        self.0.clone()
    }
}

fn identity(fields: &Value) -> Identity {
    Identity { fields: fields.as_object().unwrap().clone(), expires: None }
}

fn consumer(says: Result<Identity, Unidentified>, claims: ClaimMap) -> (Consumer, Arc<TestClock>) {
    let clock = TestClock::at(START);
    let keys = SigningKeys::new(key(1), None);
    (Consumer::new(keys, Arc::new(Says(says)), claims, 300, clock.clone()), clock)
}

async fn claims_of(fields: &Value, claims: ClaimMap) -> Result<Value, ConsumerError> {
    let (consumer, _) = consumer(Ok(identity(fields)), claims);
    consumer.issue(&Visitor::default()).await.map(|token| part(token.expose(), 1))
}

#[tokio::test]
async fn a_visitor_who_is_signed_in_gets_a_token_with_just_the_listed_claims() {
    let fields = json!({"email": "a@b.c", "given_name": "Ada", "password_hash": "canary", "roles": ["admin"]});
    let said = claims_of(&fields, map(&[("email", "email"), ("firstName", "given_name"), ("phone", "tel")])).await;
    let now = START.to_seconds().0;
    assert_eq!(said.unwrap(), json!({"exp": now + 300, "email": "a@b.c", "firstName": "Ada"}));
}

#[tokio::test]
async fn a_field_can_be_deep_inside() {
    let fields = json!({"user": {"mail": "a@b.c", "a/b": {"~": 7}}, "ns/x": 1, "/odd": 2});
    let rules = [("email", "/user/mail"), ("deep", "/user/a~1b/~0"), ("flat", "ns/x"), ("none", "/user/nobody/mail")];
    let said = claims_of(&fields, map(&rules)).await.unwrap();
    assert_eq!((&said["email"], &said["deep"], &said["flat"]), (&json!("a@b.c"), &json!(7), &json!(1)));
    assert_eq!(said.get("none"), None);
}

#[tokio::test]
async fn an_identity_that_says_nothing_of_what_is_listed_is_nobody() {
    let strangers = [json!({}), json!({"email": null}), json!({"error": "not signed in"}), json!({"user": null})];
    for fields in strangers.into_iter().chain([json!({"email": ""}), json!({"email": " ", "user": {"name": "\t"}})]) {
        let error = claims_of(&fields, map(&[("email", "email"), ("name", "/user/name")])).await.unwrap_err();
        assert!(matches!(error, ConsumerError::Empty), "{fields}");
        assert_eq!((error.fault(), error.code()), (Fault::Anonymous, "not_signed_in"));
    }
}

#[tokio::test]
async fn without_a_required_claim_nobody_is_signed_in() {
    let claims = || ClaimMap::parse([("email", "email"), ("locale", "locale")], &["email".into()]).unwrap();
    assert!(claims_of(&json!({"email": "a@b.c"}), claims()).await.is_ok());
    for fields in [json!({"locale": "en"}), json!({"locale": "en", "email": ""})] {
        let error = claims_of(&fields, claims()).await.unwrap_err();
        assert!(matches!(error, ConsumerError::Missing(_)), "{error:?}");
    }
}

#[tokio::test]
async fn mn_23_a_value_that_no_claim_can_be_makes_the_whole_identity_doubtful() {
    for value in [json!({}), json!([]), json!("a\r\nb"), json!("x".repeat(1025))] {
        let error = claims_of(&json!({"id": 7, "email": value}), map(&[("id", "id"), ("email", "email")])).await;
        assert!(matches!(error, Err(ConsumerError::Unfit { .. })), "{value}");
    }
}

#[test]
fn mn_31_a_claim_map_is_checked_when_it_is_read() {
    let parse = |claims: &[(&'static str, &'static str)], required: &[&str]| {
        let required: Vec<_> = required.iter().map(ToString::to_string).collect();
        ClaimMap::parse(claims.iter().copied(), &required)
    };
    assert_eq!(parse(&[], &[]), Err(InvalidClaimMap::Empty));
    for name in ["exp", "iat", "iss", "aud", "nbf", "jti", "", "a b"] {
        assert!(matches!(parse(&[(name, "x")], &[]), Err(InvalidClaimMap::Name(..))), "{name}");
    }
    for field in ["/a~2b", "/a~", "/~~0"] {
        assert_eq!(parse(&[("a", field)], &[]), Err(InvalidClaimMap::Pointer(field.into())));
    }
    assert!(parse(&[("a", "/a~0~1b"), ("b", "a~b")], &[]).is_ok());
    assert_eq!(parse(&[("a", "b")], &["c"]), Err(InvalidClaimMap::Required("c".into())));
    let names: Vec<_> = (0..33).map(|at| format!("c{at}")).collect();
    let many = |count| ClaimMap::parse(names[..count].iter().map(|name| (name.as_str(), "x")), &[]);
    assert!(many(32).is_ok());
    assert_eq!(many(33), Err(InvalidClaimMap::TooMany));
}

#[tokio::test]
async fn a_token_never_outlives_what_says_who_the_visitor_is() {
    let now = START.to_seconds().0;
    for (ends, expected) in [(10_000, Some(300)), (300, Some(300)), (20, Some(20)), (0, None), (-5, None)] {
        let until = Identity { expires: Some(UnixSeconds(now + ends)), ..identity(&json!({"email": "a@b.c"})) };
        let (consumer, _) = consumer(Ok(until), map(&[("email", "email")]));
        let token = consumer.issue(&Visitor::default()).await.ok();
        assert_eq!(token.map(|token| part(token.expose(), 1)["exp"].as_i64().unwrap() - now), expected, "{ends}");
    }
}

#[tokio::test]
async fn the_next_key_signs_from_its_instant_on() {
    let clock = TestClock::at(START);
    let keys = SigningKeys::new(key(1), Some((START.plus_seconds(60), key(2))));
    let says = Arc::new(Says(Ok(identity(&json!({"email": "a@b.c"})))));
    let consumer = Consumer::new(keys, says, map(&[("email", "email")]), 300, clock.clone());
    let mut kids = Vec::new();
    for millis in [0, 59_999, 1, 1_000_000] {
        clock.advance(millis);
        let token = consumer.issue(&Visitor::default()).await.unwrap();
        kids.push(part(token.expose(), 0)["kid"].as_str().unwrap().to_owned());
    }
    let (old, new) = (key(1).kid().to_owned(), key(2).kid().to_owned());
    assert_eq!(kids, [old.clone(), old, new.clone(), new]);
}

#[tokio::test]
async fn mn_23_whatever_is_unclear_is_no_token() {
    for says in [Unidentified::Nobody, Unidentified::unclear("the site is down")] {
        let (consumer, _) = consumer(Err(says), map(&[("email", "email")]));
        let error = consumer.issue(&Visitor::default()).await.unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Anonymous, "not_signed_in"));
    }
}

#[test]
fn mn_12_a_person_is_not_printed() {
    let identity = identity(&json!({"email": "canary@example.com"}));
    assert_eq!(format!("{identity:?}"), "Identity(1 fields)");
}

#[test]
fn a_cookie_that_comes_twice_is_none() {
    let visitor = Visitor::new([("a", "1"), ("b", "2"), ("b", "2"), ("c", "")]);
    assert_eq!((visitor.cookie("a"), visitor.cookie("b"), visitor.cookie("c")), (Some("1"), None, None));
}
