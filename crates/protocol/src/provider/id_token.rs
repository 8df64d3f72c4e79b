//! ID tokens: who the user is at the provider, signed for us (OpenID Connect Core section 3.1.3.7).

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::id::ProviderClientId;
use crate::jwt::{Algorithm, Audience, Choice, JwtError, SignedJwt, Terms, VerifyingKeys};
use crate::secret::{IdToken, Nonce};
use crate::time::UnixSeconds;

/// How far the provider's clock may differ from ours, in seconds.
const SKEW: i64 = 60;

/// How old an ID token may be, in seconds. It comes straight from the token endpoint.
const MAX_AGE: i64 = 600;

/// The longest subject (OpenID Connect Core section 2), and the longest name that is shown, in bytes.
const MAX_TEXT: usize = 255;

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

impl From<JwtError> for IdTokenError {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Malformed => Self::Malformed,
            JwtError::Algorithm => Self::Algorithm,
            JwtError::UnknownKey => Self::UnknownKey,
            JwtError::Signature => Self::Signature,
            JwtError::Issuer => Self::Issuer,
            JwtError::Audience => Self::Audience,
            JwtError::Expired | JwtError::Early => Self::Times,
        }
    }
}

/// The claims of an ID token beside the registered ones that every token has.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Audience,
    azp: Option<String>,
    iat: i64,
    nonce: Option<String>,
    email: Option<String>,
    preferred_username: Option<String>,
    name: Option<String>,
}

impl<'a> Expected<'a> {
    /// Reads the header of an ID token.
    pub fn read(&self, token: &'a IdToken) -> Result<SignedJwt<'a>, IdTokenError> {
        Ok(SignedJwt::read(token.expose(), Choice::Among(self.algorithms))?)
    }

    /// Verifies an ID token completely and says who the user is.
    pub fn verify(&self, token: &SignedJwt<'_>, keys: &VerifyingKeys) -> Result<Identity, IdTokenError> {
        let claims = token.open(keys)?;
        let Self { issuer, client_id, now, .. } = *self;
        Terms { issuer, audience: client_id.as_str(), now, grace: SKEW }.check(&claims)?;
        let claims: Claims = serde_json::from_value(Value::Object(claims)).map_err(|_| IdTokenError::Malformed)?;
        claims.check(self)?;
        claims.identity()
    }
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        let Expected { client_id, nonce, now: UnixSeconds(now), .. } = *expected;
        // A token for several audiences must say that it was made for us.
        let is_ours = match &self.azp {
            Some(party) => party == client_id.as_str(),
            None => self.aud.names().len() == 1,
        };
        if !is_ours {
            return Err(IdTokenError::Audience);
        }
        if !(now.saturating_sub(MAX_AGE)..=now.saturating_add(SKEW)).contains(&self.iat) {
            return Err(IdTokenError::Times);
        }
        if self.nonce.as_deref().map(Nonce::new).as_ref() != Some(nonce) {
            return Err(IdTokenError::Nonce);
        }
        Ok(())
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
