//! Believing the JWTs of an issuer whose keys are here, or at an address of the issuer's. The rules are those of
//! [`stagedoor_protocol::jwt`].

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use stagedoor_protocol::jwt::{Choice, JwtError, SignedJwt, Terms, VerifyingKeys};
use stagedoor_protocol::time::UnixSeconds;

use crate::port::Clock;

mod remote;

pub use remote::{KeysError, RemoteKeys};

/// The longest token that is looked at, in bytes. A cookie has at most 4,096.
const MAX_TOKEN: usize = 8 * 1024;

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
    Fixed(VerifyingKeys),
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
    /// Not signed by its issuer for this audience and this time.
    #[error("the token is not believed")]
    Token(#[from] JwtError),
    /// The keys are not at hand.
    #[error("the keys of its issuer are not at hand")]
    Keys(#[from] Arc<KeysError>),
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
            return Err(JwtError::Malformed.into());
        }
        let token = SignedJwt::read(token, Choice::ByKey)?;
        let claims = match &self.keys {
            Keys::Fixed(keys) => token.open(keys)?,
            Keys::Remote(keys) => token.open(&*keys.fitting(&token).await?)?,
        };
        let now = self.clock.now().to_seconds();
        let expires = Terms { issuer: &self.issuer, audience: &self.audience, now, grace: 0 }.check(&claims)?;
        Ok(Verified { claims, expires })
    }
}
