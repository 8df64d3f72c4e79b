use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use stagedoor_protocol::secret::WebhookSecret;
use stagedoor_protocol::time::{UnixMillis, UnixSeconds};
use stagedoor_protocol::webhook::{
    Event, MAX_AHEAD_SECONDS, Malformed, Message, Refused, SIGNATURE, TIMESTAMP, WINDOW_SECONDS, verify,
};

use crate::webhook_properties::sign;

const VECTORS: [&str; 2] = [include_str!("../vectors/webhook.json"), include_str!("../vectors/webhook-more.json")];
const NOW: UnixSeconds = UnixSeconds(1_763_769_600);

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret: String,
    headers: BTreeMap<String, String>,
    body: String,
    code: Option<String>,
    answer: Option<Value>,
}

impl Vector {
    fn named(name: &str) -> Self {
        vectors().into_iter().find(|vector| vector.name == name).unwrap()
    }

    fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
        };
        self.headers.iter().map(header).collect()
    }

    fn now(&self) -> UnixMillis {
        UnixSeconds(self.headers.get(TIMESTAMP.as_str()).map_or(NOW.0, |text| text.parse().unwrap())).to_millis()
    }
}

fn vectors() -> Vec<Vector> {
    VECTORS.iter().flat_map(|text| serde_json::from_str::<File>(text).unwrap().vectors).collect()
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text)
}

/// What becomes of a webhook: the answer to a URL validation, nothing for an event, or a code.
fn outcome(vector: &Vector) -> Result<Option<Value>, &'static str> {
    let secrets = [secret(&vector.secret)];
    let verified = verify(&secrets, &vector.headers(), vector.body.as_bytes(), vector.now());
    match verified.map_err(|refused| refused.code())?.read() {
        Ok(Message::Validation(challenge)) => Ok(Some(serde_json::to_value(challenge.answer()).unwrap())),
        Ok(Message::Event(_)) => Ok(None),
        Err(malformed) => Err(malformed.code()),
    }
}

fn event(body: &Value) -> Event {
    let body = body.to_string();
    let secrets = [secret("s")];
    let headers = sign("s", "1763769600", body.as_bytes());
    match verify(&secrets, &headers, body.as_bytes(), NOW.to_millis()).unwrap().read().unwrap() {
        Message::Event(event) => event,
        Message::Validation(_) => panic!("a URL validation"),
    }
}

#[test]
fn every_vector_comes_out_as_it_says() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 12 + 37);
    for vector in vectors {
        let expected = vector.code.clone().map_or(Ok(vector.answer.clone()), Err);
        assert_eq!(outcome(&vector).map_err(str::to_owned), expected, "{}", vector.name);
    }
}

#[test]
fn mn_01_a_challenge_that_nobody_signed_is_not_answered() {
    let unsigned = Vector::named("oracle-challenge-unsigned");
    assert_eq!(outcome(&unsigned), Err("webhook_header_missing"));
    let mut signed_wrong = Vector::named("url-validation-signed");
    signed_wrong.secret = "another".into();
    assert_eq!(outcome(&signed_wrong), Err("webhook_signature_wrong"));
}

#[test]
fn mn_01_no_challenge_is_answered_with_the_signature_of_an_event() {
    // Signed as it should be, so nothing but the alphabet of the token stands in the way.
    let challenge = Vector::named("oracle-challenge-unsigned");
    let headers = sign(&challenge.secret, "1763769600", challenge.body.as_bytes());
    let secrets = [secret(&challenge.secret)];
    let verified = verify(&secrets, &headers, challenge.body.as_bytes(), NOW.to_millis()).unwrap();
    assert_eq!(verified.read().unwrap_err(), Malformed::PlainToken);
}

#[test]
fn mn_01_every_signed_text_holds_a_character_that_no_token_may_have() {
    let answered = |token: &str| {
        let body = json!({ "event": "endpoint.url_validation", "payload": { "plainToken": token } }).to_string();
        let secrets = [secret("s")];
        let headers = sign("s", "1763769600", body.as_bytes());
        verify(&secrets, &headers, body.as_bytes(), NOW.to_millis()).unwrap().read().is_ok()
    };
    for byte in 0..=127_u8 {
        let is_letter = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        assert_eq!(answered(&format!("v0{}1", char::from(byte))), is_letter, "{byte}");
    }
    assert!(answered(&"x".repeat(128)) && !answered(&"x".repeat(129)));
}

#[test]
fn mn_02_only_the_bytes_that_were_signed_verify() {
    let mut compared = 0;
    for vector in vectors().into_iter().filter(|vector| vector.code.is_none()) {
        let again =
            serde_json::from_str::<Value>(&vector.body).map_or_else(|_| String::new(), |value| value.to_string());
        if again == vector.body {
            continue;
        }
        let secrets = [secret(&vector.secret)];
        let verified = verify(&secrets, &vector.headers(), again.as_bytes(), vector.now());
        assert_eq!(verified.unwrap_err(), Refused::Signature, "{}", vector.name);
        compared += 1;
    }
    assert!(compared >= 15, "{compared}");
}

