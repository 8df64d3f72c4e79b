//! What a token says, and what Zoom would not like about it.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use stagedoor_protocol::json::UniqueObject;
use stagedoor_protocol::secret::SdkSecret;
use stagedoor_protocol::time::UnixSeconds;

use crate::console;

/// A token, taken apart and not verified.
pub(super) struct Decoded {
    pub(super) header: Map<String, Value>,
    pub(super) payload: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

/// What verifies a token.
pub(super) enum Key {
    /// A public key as PEM, for ES256.
    Public(String),
    /// The secret of a Cobrowse app, for HS256.
    Secret(SdkSecret),
}

const OBJECT: &str = "header and payload are not JSON objects with unique members in base64url";

/// An instant in seconds is smaller than this until the year 5138, one in milliseconds larger since 1973.
const MILLISECONDS: i64 = 100_000_000_000;

impl Decoded {
    pub(super) fn of(token: &str) -> Result<Self, &'static str> {
        let [header, payload, signature] = *token.split('.').collect::<Vec<_>>() else {
            return Err("it does not have three parts with a point between");
        };
        let object = |part: &str| {
            let text = URL_SAFE_NO_PAD.decode(part).ok()?;
            match serde_json::from_slice(&text).ok()? {
                UniqueObject(Value::Object(object)) => Some(object),
                UniqueObject(_) => None,
            }
        };
        Ok(Self {
            header: object(header).ok_or(OBJECT)?,
            payload: object(payload).ok_or(OBJECT)?,
            signed: format!("{header}.{payload}"),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64url")?,
        })
    }

    pub(super) fn warnings(&self, now: UnixSeconds, key: Option<&Key>) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.header.get("alg").and_then(Value::as_str) {
            Some("ES256") => self.of_a_consumer(now, &mut warnings),
            Some("HS256") => self.of_cobrowse(now, &mut warnings),
            Some("RS256") => {
                warnings.push("alg is RS256: Zoom's pages differ on whether that is taken; ES256 is".into());
            }
            _ => warnings.push("alg is neither ES256 (consumer authentication) nor HS256 (Cobrowse)".into()),
        }
        if key.is_some_and(|key| !self.is_signed_with(key)) {
            warnings.push("it was not signed with the key of these settings, or it was changed".into());
        }
        warnings
    }

    fn of_a_consumer(&self, now: UnixSeconds, warnings: &mut Vec<String>) {
        if self.signature.len() != 64 {
            let length = self.signature.len();
            warnings.push(format!(
                "the signature has {length} bytes and not 64: it is DER (what openssl dgst makes), not JWS"
            ));
        }
        self.times(now, 3_600, "an hour is long for a token that says who somebody is", warnings);
        if self.payload.keys().all(|name| name == "exp" || name == "iat") {
            warnings.push("it says nothing of the consumer".into());
        }
    }

    /// The rules of Zoom's page "Authorize".
    fn of_cobrowse(&self, now: UnixSeconds, warnings: &mut Vec<String>) {
        let number = |name: &str| self.payload.get(name).and_then(Value::as_i64);
        if !matches!(number("role_type"), Some(1 | 2)) {
            warnings.push("role_type is not the number 1 (customer) or 2 (agent)".into());
        }
        for name in ["app_key", "user_id", "user_name"] {
            match self.payload.get(name).and_then(Value::as_str).map(|text| text.chars().count()) {
                None | Some(0) => warnings.push(format!("{name} is missing, or no text")),
                Some(count) if name == "user_name" && count > 80 => {
                    warnings.push(format!("user_name has {count} characters; 80 are the most"));
                }
                Some(_) => (),
            }
        }
        if self.payload.contains_key("enable_byop") && !matches!(number("enable_byop"), Some(0 | 1)) {
            warnings.push("enable_byop is not the number 0 or 1".into());
        }
        match (number("iat"), number("exp")) {
            (Some(iat), Some(exp)) if exp.saturating_sub(iat) < 1_800 => warnings.push(format!(
                "it lives {} s; Zoom asks for 1800 at least (the printed sample of its page has 900)",
                exp.saturating_sub(iat)
            )),
            (Some(iat), _) if iat > now.0.saturating_add(60) => warnings.push("iat is in the future".into()),
            (None, _) => warnings.push("iat is missing, or no whole number".into()),
            _ => (),
        }
        self.times(now, 172_800 + 60, "48 hours are the most", warnings);
        if number("role_type") == Some(2) && number("exp").is_some_and(|exp| exp.saturating_sub(now.0) > 12 * 3_600) {
            warnings.push("an agent's token travels in the address of a frame; let it live for a shift at most".into());
        }
    }

    fn times(&self, now: UnixSeconds, longest: i64, too_long: &str, warnings: &mut Vec<String>) {
        match self.payload.get("exp").map(Value::as_i64) {
            None => warnings.push("exp is missing".into()),
            Some(None) => warnings.push("exp is no whole number".into()),
            Some(Some(exp)) if exp >= MILLISECONDS => {
                warnings.push("exp counts milliseconds; JWTs count seconds".into());
            }
            Some(Some(exp)) if exp <= now.0 => warnings.push(format!("it ended {} s ago", now.0.saturating_sub(exp))),
            Some(Some(exp)) if exp.saturating_sub(now.0) > longest => {
                warnings.push(format!("it lives for {} s more: {too_long}", exp.saturating_sub(now.0)));
            }
            Some(Some(_)) => (),
        }
    }

    fn is_signed_with(&self, key: &Key) -> bool {
        match key {
            Key::Secret(secret) => {
                let key = hmac::Key::new(HMAC_SHA256, secret.expose().as_bytes());
                hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
            }
            Key::Public(pem) => {
                let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
                let der = STANDARD.decode(base64).unwrap_or_default();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der);
                key.verify(self.signed.as_bytes(), &self.signature).is_ok()
            }
        }
    }
}

/// One line for each member; instants are said in words too.
pub(super) fn table(members: &Map<String, Value>, now: Option<UnixSeconds>) -> String {
    let line = |(name, value): (&String, &Value)| {
        let instant = match (name.as_str(), value.as_i64(), now) {
            ("exp" | "iat", Some(seconds), Some(now)) => {
                console::instant_from(UnixSeconds(seconds).to_millis(), now.to_millis())
            }
            _ => None,
        };
        format!("  {name:<12} {value}{}", instant.map(|instant| format!("  {instant}")).unwrap_or_default())
    };
    members.iter().map(line).collect::<Vec<_>>().join("\n")
}
