//! Webhooks: any headers and any body, unsigned; and any body that is signed.

#![no_main]

use std::fmt::Write as _;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use stagedoor_protocol::secret::WebhookSecret;
use stagedoor_protocol::time::UnixMillis;
use stagedoor_protocol::webhook::{Message, SIGNATURE, TIMESTAMP, verify};

const SECRET: &str = "whSecretToken_TEST_01234567890AB";
const SECONDS: &str = "1763769600";
const NOW: UnixMillis = UnixMillis(1_763_769_600_000);

fn headers(timestamp: &[u8], signature: &[u8]) -> Option<HeaderMap> {
    let values = [(TIMESTAMP, timestamp), (SIGNATURE, signature)];
    values.into_iter().map(|(name, value)| Some((name, HeaderValue::from_bytes(value).ok()?))).collect()
}

fn mac(message: &[u8]) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, SECRET.as_bytes()), message);
    tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes any text");
        hex
    })
}

fuzz_target!(|data: &[u8]| {
    let secrets = [WebhookSecret::new(SECRET)];
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let (timestamp, signature) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(headers) = headers(timestamp, signature) {
        assert!(verify(&secrets, &headers, parts.next().unwrap_or_default(), NOW).is_err(), "nobody signed this");
    }

    let signed = format!("v0={}", mac(&[format!("v0:{SECONDS}:").as_bytes(), data].concat()));
    let headers = headers(SECONDS.as_bytes(), signed.as_bytes()).expect("digits are header values");
    let verified = verify(&secrets, &headers, data, NOW).expect("it is signed");
    match verified.read() {
        Ok(Message::Event(event)) => assert!(event.name.as_str().bytes().all(|byte| byte.is_ascii_graphic())),
        Ok(Message::Validation(challenge)) => {
            let answer = serde_json::to_value(challenge.answer()).expect("an answer is JSON");
            let token = answer["plainToken"].as_str().expect("a text");
            assert!(!token.contains(':') && token.len() <= 128, "{token:?} could be worth signing");
            assert_eq!(answer["encryptedToken"], mac(token.as_bytes()));
        }
        Err(_) => (),
    }
});