#[test]
fn mn_03_nothing_outside_the_window_is_accepted() {
    let secrets = [secret("s")];
    let headers = sign("s", &NOW.0.to_string(), b"{}");
    let at = |seconds: i64| verify(&secrets, &headers, b"{}", UnixSeconds(NOW.0 + seconds).to_millis()).map(drop);
    assert_eq!((WINDOW_SECONDS, MAX_AHEAD_SECONDS), (5_400, 300));
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(WINDOW_SECONDS), Ok(()));
    assert_eq!(at(WINDOW_SECONDS + 1), Err(Refused::Window(5_401)));
    assert_eq!(at(-MAX_AHEAD_SECONDS), Ok(()));
    assert_eq!(at(-MAX_AHEAD_SECONDS - 1), Err(Refused::Window(-301)));
}

#[test]
fn mn_04_an_absent_header_or_secret_matches_nothing() {
    let signed = sign("s", "1763769600", b"{}");
    let verify =
        |secrets: &[WebhookSecret], headers: &HeaderMap| verify(secrets, headers, b"{}", NOW.to_millis()).map(drop);
    assert_eq!(verify(&[secret("s")], &signed), Ok(()));
    assert_eq!(verify(&[], &signed), Err(Refused::Signature));
    for name in [TIMESTAMP, SIGNATURE] {
        let mut headers = signed.clone();
        headers.remove(&name);
        assert_eq!(verify(&[secret("s")], &headers), Err(Refused::Missing(name.clone())));
        headers.insert(&name, HeaderValue::from_static(""));
        assert!(verify(&[secret("s")], &headers).is_err(), "an empty {name}");
        headers.insert(&name, signed[&name].clone());
        headers.append(&name, signed[&name].clone());
        assert_eq!(verify(&[secret("s")], &headers), Err(Refused::Repeated(name)));
    }
}

#[test]
fn a_signature_has_one_spelling() {
    let signed = sign("s", "1763769600", b"{}");
    let signature = signed[SIGNATURE].to_str().unwrap().to_owned();
    let digits = signature.strip_prefix("v0=").unwrap();
    let others = [
        digits.to_owned(),
        format!("V0={digits}"),
        format!("v1={digits}"),
        format!("v0={}", digits.to_uppercase()),
        format!("v0={digits} "),
        format!("v0={digits}00"),
        format!("v0={}", &digits[..62]),
        format!("v0={digits},v0={digits}"),
    ];
    for other in others {
        let mut headers = signed.clone();
        headers.insert(SIGNATURE, HeaderValue::try_from(&other).unwrap());
        let secrets = [secret("s")];
        assert_eq!(verify(&secrets, &headers, b"{}", NOW.to_millis()).unwrap_err(), Refused::Signature, "{other:?}");
    }
}

#[test]
fn a_timestamp_is_ten_digits() {
    for other in ["176376960", "01763769600", "1763769600.0", "+763769600", "1763769600000", "17637696o0", "0x69200000"]
    {
        let secrets = [secret("s")];
        let refused = verify(&secrets, &sign("s", other, b"{}"), b"{}", NOW.to_millis()).unwrap_err();
        assert_eq!(refused, Refused::Timestamp, "{other}");
    }
}

#[test]
fn a_second_secret_counts_while_it_is_being_changed() {
    let secrets = [secret("new"), secret("old")];
    for signer in ["new", "old"] {
        let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}"#;
        let headers = sign(signer, "1763769600", body.as_bytes());
        let verified = verify(&secrets, &headers, body.as_bytes(), NOW.to_millis()).unwrap();
        let Message::Validation(challenge) = verified.read().unwrap() else { panic!("an event") };
        let answer = serde_json::to_value(challenge.answer()).unwrap();
        assert_eq!(answer["plainToken"], "abc");
        assert_eq!(answer["encryptedToken"].as_str().unwrap(), crate::webhook_properties::mac(signer, b"abc"));
    }
}

#[test]
fn an_event_says_what_happened_when_where_and_to_whom() {
    let event = event(&json!({
        "event": "meeting.participant_joined", "event_ts": 1_763_769_600_123_i64,
        "payload": { "account_id": "A", "object": {
            "id": 81_234_567_890_u64, "uuid": "wceIoD0lTySwype/12+45w==", "host_id": "host", "topic": "t",
            "participant": { "user_id": "16778240", "id": "somebody" },
        } },
    }));
    assert_eq!(event.name.as_str(), "meeting.participant_joined");
    assert_eq!(event.at, Some(UnixMillis(1_763_769_600_123)));
    assert_eq!(event.subject, "A\n81234567890");
    assert_eq!(event.user.unwrap().as_str(), "host");
    assert_eq!(event.meeting.unwrap().as_str(), "wceIoD0lTySwype/12+45w==");
    assert_eq!(event.deauthorization, None);
}

