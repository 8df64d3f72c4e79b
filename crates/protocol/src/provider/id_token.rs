//! ID tokens: who the user is at the provider, signed for us (OpenID Connect Core section 3.1.3.7).
//!
//! Signatures are verified by `jsonwebtoken`; which algorithm and key may be used, and what the claims must say, is
//! decided here.

use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use crate::id::ProviderClientId;
use crate::json::{self, UniqueObject};
use crate::secret::{IdToken, Nonce};
use crate::time::UnixSeconds;

/// How far the provider's clock may differ from ours, in seconds.
const SKEW: i64 = 60;

/// How old an ID token may be, in seconds. It comes straight from the token endpoint.
const MAX_AGE: i64 = 600;

/// The largest set of keys that is read, in bytes, and the most keys that are kept.
const MAX_SET: usize = 256 * 1024;
const MAX_KEYS: usize = 64;

/// The longest subject (OpenID Connect Core section 2), and the longest name that is shown, in bytes.
const MAX_TEXT: usize = 255;

macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident)+) => {
        /// An algorithm that may sign ID tokens. `none` and those with a shared secret are not among them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Algorithm {
            $($(#[$doc])* $name,)+
        }

        impl Algorithm {
            /// Reads the name of a trusted algorithm (RFC 7518 section 3.1).
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }

            fn library(self) -> jsonwebtoken::Algorithm {
                match self {
                    $(Self::$name => jsonwebtoken::Algorithm::$name,)+
                }
            }
        }
    };
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512
    /// RSASSA-PSS with SHA-256.
    PS256
    /// RSASSA-PSS with SHA-384.
    PS384
    /// RSASSA-PSS with SHA-512.
    PS512
    /// ECDSA on P-256 with SHA-256.
    ES256
    /// ECDSA on P-384 with SHA-384.
    ES384
    /// Ed25519.
    EdDSA
}

/// The public keys of a provider (RFC 7517).
#[derive(Clone)]
pub struct Keys(Vec<Jwk>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// What an ID token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Us.
    pub client_id: &'a ProviderClientId,
    /// The nonce of the attempt.
    pub nonce: &'a Nonce,
    /// The algorithms that the provider's metadata allows.
    pub algorithms: &'a [Algorithm],
    /// Now.
    pub now: UnixSeconds,
}

/// Who the user is at the provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's id of the user.
    pub subject: String,
    /// What to show for the account: the address or name that the provider gives, else the subject. It holds no control
    /// characters, and identifies nobody.
    pub label: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Why an ID token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Not a JWT with the claims that it must have, or one with extensions that we do not know.
    #[error("the ID token makes no sense")]
    Malformed,
    /// Signed with an algorithm that the provider's metadata does not allow, or not at all.
    #[error("the ID token is signed with an algorithm that is not allowed")]
    Algorithm,
    /// Signed with a key that the provider does not publish. It may have a new one.
    #[error("the ID token is signed with an unknown key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// Of another issuer.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// For another client.
    #[error("the ID token is for another client")]
    Audience,
    /// Expired, too old, or from the future.
    #[error("the times of the ID token make no sense; check this machine's clock")]
    Times,
    /// Of another authorization request.
    #[error("the ID token belongs to another sign-in")]
    Nonce,
}

/// Reads a set of keys. Keys of unknown kinds are passed over (RFC 7517 section 5).
pub fn read_keys(answer: &Response<Bytes>) -> Option<Keys> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    if answer.status() != StatusCode::OK || answer.body().len() > MAX_SET {
        return None;
    }
    let Set { keys } = json::read(answer.body()).ok()?;
    let keys = keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok());
    Some(Keys(keys.filter(signs).collect()))
}

fn signs(key: &Jwk) -> bool {
    matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature))
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    preferred_username: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Keys {
    /// Verifies an ID token completely and says who the user is.
    pub fn verify(&self, token: &IdToken, expected: &Expected<'_>) -> Result<Identity, IdTokenError> {
        let claims = self.open(token.expose(), expected.algorithms)?;
        claims.check(expected)?;
        claims.identity()
    }

    fn open(&self, token: &str, allowed: &[Algorithm]) -> Result<Claims, IdTokenError> {
        // The library does not know `none` at all, so that a token without a signature does not even have a header.
        let header = decode_header(token).map_err(|_| IdTokenError::Algorithm)?;
        if !allowed.iter().any(|algorithm| algorithm.library() == header.alg) {
            return Err(IdTokenError::Algorithm);
        }
        if header.crit.is_some() {
            return Err(IdTokenError::Malformed);
        }
        let kid = header.kid.as_deref();
        let fits = |key: &&Jwk| {
            let named = kid.is_none() || key.common.key_id.as_deref() == kid;
            named && key.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg))
        };
        let mut outcome = IdTokenError::UnknownKey;
        for key in self.0.iter().filter(fits) {
            let Ok(key) = DecodingKey::from_jwk(key) else { continue };
            if key.family() != header.alg.family() {
                continue;
            }
            match decode::<UniqueObject>(token, &key, &signature_only(header.alg)) {
                Ok(opened) => return serde_json::from_value(opened.claims.0).map_err(|_| IdTokenError::Malformed),
                Err(error) => outcome = explain(&error),
            }
        }
        Err(outcome)
    }
}

/// The library would read the clock of the machine for the claims; [`Claims::check`] gets the time from the caller.
fn signature_only(algorithm: jsonwebtoken::Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn explain(error: &jsonwebtoken::errors::Error) -> IdTokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::Json(_) | ErrorKind::Base64(_) | ErrorKind::Utf8(_) | ErrorKind::InvalidToken => {
            IdTokenError::Malformed
        }
        _ => IdTokenError::Signature,
    }
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        let Expected { issuer, client_id, nonce, now: UnixSeconds(now), .. } = *expected;
        if self.iss != issuer {
            return Err(IdTokenError::Issuer);
        }
        if !self.is_for(client_id.as_str()) {
            return Err(IdTokenError::Audience);
        }
        let is_timely = self.exp > now.saturating_sub(SKEW)
            && self.iat <= now.saturating_add(SKEW)
            && self.iat >= now.saturating_sub(MAX_AGE)
            && self.nbf.is_none_or(|nbf| nbf <= now.saturating_add(SKEW));
        if !is_timely {
            return Err(IdTokenError::Times);
        }
        if self.nonce.as_deref().map(Nonce::new).as_ref() != Some(nonce) {
            return Err(IdTokenError::Nonce);
        }
        Ok(())
    }

    /// A token for several audiences must say that it was made for us (`azp`).
    fn is_for(&self, client: &str) -> bool {
        let is_authorized = self.azp.as_deref().is_none_or(|party| party == client);
        let is_meant = match &self.aud {
            Audience::One(audience) => audience == client,
            Audience::Several(audiences) => match &audiences[..] {
                [audience] => audience == client,
                several => several.iter().any(|audience| audience == client) && self.azp.is_some(),
            },
        };
        is_meant && is_authorized
    }

    fn identity(self) -> Result<Identity, IdTokenError> {
        if !(1..=MAX_TEXT).contains(&self.sub.len()) {
            return Err(IdTokenError::Malformed);
        }
        let given = [self.email, self.preferred_username, self.name].into_iter().flatten();
        let mut labels = given.chain([self.sub.clone()]).map(|text| shown(&text));
        let label = labels.find(|label| !label.is_empty()).unwrap_or_default();
        Ok(Identity { subject: self.sub, label })
    }
}

fn shown(text: &str) -> String {
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text[..end].trim().to_owned()
}
