use serde::Deserialize;
use stagedoor_protocol::context::{
    AppContext, ContextError, ContextKey, MAX_ENCODED, MAX_LIFE_MS, MAX_SKEW_MS, open_and_verify,
};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;

const VECTORS: [&str; 2] =
    [include_str!("../vectors/app-context.json"), include_str!("../vectors/app-context-more.json")];

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: u32,
    name: String,
    secret: String,
    context: String,
    now_ms: i64,
    expected_aud: Option<String>,
    recommended: String,
    code: Option<String>,
    plaintext: Option<String>,
}

fn vectors() -> Vec<Vector> {
    VECTORS.iter().flat_map(|text| serde_json::from_str::<File>(text).unwrap().vectors).collect()
}

fn vector(id: u32) -> Vector {
    vectors().into_iter().find(|vector| vector.id == id).unwrap()
}

fn key(secret: &str) -> ContextKey {
    ContextKey::new(&ClientSecret::new(secret))
}

fn open(vector: &Vector) -> Result<AppContext, ContextError> {
    let client_id = ClientId::parse(vector.expected_aud.as_deref().unwrap_or("some-client")).unwrap();
    open_and_verify(&[key(&vector.secret)], &vector.context, &client_id, UnixMillis(vector.now_ms))
}

#[test]
fn every_vector_behaves_as_recommended() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 33 + 96);
    for vector in vectors {
        let Vector { id, name, recommended, .. } = &vector;
        let code = open(&vector).map_err(|error| error.code());
        assert_eq!(code.is_ok(), recommended.starts_with("accept"), "{id} {name}: {code:?}");
        assert_eq!(code.err(), vector.code.as_deref(), "{id} {name}");
    }
}

#[test]
fn a_vector_decrypts_to_its_plaintext() {
    let mut compared = 0;
    for vector in vectors() {
        if let Some(plaintext) = &vector.plaintext {
            let decrypted = key(&vector.secret).decrypt(&vector.context).unwrap();
            assert_eq!(String::from_utf8(decrypted).unwrap(), *plaintext, "{} {}", vector.id, vector.name);
            compared += 1;
        }
    }
    assert!(compared >= 14, "{compared}");
}

#[test]
fn the_claims_of_a_meeting_are_read() {
    let context = open(&vector(5)).unwrap();
    assert_eq!(context.kind, "meeting");
    assert_eq!(context.user.unwrap().as_str(), "77A6G6xIS62MkqTlFWJhbg");
    assert_eq!(context.meeting.unwrap().as_str(), "wceIoD0lTySwype/12+45w==");
    assert_eq!(context.role.as_deref(), Some("host"));
    assert_eq!(context.action, None);
    assert_eq!((context.issued, context.expires), (UnixMillis(1_763_769_600_000), UnixMillis(1_763_769_720_000)));
}

#[test]
fn a_guest_has_no_identity() {
    assert_eq!(open(&vector(10)).unwrap().user, None);
}

