//! A website's own session: any text as a token, and any payload with an authentic signature.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use jsonwebtoken::{Algorithm, EncodingKey};
use libfuzzer_sys::fuzz_target;
use stagedoor_flows::consumer::{ClaimMap, Consumer, JwtCookie, SigningKeys, Visitor};
use stagedoor_flows::port::{Clock, Sleep};
use stagedoor_flows::verify::{Keys, Verifier};
use stagedoor_protocol::jwt::{Es256Key, SharedSecret, VerifyingKeys};
use stagedoor_protocol::time::UnixMillis;

const SECRET: &str = "a-secret-of-the-site-with-more-than-32-bytes";
const NOW: i64 = 1_763_769_600;

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMillis {
        UnixMillis(NOW * 1000)
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

fn consumer() -> Consumer {
    let key = VerifyingKeys::shared(&SharedSecret::new(SECRET)).expect("long enough");
    let verifier = Verifier::new(Keys::Fixed(key), "issuer", "web", Arc::new(Still));
    let keys = SigningKeys::new(Es256Key::from_scalar(&[7; 32]).expect("in the group").into(), None);
    let map = ClaimMap::parse([("email", "email"), ("deep", "/a/b")], &[]).expect("a map");
    Consumer::new(keys, Arc::new(JwtCookie::new("session", verifier)), map, 300, Arc::new(Still))
}

fn issue(consumer: &Consumer, token: &str) -> Option<serde_json::Value> {
    let visitor = Visitor::new([("session", token)]);
    let issued = consumer.issue(&visitor).now_or_never().expect("nothing is waited for").ok()?;
    let payload = issued.expose().split('.').nth(1).expect("three parts").to_owned();
    Some(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON"))
}

fuzz_target!(|data: &[u8]| {
    let consumer = consumer();
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(issue(&consumer, text).is_none(), "nobody has signed this");
        // A public key or a set of them, from a file or an issuer.
        let _ = VerifyingKeys::read(text);
    }
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", part(br#"{"alg":"HS256","typ":"JWT"}"#), part(data));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).expect("HS256 signs");
    if let Some(said) = issue(&consumer, &format!("{signed}.{signature}")) {
        let payload: serde_json::Value = serde_json::from_slice(data).expect("what is believed is JSON");
        assert_eq!(payload["iss"], "issuer");
        let (exp, theirs) = (said["exp"].as_i64().expect("a number"), payload["exp"].as_i64().expect("a number"));
        assert!(NOW < exp && exp <= theirs && exp <= NOW + 300);
        assert!(said.as_object().is_some_and(|said| said.len() >= 2 && said.len() <= 3));
        assert!(said["email"].as_str().is_none_or(|text| !text.chars().any(char::is_control)));
    }
});
