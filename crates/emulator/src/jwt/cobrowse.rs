//! The token that lets somebody into a Cobrowse session: HS256 under the SDK secret.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use serde_json::Value;
use stagedoor_protocol::time::UnixSeconds;

use super::{Jws, Refusal};
use crate::config::{SdkApp, SdkSecret};

/// How long a token must live at least and may live at most, in seconds: half an hour, two days.
const LIFE_S: std::ops::RangeInclusive<i64> = 1_800..=172_800;
/// How far a clock may be ahead of Zoom's, in seconds. Zoom does not say.
const AHEAD_S: i64 = 60;
/// The longest name, in characters.
const MAX_NAME: usize = 80;

/// In which role somebody comes. A number in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Customer,
    Agent,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) role: Role,
    pub(crate) user_id: String,
    pub(crate) user_name: String,
    /// Whether the customer may choose the PIN.
    pub(crate) own_pin: bool,
}

/// Verifies a token by the rules of Zoom's page on authorization.
pub(crate) fn verify(token: &str, app: &SdkApp, now: UnixSeconds) -> Result<Pass, Refusal> {
    let jws = Jws::parse(token)?;
    jws.is_for("HS256")?;
    if jws.header["typ"] != "JWT" {
        return Err(Refusal::new("The header does not say that the token is a JWT.", r#"Set "typ":"JWT"."#));
    }
    verify_tag(&jws, &app.secret)?;
    if jws.payload["app_key"] != app.key.as_str() {
        return Err(Refusal::new("app_key is another SDK key.", "Use key and secret of one and the same app."));
    }
    verify_life(&jws, now)?;
    read(&jws.payload)
}

fn verify_tag(jws: &Jws<'_>, secret: &SdkSecret) -> Result<(), Refusal> {
    let key = hmac::Key::new(HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, jws.signed, &jws.signature).map_err(|_| {
        Refusal::new("The signature does not fit the SDK secret.", "Sign with the secret of this SDK key.")
    })
}

fn verify_life(jws: &Jws<'_>, now: UnixSeconds) -> Result<(), Refusal> {
    let (iat, exp) = (jws.seconds("iat")?, jws.seconds("exp")?);
    if exp <= now {
        return Err(Refusal::new(format!("The token expired {} s ago.", now.0 - exp.0), "Ask for a new one."));
    }
    if iat.0 > now.0 + AHEAD_S {
        return Err(Refusal::new("The token was made in the future.", "Set the clock of the server right."));
    }
    let life = exp.0.saturating_sub(iat.0);
    if !LIFE_S.contains(&life) {
        let sentence = format!("The token lives for {life} s, from iat to exp.");
        return Err(Refusal::new(sentence, "Let it live for 1,800 s at least and 172,800 s at most."));
    }
    Ok(())
}

fn read(payload: &Value) -> Result<Pass, Refusal> {
    let role = match payload["role_type"].as_u64() {
        Some(1) => Role::Customer,
        Some(2) => Role::Agent,
        _ => return Err(Refusal::new("role_type is neither 1 nor 2.", "Send a number, not a text.")),
    };
    let user_id = payload["user_id"].as_str().filter(|id| !id.is_empty());
    let user_id = user_id.ok_or_else(|| Refusal::new("user_id is missing.", "Give each user an id of their own."))?;
    let user_name = payload["user_name"].as_str().filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME);
    let user_name = user_name
        .ok_or_else(|| Refusal::new("user_name is missing, or longer than 80 characters.", "Shorten the name."))?;
    let own_pin = match payload.get("enable_byop") {
        None => false,
        Some(flag) if *flag == 0 => false,
        Some(flag) if *flag == 1 => true,
        Some(_) => return Err(Refusal::new("enable_byop is neither 0 nor 1.", "Send a number, or nothing.")),
    };
    Ok(Pass { role, user_id: user_id.into(), user_name: user_name.into(), own_pin })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const KEY: &str = "TESTKEYTESTKEYTESTKEY_01";
    const SECRET: &str = "TESTSECRETTESTSECRETTESTSECRET02";
    const NOW: UnixSeconds = UnixSeconds(1_763_769_600);

    fn app() -> SdkApp {
        SdkApp { key: KEY.into(), secret: SdkSecret::new(SECRET) }
    }

    fn signed(header: &Value, payload: &Value, secret: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// A good token with some members changed; null takes one away.
    fn token(changes: &Value) -> String {
        let mut payload = json!({
            "app_key": KEY, "role_type": 2, "iat": NOW.0, "exp": NOW.0 + 1800, "user_id": "u", "user_name": "Ada",
        });
        for (name, value) in changes.as_object().unwrap() {
            payload[name] = value.clone();
        }
        payload.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        signed(&json!({"alg": "HS256", "typ": "JWT"}), &payload, SECRET)
    }

    #[test]
    fn tokens_of_another_library_are_judged_as_they_should_be() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/cobrowse-jwt.json")).unwrap();
        for vector in vectors["tokens"].as_array().unwrap() {
            let verified = verify(vector["token"].as_str().unwrap(), &app(), NOW);
            assert_eq!(verified.is_ok(), vector["valid"], "{}: {verified:?}", vector["name"]);
        }
    }

    #[test]
    fn the_limits_hold_at_both_edges() {
        let name = |length: usize| json!({"user_name": "ü".repeat(length)});
        for (changes, is_fine) in [
            (json!({"exp": NOW.0 + 1799}), false),
            (json!({"exp": NOW.0 + 1800}), true),
            (json!({"exp": NOW.0 + 172_800}), true),
            (json!({"exp": NOW.0 + 172_801}), false),
            (json!({"iat": NOW.0 + 60, "exp": NOW.0 + 3600}), true),
            (json!({"iat": NOW.0 + 61, "exp": NOW.0 + 3600}), false),
            (json!({"iat": NOW.0 - 1800, "exp": NOW.0}), false),
            (json!({"iat": NOW.0 - 1799, "exp": NOW.0 + 1}), true),
            (name(80), true),
            (name(81), false),
            (name(0), false),
        ] {
            assert_eq!(verify(&token(&changes), &app(), NOW).is_ok(), is_fine, "{changes}");
        }
    }

    #[test]
    fn members_have_exactly_their_types() {
        for changes in [
            json!({"role_type": "2"}),
            json!({"role_type": 2.5}),
            json!({"role_type": 0}),
            json!({"role_type": null}),
            json!({"app_key": "another"}),
            json!({"app_key": null}),
            json!({"exp": (NOW.0 + 3600).to_string()}),
            json!({"exp": (NOW.0 + 3600) * 1000, "iat": NOW.0 * 1000}),
            json!({"iat": null}),
            json!({"user_id": ""}),
            json!({"user_id": 7}),
            json!({"user_name": null}),
            json!({"enable_byop": true}),
            json!({"enable_byop": "1"}),
        ] {
            assert!(verify(&token(&changes), &app(), NOW).is_err(), "{changes}");
        }
        assert!(verify(&token(&json!({"enable_byop": 1})), &app(), NOW).unwrap().own_pin);
        assert!(!verify(&token(&json!({"enable_byop": 0})), &app(), NOW).unwrap().own_pin);
    }

    #[test]
    fn another_secret_another_algorithm_and_another_form_are_refused() {
        let payload: Value = json!({
            "app_key": KEY, "role_type": 2, "iat": NOW.0, "exp": NOW.0 + 1800, "user_id": "u", "user_name": "Ada",
        });
        let good = token(&json!({}));
        assert!(verify(&good, &app(), NOW).is_ok());
        let header = json!({"alg": "HS256", "typ": "JWT"});
        for bad in [
            signed(&header, &payload, "another secret"),
            signed(&json!({"alg": "none", "typ": "JWT"}), &payload, SECRET),
            signed(&json!({"alg": "HS512", "typ": "JWT"}), &payload, SECRET),
            signed(&json!({"alg": "ES256", "typ": "JWT"}), &payload, SECRET),
            signed(&json!({"alg": "hs256", "typ": "JWT"}), &payload, SECRET),
            signed(&json!({"alg": "HS256"}), &payload, SECRET),
            signed(&json!({"alg": "HS256", "typ": "JWT", "crit": ["x"]}), &payload, SECRET),
            format!("{good}="),
            format!("{good}.x"),
            good.rsplit_once('.').unwrap().0.to_owned() + ".",
            String::new(),
            "x".repeat(9000),
        ] {
            assert!(verify(&bad, &app(), NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        let payload = format!(
            r#"{{"app_key":"{KEY}","role_type":1,"role_type":2,"iat":{},"exp":{},"user_id":"u","user_name":"a"}}"#,
            NOW.0,
            NOW.0 + 1800
        );
        let text = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", text(r#"{"alg":"HS256","typ":"JWT"}"#), text(&payload));
        let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
        assert!(verify(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)), &app(), NOW).is_err());
    }
}