#[test]
fn an_action_comes_back_as_the_text_that_was_given() {
    let act = open(&vector(8)).unwrap().action.unwrap();
    assert_eq!(act, r#"{"url":"/","role_name":"Owner","verified":1,"role_id":0}"#);
    assert_eq!(open(&vector(12)).unwrap().action.as_deref(), Some("grüße-日本-🎉"));
}

#[test]
fn a_context_opens_with_a_previous_secret_while_a_secret_is_changed() {
    let Vector { secret, context, now_ms, .. } = vector(2);
    let client_id = ClientId::parse("vEcToR_cLiEnT_iD_01aZ").unwrap();
    let open = |keys: &[ContextKey]| open_and_verify(keys, &context, &client_id, UnixMillis(now_ms));
    assert!(open(&[key("new"), key("older"), key(&secret)]).is_ok());
    assert_eq!(open(&[key("new"), key("older")]), Err(ContextError::Seal));
    assert_eq!(open(&[]), Err(ContextError::Seal));
}

#[test]
fn what_is_wrong_with_the_claims_is_told_whichever_secret_opened_them() {
    let Vector { secret, context, now_ms, .. } = vector(48);
    let client_id = ClientId::parse("vEcToR_cLiEnT_iD_01aZ").unwrap();
    let opened = open_and_verify(&[key(&secret), key("older")], &context, &client_id, UnixMillis(now_ms));
    assert_eq!(opened, Err(ContextError::Expired(1)));
}

#[test]
fn mn_04_an_absent_claim_matches_nothing() {
    let claims = serde_json::json!({
        "typ": "panel", "aud": "client", "iss": "marketplace.zoom.us", "ts": 0, "exp": 1000
    });
    let verify = |claims: &serde_json::Value| {
        let sealed = key("s").seal(claims.to_string().as_bytes(), [1; 12]);
        open_and_verify(&[key("s")], &sealed, &ClientId::parse("client").unwrap(), UnixMillis(0))
    };
    assert!(verify(&claims).is_ok());
    for absent in ["typ", "aud", "iss", "ts", "exp"] {
        for value in [None, Some(serde_json::Value::Null)] {
            let mut claims = claims.clone();
            let members = claims.as_object_mut().unwrap();
            members.remove(absent);
            members.extend(value.map(|value| (absent.to_owned(), value)));
            assert!(matches!(verify(&claims), Err(ContextError::Content(_))), "{absent}");
        }
    }
}

#[test]
fn mn_14_a_tag_has_sixteen_bytes_and_nothing_stands_behind_it() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = URL_SAFE_NO_PAD.decode(vector(2).context).unwrap();
    let key = key(&vector(2).secret);
    assert!(key.decrypt(&URL_SAFE_NO_PAD.encode(&bytes)).is_ok());
    for length in 0..bytes.len() {
        let cut = URL_SAFE_NO_PAD.encode(&bytes[..length]);
        assert_eq!(key.decrypt(&cut), Err(ContextError::Layout), "{length}");
    }
    for more in 1..=32 {
        let long = URL_SAFE_NO_PAD.encode([&bytes[..], &vec![0; more]].concat());
        assert_eq!(key.decrypt(&long), Err(ContextError::Layout), "{more}");
    }
}

#[test]
fn a_context_has_one_spelling_in_each_alphabet_and_padding() {
    const CHARACTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= .\n";
    let Vector { secret, context, .. } = vector(2);
    let key = key(&secret);
    for at in 0..context.len() {
        for character in CHARACTERS.chars().filter(|character| !context[at..].starts_with(*character)) {
            let mut other = context.clone();
            other.replace_range(at..=at, &character.to_string());
            assert!(key.decrypt(&other).is_err(), "{character:?} at {at}");
        }
    }
}

#[test]
fn the_length_is_checked_before_anything_is_decoded() {
    assert_eq!(key("s").open(&"A".repeat(MAX_ENCODED)), Err(ContextError::Layout));
    assert_eq!(key("s").open(&"A".repeat(MAX_ENCODED + 1)), Err(ContextError::Encoding));
}

#[test]
fn the_limits_are_those_of_the_documentation_page() {
    assert_eq!((MAX_ENCODED, MAX_SKEW_MS, MAX_LIFE_MS), (8_192, 60_000, 600_000));
}

#[test]
fn a_refusal_explains_itself_without_quoting_the_context() {
    let expired = open(&vector(48)).unwrap_err().to_string();
    assert!(expired.contains("expired 1 ms ago") && expired.contains("clock"), "{expired}");
    for vector in vectors() {
        if let Err(error) = open(&vector) {
            let text = format!("{error} {error:?}");
            for secret in ["77A6G6xIS62MkqTlFWJhbg", "somebody-else", "X-Forwarded", &vector.secret] {
                assert!(!text.contains(secret), "{}: {text}", vector.name);
            }
        }
    }
}
