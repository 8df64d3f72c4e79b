use std::fmt::Write as _;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::secret::WebhookSecret;
use stagedoor_protocol::time::{UnixMillis, UnixSeconds};
use stagedoor_protocol::webhook::{Message, Refused, SIGNATURE, TIMESTAMP, verify};

/// HMAC-SHA256 in lower-case hexadecimal digits, written once more.
pub(crate) fn mac(secret: &str, message: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret.as_bytes()), message);
    tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The headers with which Zoom would send a body.
pub(crate) fn sign(secret: &str, timestamp: &str, body: &[u8]) -> HeaderMap {
    let message = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    let signature = format!("v0={}", mac(secret, &message));
    let values = [(TIMESTAMP, timestamp.to_owned()), (SIGNATURE, signature)];
    values.into_iter().map(|(name, value)| (name, HeaderValue::try_from(value).unwrap())).collect()
}

const NOW: UnixMillis = UnixMillis(1_763_769_600_000);

fn refused(secret: &str, headers: &HeaderMap, body: &[u8]) -> Option<Refused> {
    verify(&[WebhookSecret::new(secret)], headers, body, NOW).err()
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof!["id|uuid|object|user_id|host_id|payload|event|event_ts|account_id", ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_signed_verifies(secret in ".{1,40}", body in any::<Vec<u8>>()) {
        prop_assert_eq!(refused(&secret, &sign(&secret, "1763769600", &body), &body), None);
    }

    #[test]
    fn another_secret_signs_nothing(secret in "[ -~]{0,40}", other in "[ -~]{0,40}", body in any::<Vec<u8>>()) {
        prop_assume!(secret != other);
        let refused = refused(&secret, &sign(&other, "1763769600", &body), &body);
        prop_assert_eq!(refused, Some(Refused::Signature));
    }

    #[test]
    fn another_body_is_refused(body in prop::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let headers = sign("s", "1763769600", &body);
        let mut other = body.clone();
        other[at.index(body.len())] ^= 1 << bit;
        prop_assert_eq!(refused("s", &headers, &other), Some(Refused::Signature));
        prop_assert_eq!(refused("s", &headers, &body[..at.index(body.len())]), Some(Refused::Signature));
        prop_assert_eq!(refused("s", &headers, &[&body[..], b" "].concat()), Some(Refused::Signature));
    }

    #[test]
    fn another_time_is_refused(seconds in 1_000_000_000..9_999_999_999_i64) {
        prop_assume!(seconds != 1_763_769_600);
        let mut headers = sign("s", "1763769600", b"{}");
        headers.insert(TIMESTAMP, HeaderValue::from(seconds));
        prop_assert_eq!(refused("s", &headers, b"{}"), Some(Refused::Signature));
    }

    #[test]
    fn what_verifies_is_recent(timestamp in 0..=9_999_999_999_i64, now in any::<i64>()) {
        let text = format!("{timestamp:010}");
        if verify(&[WebhookSecret::new("s")], &sign("s", &text, b""), b"", UnixMillis(now)).is_ok() {
            let age = UnixMillis(now).to_seconds().0 - timestamp;
            prop_assert!((-300..=5_400).contains(&age));
        }
    }

    #[test]
    fn no_headers_make_it_panic(timestamp in any::<Vec<u8>>(), signature in any::<Vec<u8>>(), body in any::<Vec<u8>>()) {
        let mut headers = HeaderMap::new();
        headers.extend(HeaderValue::from_bytes(&timestamp).ok().map(|value| (TIMESTAMP, value)));
        headers.extend(HeaderValue::from_bytes(&signature).ok().map(|value| (SIGNATURE, value)));
        prop_assert!(refused("s", &headers, &body).is_some());
    }

    #[test]
    fn no_signed_body_makes_it_panic(body in any::<Vec<u8>>()) {
        let secrets = [WebhookSecret::new("s")];
        let headers = sign("s", "1763769600", &body);
        let _ = verify(&secrets, &headers, &body, NOW).unwrap().read();
    }

    #[test]
    fn any_object_with_an_event_is_one(name in "[a-z_.]{1,40}", payload in json_value(), at in json_value()) {
        let body = json!({ "event": name, "event_ts": at, "payload": payload }).to_string();
        let secrets = [WebhookSecret::new("s")];
        let headers = sign("s", "1763769600", body.as_bytes());
        let verified = verify(&secrets, &headers, body.as_bytes(), NOW).unwrap();
        let Ok(Message::Event(event)) = verified.read() else { return Err(TestCaseError::fail("no event")) };
        prop_assert_eq!(event.name.as_str(), name);
        prop_assert_eq!(event.at, at.as_i64().map(UnixMillis));
        prop_assert_eq!(verified.signed(), UnixSeconds(1_763_769_600));
    }

    #[test]
    fn half_a_surrogate_pair_anywhere_costs_no_event(
        before in r#"([ -!#-\[\]-~]|\\\\|\\u00[0-9a-f]{2}|\\"){0,12}"#,
        half in r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
        after in r"([ -!#-\[\]-~]|\\\\|\\n|\\u[dD]83[dD]\\u[dD][eE]92){0,12}",
    ) {
        let body = format!(r#"{{"event":"chat_message.sent","payload":{{"object":{{"id":"1","message":"{before}{half}{after}"}}}}}}"#);
        let secrets = [WebhookSecret::new("s")];
        let headers = sign("s", "1763769600", body.as_bytes());
        let verified = verify(&secrets, &headers, body.as_bytes(), NOW).unwrap();
        prop_assert!(matches!(verified.read(), Ok(Message::Event(event)) if event.subject == "\n1"));
    }
}
