//! Verifying JWTs that somebody else signed, by the rules of RFC 8725: the key decides on the algorithm, and issuer,
//! audience and expiry are never optional.

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};
use stagedoor_protocol::json::UniqueObject;
use stagedoor_protocol::time::UnixSeconds;

use crate::port::Clock;

mod key;
mod remote;

pub use key::{SharedSecret, UnusableKey, VerifyingKey};
pub use remote::{KeysError, RemoteKeys};

/// The longest token that is looked at, in bytes. A cookie has at most 4,096.
const MAX_TOKEN: usize = 8 * 1024;

/// How far the issuer's clock may be ahead, in seconds.
const SKEW_SECONDS: i64 = 60;

/// Verifies the tokens of one issuer for one audience.
pub struct Verifier {
    keys: Keys,
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
}

/// Where the keys are.
pub enum Keys {
    /// Here.
    Fixed(Vec<Arc<VerifyingKey>>),
    /// At the issuer, who may change them.
    Remote(RemoteKeys),
}

/// What a token says that was signed by its issuer for us.
pub struct Verified {
    /// All claims.
    pub claims: Map<String, Value>,
    /// When it ends.
    pub expires: UnixSeconds,
}

/// Why a token is not believed. The token is not in it.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not a JWT, or one that asks for what nobody here does.
    #[error("it is not a JWT that can be verified")]
    Malformed,
    /// Signed with a key that the issuer does not have, or that cannot be told from others.
    #[error("its key is unknown")]
    UnknownKey,
    /// The keys are not at hand.
    #[error("the keys of its issuer are not at hand")]
    Keys(#[source] Arc<KeysError>),
    /// The signature, the algorithm, the issuer or the audience is wrong.
    #[error("it was not signed by its issuer for this audience")]
    NotForUs(#[source] jsonwebtoken::errors::Error),
    /// Its time is over, or nobody knows when it ends.
    #[error("it is over")]
    Expired,
    /// Its time has not begun.
    #[error("it is not valid yet; the issuer's clock or this one is wrong")]
    Early,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Builds a verifier. `issuer` and `audience` must match exactly.
    pub fn new(keys: Keys, issuer: impl Into<String>, audience: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { keys, issuer: issuer.into(), audience: audience.into(), clock }
    }

    /// Verifies a token and gives what it says.
    pub async fn verify(&self, token: &str) -> Result<Verified, VerifyError> {
        if token.len() > MAX_TOKEN {
            return Err(VerifyError::Malformed);
        }
        let header = decode_header(token).map_err(|_| VerifyError::Malformed)?;
        // RFC 7515 section 4.1.11: what is critical must be understood, and nothing is.
        if header.crit.is_some() {
            return Err(VerifyError::Malformed);
        }
        let key = self.key(header.kid.as_deref()).await?;
        let UniqueObject(claims) =
            decode(token, key.decoding(), &self.validation(&key)).map_err(VerifyError::NotForUs)?.claims;
        let Value::Object(claims) = claims else { return Err(VerifyError::Malformed) };
        self.check_times(claims)
    }

    async fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, VerifyError> {
        match &self.keys {
            Keys::Fixed(keys) => key::choose(keys, kid).ok_or(VerifyError::UnknownKey),
            Keys::Remote(keys) => keys.choose(kid).await.map_err(VerifyError::Keys)?.ok_or(VerifyError::UnknownKey),
        }
    }

    /// Times are checked below, by our own clock.
    fn validation(&self, key: &VerifyingKey) -> Validation {
        let mut validation = Validation::new(key.algorithm());
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation
    }

    fn check_times(&self, claims: Map<String, Value>) -> Result<Verified, VerifyError> {
        let now = self.clock.now().to_seconds().0;
        let expires = claims.get("exp").and_then(Value::as_i64).filter(|expires| *expires > now);
        let begins = claims.get("nbf").map(|begins| begins.as_i64().unwrap_or(i64::MAX));
        match (expires, begins) {
            (None, _) => Err(VerifyError::Expired),
            (_, Some(begins)) if begins > now.saturating_add(SKEW_SECONDS) => Err(VerifyError::Early),
            (Some(expires), _) => Ok(Verified { claims, expires: UnixSeconds(expires) }),
        }
    }
}
