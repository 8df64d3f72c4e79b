//! The token that tells Zoom Contact Center and Virtual Agent who the consumer on a website is.
//!
//! Zoom's page "Configuring consumer authentication" asks for an ES256 JWT with the header `cty: text/plain`, an `exp`
//! in seconds, and the claims that the account maps to its global variables. A `kid` is added, so that one can see
//! which key has signed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use crate::jwt::Es256Key;
use crate::time::UnixSeconds;

crate::secret! {
    /// A token for one consumer. Whoever has it is the consumer, for as long as it lives.
    pub struct ConsumerToken;
}

/// The most claims of one token.
pub const MAX_CLAIMS: usize = 32;

/// The longest name of a claim, in bytes.
pub const MAX_NAME: usize = 64;

/// The longest text in a claim, in code points.
pub const MAX_TEXT: usize = 1024;

/// The registered claims (RFC 7519 section 4.1) that are about the token, not about the consumer.
const RESERVED: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// The name of a claim about the consumer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName(String);

/// Why a text is not the name of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It is about the token.
    #[error("is reserved: it says something about the token, not about the consumer")]
    Reserved,
    /// It is empty, long, or has other characters.
    #[error("must be 1 to {MAX_NAME} letters, digits and the characters _ - . : /")]
    Malformed,
}

impl ClaimName {
    /// Parses a name.
    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        if RESERVED.contains(&name) {
            Err(InvalidName::Reserved)
        } else if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidName::Malformed)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a claim says. Zoom maps it to a global variable, which is text, a number or true or false.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ClaimValue {
    /// Text of at most [`MAX_TEXT`] code points without control characters.
    Text(String),
    /// A number.
    Number(Number),
    /// True or false.
    Flag(bool),
}

/// Why a value cannot be a claim. The value itself is not named: it is about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// An object or a list.
    #[error("is an object or a list")]
    Shape,
    /// Too much text.
    #[error("has more than {MAX_TEXT} characters")]
    TooLong,
    /// Text that could do something to whoever displays it.
    #[error("has control characters")]
    Control,
    /// A number that was rounded when it was read: as the number of a customer it would be another customer's too.
    #[error("is a number with more digits than can be kept; numbers that name something belong in quotes")]
    Rounded,
}

impl ClaimValue {
    /// Takes a JSON value; null is no value.
    pub fn parse(value: &Value) -> Result<Option<Self>, InvalidValue> {
        Ok(Some(match value {
            Value::Null => return Ok(None),
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) if is_rounded(number) => return Err(InvalidValue::Rounded),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(parse_text(text)?),
            Value::Array(_) | Value::Object(_) => return Err(InvalidValue::Shape),
        }))
    }
}

/// Whether a number has lost digits: a whole one that only a float could hold, which is exact up to 2^53.
fn is_rounded(number: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.is_f64() && number.as_f64().is_none_or(|value| value.abs() > EXACT)
}

fn parse_text(text: &str) -> Result<String, InvalidValue> {
    // A code point has at most four bytes, so most texts need not be counted.
    if text.len() > MAX_TEXT && text.chars().count() > MAX_TEXT {
        Err(InvalidValue::TooLong)
    } else if text.chars().any(is_control) {
        Err(InvalidValue::Control)
    } else {
        Ok(text.to_owned())
    }
}

/// Control characters, and the invisible ones that turn the direction of text around (Unicode bidirectional controls).
pub(crate) fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Signs consumer tokens.
#[derive(Debug)]
pub struct ConsumerKey {
    key: Es256Key,
    header: String,
}

impl From<Es256Key> for ConsumerKey {
    fn from(key: Es256Key) -> Self {
        let header = format!(r#"{{"alg":"ES256","cty":"text/plain","kid":"{}"}}"#, key.jwk().kid());
        Self { header: URL_SAFE_NO_PAD.encode(header), key }
    }
}

impl ConsumerKey {
    /// Signs what is known of a consumer, until `expires`.
    pub fn sign(&self, claims: &[(ClaimName, ClaimValue)], expires: UnixSeconds) -> ConsumerToken {
        ConsumerToken::new(self.key.sign_under(&self.header, &Payload { claims, expires }))
    }

    /// The key id in the header: the thumbprint of the public key (RFC 7638).
    pub fn kid(&self) -> &str {
        self.key.jwk().kid()
    }

    /// The public key as Zoom's page takes it.
    pub fn public_pem(&self) -> String {
        self.key.public_pem()
    }
}

struct Payload<'a> {
    claims: &'a [(ClaimName, ClaimValue)],
    expires: UnixSeconds,
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.claims.len() + 1))?;
        map.serialize_entry("exp", &self.expires)?;
        for (name, value) in self.claims {
            map.serialize_entry(name.as_str(), value)?;
        }
        map.end()
    }
}
