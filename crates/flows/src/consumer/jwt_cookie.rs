//! Believes the site's own signed session: a JWT in a cookie.

use super::identity::{Identify, Identity, Unidentified, Visitor};
use crate::verify::{Verified, Verifier};

/// Reads who a visitor is out of a JWT in a cookie.
pub struct JwtCookie {
    name: String,
    verifier: Verifier,
}

impl JwtCookie {
    /// Builds the source for the cookie `name`.
    pub fn new(name: impl Into<String>, verifier: Verifier) -> Self {
        Self { name: name.into(), verifier }
    }
}

#[async_trait::async_trait]
impl Identify for JwtCookie {
    async fn identify(&self, visitor: &Visitor<'_>) -> Result<Identity, Unidentified> {
        let token = visitor.cookie(&self.name).ok_or(Unidentified::Nobody)?;
        let Verified { claims, expires } = self.verifier.verify(token).await.map_err(Unidentified::unclear)?;
        Ok(Identity { fields: claims, expires: Some(expires) })
    }
}
