//! The site's own signed session: tokens that were made with another library, see `tests/vectors`.

use std::sync::Arc;

use serde_json::{Value, json};
use stagedoor_flows::consumer::{Identify, Identity, JwtCookie, Unidentified, Visitor};
use stagedoor_flows::verify::{Keys, RemoteKeys, Verifier};
use stagedoor_protocol::jwt::{SharedSecret, UnusableKey, VerifyingKeys};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use crate::site::{Says, Site};
use crate::world::TestClock;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/session-jwts.json")).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn clock() -> Arc<TestClock> {
    TestClock::at(UnixMillis(vectors()["now"].as_i64().unwrap() * 1000))
}

fn cookie(keys: Keys, clock: Arc<TestClock>) -> JwtCookie {
    JwtCookie::new("session", Verifier::new(keys, "https://login.example.com", "web", clock))
}

fn fixed(text: &str) -> JwtCookie {
    cookie(Keys::Fixed(VerifyingKeys::read(text).unwrap()), clock())
}

fn jwks() -> String {
    vectors()["jwks"].to_string()
}

async fn read(source: &JwtCookie, token: &str) -> Result<Identity, Unidentified> {
    source.identify(&Visitor::new([("session", token)])).await
}

#[tokio::test]
async fn every_common_algorithm_is_verified_with_the_key_of_a_set() {
    for alg in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        let identity = read(&fixed(&jwks()), &text(&vectors()["valid"][alg])).await.unwrap();
        assert_eq!(identity.fields["email"], "a@b.c", "{alg}");
        assert_eq!(identity.expires.unwrap().0, vectors()["now"].as_i64().unwrap() + 600);
    }
}

#[tokio::test]
async fn a_key_may_be_a_pem_file_one_jwk_or_a_secret() {
    for (alg, pem) in vectors()["pem"].as_object().unwrap() {
        assert!(read(&fixed(&text(pem)), &text(&vectors()["valid"][alg])).await.is_ok(), "{alg}");
    }
    let jwk = vectors()["jwks"]["keys"][0].to_string();
    assert!(read(&fixed(&jwk), &text(&vectors()["valid"]["ES256"])).await.is_ok());
    let secret = VerifyingKeys::shared(&SharedSecret::new(text(&vectors()["secret"]))).unwrap();
    let source = cookie(Keys::Fixed(secret), clock());
    assert!(read(&source, &text(&vectors()["valid"]["HS256"])).await.is_ok());
    assert!(read(&source, &text(&vectors()["valid"]["ES256"])).await.is_err());
}

