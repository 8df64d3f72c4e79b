//! Verifying JWTs that somebody else signed (RFC 7515, RFC 7519), by the rules of RFC 8725: which algorithm and which key
//! count, nothing critical that is not understood, no member twice; issuer, audience and expiry are never optional.
//!
//! A signature with a public key is verified by `jsonwebtoken`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::keys::{Material, VerifyingKeys};
use crate::json::UniqueObject;
use crate::time::UnixSeconds;

/// How far the clock of an issuer may be ahead of ours, in seconds.
const SKEW: i64 = 60;

macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident)+) => {
        /// An algorithm with a key pair. `none` and those with a shared secret are not among them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Algorithm {
            $($(#[$doc])* $name,)+
        }

        impl Algorithm {
            /// Reads the name of an algorithm (RFC 7518 section 3.1).
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }

            pub(super) fn library(self) -> jsonwebtoken::Algorithm {
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

/// What decides on the algorithm and the key of a token.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// The keys alone, each of which is for one algorithm (RFC 8725 section 3.1); an RSA key that names none is for RS256.
    /// A token without a key id is believed only where there is one key.
    ByKey,
    /// The issuer's metadata lists the algorithms, as in OpenID Connect. An RSA key that names none is for all of RSA's, and
    /// for a token without a key id every key that fits is tried.
    Among(&'a [Algorithm]),
}

/// A token of which the header has been read. Nothing that it says is believed yet.
#[derive(Clone, Debug)]
pub struct SignedJwt<'a> {
    /// Header and payload, as they were signed.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
    pub(super) header: Header,
    pub(super) choice: Choice<'a>,
}

/// What counts of a header (RFC 7515 section 4.1). A key that a token brings along, or says where to find, does not.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Header {
    /// The library does not know `none`, so that a token without a signature does not even have a header.
    pub(super) alg: jsonwebtoken::Algorithm,
    pub(super) kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// Why a token is not believed. The token is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It lacks a claim that it must have, bends one, or asks for what nobody here understands.
    #[error("it makes no sense")]
    Malformed,
    /// It is signed with an algorithm that is not allowed, or not at all.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// No key of the issuer fits it, or more than one could.
    #[error("its key is unknown")]
    UnknownKey,
    /// Signed by somebody else, or changed since.
    #[error("its signature is wrong")]
    Signature,
    /// Of another issuer.
    #[error("it is of another issuer")]
    Issuer,
    /// For somebody else.
    #[error("it is for another audience")]
    Audience,
    /// Its time is over.
    #[error("it is over")]
    Expired,
    /// Its time has not begun.
    #[error("it is not valid yet; the issuer's clock or this one is wrong")]
    Early,
}

impl<'a> SignedJwt<'a> {
    /// Reads the header. The algorithm must be one that `choice` allows.
    pub fn read(text: &'a str, choice: Choice<'a>) -> Result<Self, JwtError> {
        let (signed, payload, signature, header) = split(text).ok_or(JwtError::Algorithm)?;
        if let Choice::Among(allowed) = choice
            && !allowed.iter().any(|algorithm| algorithm.library() == header.alg)
        {
            return Err(JwtError::Algorithm);
        }
        // RFC 7515 section 4.1.11: what is critical must be understood, and nothing is.
        if header.crit.is_some() {
            return Err(JwtError::Malformed);
        }
        Ok(Self { signed, payload, signature, header, choice })
    }

    /// Verifies the signature with one of the keys, and gives all claims. None of them has been looked at.
    pub fn open(&self, keys: &VerifyingKeys) -> Result<Map<String, Value>, JwtError> {
        let mut fitting = keys.fitting(self).peekable();
        fitting.peek().ok_or(JwtError::UnknownKey)?;
        if !fitting.any(|key| self.is_signed_with(key)) {
            return Err(JwtError::Signature);
        }
        let payload = URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| JwtError::Malformed)?;
        match serde_json::from_slice(&payload) {
            Ok(UniqueObject(Value::Object(claims))) => Ok(claims),
            _ => Err(JwtError::Malformed),
        }
    }

    /// The key must be one that fits the token's algorithm.
    fn is_signed_with(&self, key: &Material) -> bool {
        let signed = self.signed.as_bytes();
        match key {
            Material::Shared(key) => {
                URL_SAFE_NO_PAD.decode(self.signature).is_ok_and(|tag| hmac::verify(key, signed, &tag).is_ok())
            }
            Material::Public(key) => {
                crypto::verify(self.signature, signed, key, self.header.alg).is_ok_and(|is_right| is_right)
            }
        }
    }
}

/// What is signed, the payload in it, the signature, and the header.
fn split(text: &str) -> Option<(&str, &str, &str, Header)> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, payload) = signed.rsplit_once('.')?;
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    Some((signed, payload, signature, serde_json::from_slice(&header).ok()?))
}

/// What a token must say about itself.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Who issued it, exactly.
    pub issuer: &'a str,
    /// Whom it must be for, among others.
    pub audience: &'a str,
    /// Now.
    pub now: UnixSeconds,
    /// For how long after its end it still counts, in seconds.
    pub grace: i64,
}

/// The registered claims that every token must have (RFC 7519 section 4.1), and the one that it may have.
#[derive(Deserialize)]
struct Registered {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default, deserialize_with = "given")]
    nbf: Option<i64>,
}

/// One audience or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A claim that may be absent, but not null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

impl Terms<'_> {
    /// Checks the registered claims, and says when the token ends.
    pub fn check(&self, claims: &Map<String, Value>) -> Result<UnixSeconds, JwtError> {
        let Self { issuer, audience, now: UnixSeconds(now), grace } = *self;
        let Registered { iss, aud, exp, nbf } = Registered::deserialize(claims).map_err(|_| JwtError::Malformed)?;
        if iss != issuer {
            Err(JwtError::Issuer)
        } else if !aud.names().iter().any(|name| name == audience) {
            Err(JwtError::Audience)
        } else if exp <= now.saturating_sub(grace) {
            Err(JwtError::Expired)
        } else if nbf.is_some_and(|begin| begin > now.saturating_add(SKEW)) {
            Err(JwtError::Early)
        } else {
            Ok(UnixSeconds(exp))
        }
    }
}

impl Audience {
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}
