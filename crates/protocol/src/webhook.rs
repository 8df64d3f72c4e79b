//! Webhooks: what Zoom signs, and what is answered and read only after the signature is verified.
//!
//! See <https://developers.zoom.us/docs/api/webhooks/>. Zoom signs the bytes that it sends, and those cannot be made
//! again from parsed JSON: it escapes characters beyond the Basic Multilingual Plane and leaves others as they are. So
//! [`verify`] takes the raw body, and only a [`Verified`] one can be read.
//!
//! The answer to a URL validation is made with the key and the function of a signature. Whoever answers one that is not
//! signed, or that asks for anything but a short word, signs any event for anybody; so a [`Challenge`] exists only
//! inside a verified body, and only for a token that no signed text can be.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::secret::{WebhookSecret, equal};
use crate::time::{UnixMillis, UnixSeconds};

mod event;
pub mod forward;

pub use event::{Challenge, ChallengeAnswer, Deauthorization, Event, Malformed, Message};

/// The header with the instant of signing, in seconds.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("x-zm-request-timestamp");

/// The header with the signature.
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-zm-signature");

/// How old a signature may be, in seconds: Zoom's last retry comes 85 minutes after the event, and nothing says that a
/// retry is signed anew.
pub const WINDOW_SECONDS: i64 = 90 * 60;

/// How far ahead of our clock a signature may be, in seconds.
pub const MAX_AHEAD_SECONDS: i64 = 300;

/// A body that Zoom signed.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    secret: &'a WebhookSecret,
    body: &'a [u8],
    signed: UnixSeconds,
}

/// Why a webhook is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A header that Zoom sends is absent.
    #[error("the header {0} is missing")]
    Missing(HeaderName),
    /// A header comes more than once, so that readers could differ about it.
    #[error("the header {0} comes more than once")]
    Repeated(HeaderName),
    /// The timestamp is not ten digits.
    #[error("the timestamp is not ten digits")]
    Timestamp,
    /// No configured secret makes this signature over these bytes.
    #[error("the signature belongs to another body, another time or another secret")]
    Signature,
    /// The signature is right, but made too long ago or in the future.
    #[error("the signature is {0} s old")]
    Window(i64),
}

impl Refused {
    /// The stable public code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "webhook_header_missing",
            Self::Repeated(_) => "webhook_header_repeated",
            Self::Timestamp => "webhook_timestamp_malformed",
            Self::Signature => "webhook_signature_wrong",
            Self::Window(_) => "webhook_outside_window",
        }
    }
}

/// Verifies the signature of a body with any of `secrets`, of which Zoom uses one and a second lives while it is
/// being changed.
///
/// The signature must be `v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}` in lower-case hexadecimal digits. It is
/// checked before the time, so that [`Refused::Window`] always speaks of an authentic message: a replay, or a clock
/// that is wrong.
pub fn verify<'a>(
    secrets: &'a [WebhookSecret],
    headers: &HeaderMap,
    body: &'a [u8],
    now: UnixMillis,
) -> Result<Verified<'a>, Refused> {
    let (timestamp, signature) = (only(headers, TIMESTAMP)?.as_bytes(), only(headers, SIGNATURE)?.as_bytes());
    let signed = read_timestamp(timestamp)?;
    let parts = [b"v0:", timestamp, b":", body];
    let matches = |secret: &&WebhookSecret| equal(format!("v0={}", mac_hex(secret, &parts)).as_bytes(), signature);
    let secret = secrets.iter().find(matches).ok_or(Refused::Signature)?;
    let age = now.to_seconds().0.saturating_sub(signed.0);
    if !(-MAX_AHEAD_SECONDS..=WINDOW_SECONDS).contains(&age) {
        return Err(Refused::Window(age));
    }
    Ok(Verified { secret, body, signed })
}

impl<'a> Verified<'a> {
    /// The bytes that were signed.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// When they were signed.
    pub fn signed(&self) -> UnixSeconds {
        self.signed
    }
}

/// The only value of a header.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<&HeaderValue, Refused> {
    let mut values = headers.get_all(&name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Refused::Missing(name)),
        (Some(_), Some(_)) => Err(Refused::Repeated(name)),
    }
}

/// Ten digits: from 2001 to 2286. The text is what is signed, so it has one spelling.
fn read_timestamp(text: &[u8]) -> Result<UnixSeconds, Refused> {
    if text.len() != 10 || !text.iter().all(u8::is_ascii_digit) {
        return Err(Refused::Timestamp);
    }
    Ok(UnixSeconds(text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))))
}

/// HMAC-SHA256 in lower-case hexadecimal digits.
fn mac_hex(secret: &WebhookSecret, parts: &[&[u8]]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, secret.expose().as_bytes()));
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| DIGITS[usize::from(nibble)]).collect()
}