#[tokio::test]
async fn what_is_right_in_another_way_is_right() {
    for (name, token) in vectors()["also_valid"].as_object().unwrap() {
        assert!(read(&fixed(&jwks()), &text(token)).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn mn_34_nothing_is_believed_that_is_not_signed_for_us_and_in_time() {
    for (name, token) in vectors()["invalid"].as_object().unwrap() {
        assert!(read(&fixed(&jwks()), &text(token)).await.is_err(), "{name}");
    }
    let es256 = text(&vectors()["pem"]["ES256"]);
    for alg in ["RS256", "HS256", "ES384", "EdDSA", "PS256"] {
        assert!(read(&fixed(&es256), &text(&vectors()["valid"][alg])).await.is_err(), "{alg} with a key of ES256");
    }
}

#[tokio::test]
async fn mn_34_one_changed_character_is_too_much() {
    let token = text(&vectors()["valid"]["ES256"]);
    let source = fixed(&jwks());
    for at in 0..token.len() {
        let other = if token[at..].starts_with('A') { "B" } else { "A" };
        let mut changed = token.clone();
        changed.replace_range(at..=at, other);
        assert!(read(&source, &changed).await.is_err(), "at {at}");
    }
}

#[tokio::test]
async fn mn_04_a_cookie_that_is_absent_empty_or_twice_is_nobody() {
    let (source, token) = (fixed(&jwks()), text(&vectors()["valid"]["ES256"]));
    for cookies in [vec![], vec![("session", "")], vec![("Session", token.as_str())], vec![("session", &*token); 2]] {
        assert!(matches!(source.identify(&Visitor::new(cookies)).await, Err(Unidentified::Nobody)));
    }
}

#[test]
fn what_is_no_public_key_is_refused_with_its_reason() {
    for (text, expected) in [
        (String::new(), UnusableKey::Malformed),
        ("https://login.example.com/jwks.json".into(), UnusableKey::Malformed),
        ("{}".into(), UnusableKey::Unsupported),
        (r#"{"keys":{}}"#.into(), UnusableKey::Malformed),
        (r#"{"keys":[]}"#.into(), UnusableKey::Unsupported),
        (r#"{"keys":[],"keys":[]}"#.into(), UnusableKey::Malformed),
        (json!({"keys": [{"kty": "oct", "k": "AAAA"}, {"kty": "new"}, 7]}).to_string(), UnusableKey::Unsupported),
        (text(&vectors()["pem_of_1024_bits"]), UnusableKey::Unsupported),
        (text(&vectors()["private_pem"]), UnusableKey::Private),
    ] {
        assert_eq!(VerifyingKeys::read(&text).unwrap_err(), expected, "{text}");
    }
    let short = SharedSecret::new("x".repeat(31));
    assert_eq!(VerifyingKeys::shared(&short).unwrap_err(), UnusableKey::Short);
}

#[tokio::test]
async fn a_key_for_encryption_or_of_an_algorithm_that_is_not_its_kind_s_verifies_nothing() {
    for (member, value) in [("use", "enc"), ("alg", "RS256"), ("alg", "ES384"), ("alg", "ECDH-ES"), ("alg", "HS256")] {
        let mut jwk = vectors()["jwks"]["keys"][0].clone();
        jwk[member] = value.into();
        assert_eq!(VerifyingKeys::read(&jwk.to_string()).unwrap_err(), UnusableKey::Unsupported, "{member} {value}");
    }
}

struct Issuer {
    site: Arc<Site>,
    clock: Arc<TestClock>,
    source: Arc<JwtCookie>,
}

fn issuer() -> Issuer {
    let (site, clock) = (Arc::new(Site::saying(200, &vectors()["jwks"])), clock());
    let url = Url::parse("https://login.example.com/jwks.json").unwrap();
    let keys = RemoteKeys::new(site.clone(), url, clock.clone());
    Issuer { source: Arc::new(cookie(Keys::Remote(keys), clock.clone())), site, clock }
}

/// A set without the key of this algorithm.
fn set_without(alg: &str) -> Value {
    let keys: Vec<_> =
        vectors()["jwks"]["keys"].as_array().unwrap().iter().filter(|key| key["alg"] != alg).cloned().collect();
    json!({ "keys": keys })
}

#[tokio::test]
async fn keys_are_fetched_once_for_ten_minutes() {
    let Issuer { site, clock, source } = issuer();
    let token = text(&vectors()["valid"]["ES256"]);
    assert_eq!(site.calls(), 0);
    for _ in 0..3 {
        assert!(read(&source, &token).await.is_ok());
    }
    assert_eq!(site.calls(), 1);
    clock.advance(599_000);
    assert!(read(&source, &token).await.is_ok());
    assert_eq!(site.calls(), 1);
    let request = site.requests().remove(0);
    assert_eq!(request.headers().len(), 1, "nothing but Accept");
    clock.advance(1_000);
    // The token ends at this very second; another fetch is what counts here.
    assert!(read(&source, &token).await.is_err());
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_but_not_more_often_than_every_ten_seconds() {
    let Issuer { site, clock, source } = issuer();
    let token = text(&vectors()["valid"]["ES256"]);
    site.now_says(Says::Status(200, set_without("ES256").to_string()));
    for _ in 0..20 {
        assert!(read(&source, &token).await.is_err());
    }
    assert_eq!(site.calls(), 1);
    site.now_says(Says::Status(200, jwks()));
    clock.advance(9_999);
    assert!(read(&source, &token).await.is_err());
    clock.advance(1);
    assert!(read(&source, &token).await.is_ok(), "the new key is found");
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_verifies_nothing_more() {
    let Issuer { site, clock, source } = issuer();
    let token = text(&vectors()["valid"]["ES256"]);
    assert!(read(&source, &token).await.is_ok());
    site.now_says(Says::Status(200, set_without("ES256").to_string()));
    clock.advance(590_000);
    assert!(read(&source, &token).await.is_ok());
    // An unknown id makes the set be read again.
    let unknown = text(&vectors()["invalid"]["an unknown key"]);
    assert!(read(&source, &unknown).await.is_err());
    assert!(read(&source, &token).await.is_err());
}

#[tokio::test]
async fn mn_23_keys_that_cannot_be_fetched_verify_nothing() {
    let troubles = [
        Says::Refused,
        Says::Timeout,
        Says::Broken,
        Says::TooLarge,
        Says::Status(500, jwks()),
        Says::Status(301, jwks()),
        Says::Status(200, "<html>".into()),
        Says::Status(200, r#"{"keys":[]}"#.into()),
    ];
    for trouble in troubles {
        let Issuer { site, clock, source } = issuer();
        site.now_says(trouble.clone());
        let token = text(&vectors()["valid"]["ES256"]);
        assert!(matches!(read(&source, &token).await, Err(Unidentified::Unclear(_))), "{trouble:?}");
        assert!(read(&source, &token).await.is_err());
        assert_eq!(site.calls(), 1, "nobody hammers an issuer in trouble");
        site.now_says(Says::Status(200, jwks()));
        clock.advance(10_000);
        assert!(read(&source, &token).await.is_ok(), "{trouble:?}");
    }
}

#[tokio::test]
async fn known_keys_go_on_for_a_while_when_the_issuer_is_down() {
    let Issuer { site, clock, source } = issuer();
    let token = text(&vectors()["valid"]["ES256"]);
    assert!(read(&source, &token).await.is_ok());
    site.now_says(Says::Refused);
    // Set back, so that the token still lives when the keys are old.
    clock.advance(-3_600_000);
    assert!(read(&source, &token).await.is_ok());
    assert_eq!(site.calls(), 2);
    clock.advance(-24 * 3_600_000);
    assert!(read(&source, &token).await.is_err(), "not for ever");
}

#[tokio::test]
async fn many_visitors_at_once_are_one_fetch() {
    let Issuer { site, source, .. } = issuer();
    site.hold();
    let token = text(&vectors()["valid"]["ES256"]);
    let reading: Vec<_> = (0..50)
        .map(|_| {
            let (source, token) = (Arc::clone(&source), token.clone());
            tokio::spawn(async move { read(&source, &token).await.is_ok() })
        })
        .collect();
    while site.calls() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    site.release();
    for one in reading {
        assert!(one.await.unwrap());
    }
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn mn_12_the_token_is_in_no_error() {
    for (name, token) in vectors()["invalid"].as_object().unwrap() {
        let Err(error) = read(&fixed(&jwks()), &text(token)).await else { panic!("{name}") };
        let mut said = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said = format!("{said} {cause} {cause:?}");
            source = cause.source();
        }
        let payload = text(token).split('.').nth(1).unwrap_or_default().to_owned();
        assert!(payload.len() < 8 || !said.contains(&payload), "{name}: {said}");
        assert!(!said.contains("a@b.c"), "{name}: {said}");
    }
}
