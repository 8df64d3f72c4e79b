use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::cobrowse::{CobrowseKey, Grant, InvalidText, Lifetime, Role, UserId, UserName};
use stagedoor_protocol::id::SdkKey;
use stagedoor_protocol::secret::SdkSecret;
use stagedoor_protocol::time::UnixSeconds;

const SECRET: &str = "TESTSECRETTESTSECRETTESTSECRET02";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/cobrowse-tokens.json")).unwrap()
}

fn key(app_key: &str) -> CobrowseKey {
    CobrowseKey::new(SdkKey::parse(app_key).unwrap(), &SdkSecret::new(SECRET))
}

/// What a payload asks for, where the types can say it.
fn grant(payload: &Value) -> Option<Grant> {
    Some(Grant {
        role: Role::of(payload["role_type"].as_i64()?)?,
        user_id: UserId::parse(payload["user_id"].as_str()?).ok()?,
        user_name: UserName::parse(payload["user_name"].as_str()?).ok()?,
        lifetime: Lifetime::from_seconds(payload["exp"].as_i64()? - payload["iat"].as_i64()?)?,
        byop: payload["enable_byop"] == 1,
    })
}

/// HS256 gives one signature for one text, so two libraries that agree write the same token.
#[test]
fn a_token_is_byte_for_byte_the_one_of_the_library_on_zooms_page() {
    for vector in vectors()["tokens"].as_array().unwrap() {
        let (payload, is_signed) = (&vector["payload"], vector["header"]["alg"] == "HS256");
        match grant(payload) {
            Some(grant) if is_signed => {
                let token = key(payload["app_key"].as_str().unwrap())
                    .sign(&grant, UnixSeconds(payload["iat"].as_i64().unwrap()));
                assert_eq!(token.expose(), vector["token"], "{vector}");
                assert_eq!(vector["valid"], true);
            }
            _ => assert_eq!(vector["valid"], false, "{vector}"),
        }
    }
}

#[test]
fn a_life_has_1800_to_172800_seconds() {
    for seconds in [1_800, 1_801, 7_200, 172_799, 172_800] {
        assert_eq!(Lifetime::from_seconds(seconds).map(Lifetime::seconds), Some(seconds));
    }
    for seconds in [i64::MIN, -1_800, 0, 900, 1_799, 172_801, i64::MAX] {
        assert_eq!(Lifetime::from_seconds(seconds), None, "{seconds}");
    }
    assert_eq!([Lifetime::MIN, Lifetime::DEFAULT, Lifetime::MAX].map(Lifetime::seconds), [1_800, 7_200, 172_800]);
}

#[test]
fn a_name_has_1_to_80_code_points_however_many_bytes_they_take() {
    for text in ["x", &"n".repeat(80), &"🎉".repeat(80), "Zoë 日本 🎉"] {
        assert_eq!(UserName::parse(text).unwrap().as_str(), text);
        assert_eq!(UserId::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(UserName::parse(&"🎉".repeat(81)), Err(InvalidText::TooLong(81)));
    assert_eq!(UserName::parse(""), Err(InvalidText::Empty));
    for text in ["a\nb", "\0", "\u{202e}tnega"] {
        assert_eq!(UserId::parse(text), Err(InvalidText::Control), "{text:?}");
    }
}

#[test]
fn there_are_two_roles() {
    assert_eq!([Role::of(1), Role::of(2)], [Some(Role::Customer), Some(Role::Agent)]);
    assert_eq!([Role::of(0), Role::of(3), Role::of(-1), Role::of(257)], [None; 4]);
    assert_eq!([Role::Customer.number(), Role::Agent.number()], [1, 2]);
}

#[test]
fn a_random_id_is_short_enough_for_every_reader() {
    let id = UserId::random([255; 16]);
    assert_eq!(id.as_str().len(), 22);
    assert_eq!(UserId::parse(id.as_str()), Ok(id));
}

#[test]
fn mn_16_another_secret_makes_another_signature() {
    let grant = grant(&vectors()["tokens"][0]["payload"]).unwrap();
    let other = CobrowseKey::new(SdkKey::parse("TESTKEY").unwrap(), &SdkSecret::new("another"));
    let token = other.sign(&grant, UnixSeconds(0));
    assert!(verify(token.expose(), SECRET).is_none());
    assert!(verify(token.expose(), "another").is_some());
}

fn verify(token: &str, secret: &str) -> Option<Value> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    Some(decode(token, &DecodingKey::from_secret(secret.as_bytes()), &validation).ok()?.claims)
}

proptest! {
    #[test]
    fn every_token_says_what_was_granted_and_verifies(
        agent: bool,
        byop: bool,
        id in "[^\\p{C}\\p{Zl}\\p{Zp}]{1,80}",
        name in "[^\\p{C}\\p{Zl}\\p{Zp}]{1,80}",
        life in 1_800_i64..=172_800,
        now in 0..4_000_000_000_i64,
    ) {
        let role = if agent { Role::Agent } else { Role::Customer };
        let (user_id, user_name) = (UserId::parse(&id).unwrap(), UserName::parse(&name).unwrap());
        let lifetime = Lifetime::from_seconds(life).unwrap();
        let token = key("TESTKEY").sign(&Grant { role, user_id, user_name, lifetime, byop }, UnixSeconds(now));
        let mut expected = json!({
            "app_key": "TESTKEY", "role_type": role.number(), "user_id": id, "user_name": name,
            "iat": now, "exp": now + life,
        });
        if byop {
            expected["enable_byop"] = json!(1);
        }
        prop_assert_eq!(verify(token.expose(), SECRET).unwrap(), expected);
    }
}
