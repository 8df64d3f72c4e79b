//! Session tokens of the website that no backend may believe.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stagedoor_protocol::jwt::Es256Key;

/// What is wrong with a session token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Expired,
    /// Signed in the form that `openssl dgst -sign` writes, which is not JWS.
    Der,
    OtherKey,
    /// The public key as the secret of HS256 (RFC 8725 section 2.1).
    Confusion,
    AlgNone,
}

/// How long tokens live, and how long ago an expired one died, in seconds.
pub(super) const LIFE_S: i64 = 3600;

impl Forgery {
    /// A token with this payload that is forged in this way.
    pub(super) fn of(self, key: &Es256Key, mut payload: Value) -> String {
        match self {
            Self::Expired => {
                let now = payload["iat"].as_i64().expect("the site's tokens say when they were made");
                payload["iat"] = (now - 2 * LIFE_S).into();
                payload["exp"] = (now - LIFE_S).into();
                key.sign(&payload)
            }
            Self::Der => with_der_signature(&key.sign(&payload)),
            Self::OtherKey => {
                let other = Es256Key::from_scalar(&[7; 32]).expect("it is smaller than the order of P-256");
                other.sign(&payload)
            }
            Self::Confusion => {
                let header = json!({"alg": "HS256", "typ": "JWT", "kid": key.jwk().kid()});
                let signed = format!("{}.{}", part(&header), part(&payload));
                let tag = sign(&Key::new(HMAC_SHA256, key.public_pem().as_bytes()), signed.as_bytes());
                format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
            }
            Self::AlgNone => format!("{}.{}.", part(&json!({"alg": "none", "kid": key.jwk().kid()})), part(&payload)),
        }
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The same token with its signature as ASN.1: a SEQUENCE of two INTEGERs.
fn with_der_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token has three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("a signature is base64url");
    let integers: Vec<u8> = signature.chunks(32).flat_map(der_integer).collect();
    let length = u8::try_from(integers.len()).expect("two numbers of 32 bytes are short");
    let der = [&[0x30, length], integers.as_slice()].concat();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(der))
}

/// Without leading zeros, but with one where the number would look negative.
fn der_integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
    let digits = &number[start..];
    let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
    let length = u8::try_from(sign.len() + digits.len()).expect("33 bytes are few");
    [&[0x02, length], sign, digits].concat()
}