#[test]
fn events_of_one_object_have_one_subject() {
    let subject = |name: &str, payload: Value| event(&json!({ "event": name, "payload": payload })).subject;
    let numbered = subject("meeting.started", json!({ "account_id": "A", "object": { "id": 7, "uuid": "one" } }));
    assert_eq!(numbered, subject("meeting.updated", json!({ "account_id": "A", "object": { "id": "7" } })));
    assert_ne!(numbered, subject("meeting.started", json!({ "account_id": "B", "object": { "id": 7 } })));
    let engaged = json!({ "account_id": "A", "object": { "engagement_id": "e" } });
    assert_eq!(subject("contact_center.engagement_started", engaged), "A\ne");
    let browsed = json!({ "account_id": "A", "object": { "session_id": "s", "user_id": "u" } });
    assert_eq!(subject("cobrowse.session_started", browsed), "A\ns");
    assert_eq!(subject("account.created", json!({ "account_id": "A" })), "A\naccount");
    assert_eq!(subject("account.created", Value::Null), "\naccount");
}

#[test]
fn the_user_of_an_event_is_nobody_who_could_be_made_up() {
    let user = |name: &str, payload: Value| event(&json!({ "event": name, "payload": payload })).user;
    let id = |user: &str| Some(stagedoor_protocol::id::ZoomUserId::parse(user).unwrap());
    assert_eq!(user("meeting.created", json!({ "operator_id": "o", "object": { "host_id": "h" } })), id("h"));
    assert_eq!(user("meeting.created", json!({ "operator_id": "o", "object": {} })), id("o"));
    assert_eq!(user("user.updated", json!({ "object": { "id": "u" } })), id("u"));
    assert_eq!(user("users.updated", json!({ "object": { "id": "u" } })), None);
    assert_eq!(user("contact_center.user_status_changed", json!({ "object": { "user_id": "u" } })), id("u"));
    assert_eq!(user("cobrowse.session_started", json!({ "object": { "user_id": "victim" } })), None);
    assert_eq!(user("meeting.started", json!({ "object": { "host_id": "a b", "user_id": 1 } })), None);
}

#[test]
fn a_time_that_is_not_as_documented_is_no_time() {
    for time in [json!("2024-09-08 15:58:40"), json!(1.5), json!(null), json!({}), json!("1763769600123")] {
        assert_eq!(event(&json!({ "event": "meeting.started", "event_ts": time })).at, None, "{time}");
    }
}

#[test]
fn a_deauthorization_is_read_as_zoom_documents_it() {
    let deauthorized = event(&json!({ "event": "app_deauthorized", "payload": {
        "account_id": "AAAAAABBBB", "user_id": "abcD3ojfdbjfg", "signature": "827edc",
        "deauthorization_time": "2020-06-17T13:52:28.632Z", "client_id": "ABCDEFGHIJKLMNOPQRST!V",
        "event_ts": "2024-09-08 15:58:40",
    } }));
    let deauthorization = deauthorized.deauthorization.unwrap();
    assert_eq!(deauthorization.user.as_str(), "abcD3ojfdbjfg");
    assert_eq!(deauthorization.client_id.as_str(), "ABCDEFGHIJKLMNOPQRST!V");
    assert_eq!(deauthorization.at, Some(UnixMillis(1_592_401_948_632)));
    assert_eq!((deauthorized.at, deauthorized.subject.as_str()), (None, "AAAAAABBBB\nabcD3ojfdbjfg"));
}

#[test]
fn a_deauthorization_that_lacks_something_is_none() {
    let whole = json!({ "user_id": "u", "client_id": "c", "deauthorization_time": "yesterday" });
    let read = |name: &str, payload: &Value| event(&json!({ "event": name, "payload": payload })).deauthorization;
    assert_eq!(read("app_deauthorized", &whole).unwrap().at, None);
    assert_eq!(read("app_deauthorized2", &whole), None);
    for absent in ["user_id", "client_id"] {
        let mut payload = whole.clone();
        payload.as_object_mut().unwrap().remove(absent);
        assert_eq!(read("app_deauthorized", &payload), None, "{absent}");
        payload[absent] = json!("");
        assert_eq!(read("app_deauthorized", &payload), None, "empty {absent}");
    }
}

#[test]
fn a_refusal_says_what_to_look_at_and_no_secret() {
    let age = Refused::Window(7_200).to_string();
    assert!(age.contains("7200 s old"), "{age}");
    assert!(Refused::Missing(SIGNATURE).to_string().contains("x-zm-signature"));
    let secrets = [secret("canary-webhook-secret")];
    let headers = sign("canary-webhook-secret", "1763769600", b"{}");
    let verified = verify(&secrets, &headers, b"{}", NOW.to_millis()).unwrap();
    assert!(!format!("{verified:?}").contains("canary"));
}
