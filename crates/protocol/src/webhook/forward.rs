//! The signature of what is passed on: the Standard Webhooks convention, for which every language has a library.
//!
//! See <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>. What is signed is
//! `{id}.{timestamp}.{body}`, over the bytes as Zoom sent them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request};
use url::Url;
use zeroize::Zeroizing;

use crate::secret;
use crate::time::UnixSeconds;

/// The header with the id of the event: the same in every attempt.
pub const ID: HeaderName = HeaderName::from_static("webhook-id");

/// The header with the instant of the attempt, in seconds.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");

/// The header with the signatures, one for each key in use.
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

secret! {
    /// The signing key as the receiver is given it: `whsec_` and 24 to 64 bytes in base64.
    pub struct SigningSecret;
}

const PREFIX: &str = "whsec_";

/// A key that signs what is passed on.
#[derive(Clone)]
pub struct SigningKey {
    secret: SigningSecret,
    key: hmac::Key,
}

/// The text is not a signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {PREFIX} and 24 to 64 bytes in base64")]
pub struct InvalidSecret;

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl FromStr for SigningKey {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = text.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
        let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len())).ok_or(InvalidSecret)?;
        Ok(Self { secret: SigningSecret::new(text), key: hmac::Key::new(HMAC_SHA256, &bytes) })
    }
}

impl SigningKey {
    /// Makes a key of 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        let secret = SigningSecret::new(format!("{PREFIX}{}", *Zeroizing::new(STANDARD.encode(bytes))));
        Self { secret, key: hmac::Key::new(HMAC_SHA256, bytes) }
    }

    /// The key as its receiver is given it.
    pub fn secret(&self) -> &SigningSecret {
        &self.secret
    }

    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The request that passes an event on, signed with each of `keys`, so that the receiver may know any of them.
///
/// `id` is visible ASCII.
pub fn request(url: &Url, keys: &[SigningKey], (id, body): (&str, Bytes), now: UnixSeconds) -> Request<Bytes> {
    let timestamp = now.0.to_string();
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(id, &timestamp, &body)).collect();
    Request::builder()
        .method(Method::POST)
        .uri(url.as_str())
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))
        .header(ID, id)
        .header(TIMESTAMP, timestamp)
        .header(SIGNATURE, signatures.join(" "))
        .body(body)
        .expect("a URL, an id of visible ASCII and base64 make a request")
}
