//! Zoom's tokens of users who have added the app: always good when in hand, and kept good ahead of time.
//!
//! How a refresh comes out well is in [`crate::grant`]. Here is what Zoom's answers mean for a grant: only
//! `invalid_grant` ends it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::oauth::{TokenError, TokenSet};
use stagedoor_protocol::secret::{AccessToken, RefreshToken};
use url::Url;

use crate::grant::{Cause, Done, Driver, Errand, Failure, Issuer, Refresher, Renewed, Round};
use crate::installation::{Installation, Installations};
use crate::port::{Clock, Entropy, HttpError};
use crate::vault::VaultError;
use crate::zoom::{Zoom, ZoomError};

mod error;

pub use error::TokensError;

/// How long nothing is refreshed after Zoom has refused the app itself: a wrong client secret stays wrong for a while.
const CLIENT_REFUSED: Duration = Duration::from_secs(10);

/// How long nothing is refreshed after a 429 that does not say how long.
const RATE_LIMITED: Duration = Duration::from_secs(5);

/// Gives Zoom's tokens. Clones share everything.
#[derive(Clone)]
pub struct Tokens {
    refresher: Refresher<Installation>,
    zoom: Zoom,
    required_scopes: Arc<[String]>,
}

/// A token that is good now, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// For calls as this user.
    pub access: AccessToken,
    /// Where the calls go: one of Zoom's own hosts, or the configured one.
    pub api: Url,
    /// What the user has granted.
    pub scopes: Vec<String>,
    /// What the app requires and the user has not granted, or not any more. Calls that need it will be refused.
    pub missing_scopes: Vec<String>,
}

impl Tokens {
    /// Builds the flow. The clock is that of the vault; `driver` carries refreshes to their end.
    pub fn new(
        installations: &Installations,
        ports: (Arc<dyn Clock>, Arc<dyn Entropy>),
        driver: Arc<dyn Driver>,
    ) -> Self {
        let Installations { vault, zoom, required_scopes, .. } = installations.clone();
        let refresher = Refresher::new(vault, Arc::new(zoom.clone()), ports, driver);
        Self { refresher, zoom, required_scopes }
    }

    /// A token of the user that is good now. Waits only where the present one has expired, for ten seconds at most.
    pub async fn fresh(&self, user: &ZoomUserId) -> Result<Fresh, TokensError> {
        Ok(self.hand_out(&*self.refresher.fresh(user.as_str()).await?))
    }

    /// A token in place of one that Zoom's API has just refused with 401, for trying once more.
    ///
    /// It is the same token again where one was replaced like this less than a minute ago, because the next would be
    /// refused too.
    pub async fn renewed_after(&self, user: &ZoomUserId, refused: &Fresh) -> Result<Fresh, TokensError> {
        Ok(self.hand_out(&*self.refresher.renewed_after(user.as_str(), &refused.access).await?))
    }

    /// Forgets what was read of a user, because the installation is gone or another one now. Other processes notice
    /// within ten seconds.
    pub fn forget(&self, user: &ZoomUserId) {
        self.refresher.forget(user.as_str());
    }

    /// Refreshes the grants in use that fall due, at most so many a second; to be called again and again. One process
    /// at a time does so for all that share the store.
    pub async fn renew_due(&self, per_second: NonZeroU32) -> Result<Round, VaultError> {
        self.refresher.renew_due(per_second).await
    }

    /// Does a refresh for another process on the same store.
    pub async fn run_errand(&self, errand: &Errand) -> Done {
        self.refresher.run_errand(errand).await
    }

    fn hand_out(&self, installation: &Installation) -> Fresh {
        let grant = &installation.grant;
        Fresh {
            access: grant.access.clone(),
            api: self.zoom.api_of(grant),
            scopes: grant.scopes.clone(),
            missing_scopes: installation.missing(&self.required_scopes),
        }
    }
}

#[async_trait::async_trait]
impl Issuer<Installation> for Zoom {
    async fn refresh(&self, _: &Installation, token: &RefreshToken) -> Result<Renewed, Failure> {
        Zoom::refresh(self, token).await.map(Renewed::from).map_err(Failure::from)
    }

    async fn discard(&self, _: &Installation, token: &AccessToken) {
        // The user is gone, so Zoom has ended the grant, or is told to; this is for the case that it came in between.
        let _ = self.revoke(token).await;
    }
}

impl From<TokenSet> for Renewed {
    fn from(tokens: TokenSet) -> Self {
        let TokenSet { access, refresh, expires_in, scopes, api } = tokens;
        let scopes = Some(scopes).filter(|scopes| !scopes.is_empty());
        Self { access, refresh: Some(refresh), expires_in: Some(expires_in), scopes, api }
    }
}

/// What Zoom's answer means for a refresh token. A 5xx or HTML may come from something in front of the endpoint, after
/// the endpoint has done its work.
impl From<ZoomError> for Failure {
    fn from(error: ZoomError) -> Self {
        match &error {
            ZoomError::Token(TokenError::InvalidGrant(_)) => Self::InvalidGrant,
            ZoomError::Token(TokenError::RateLimited { retry_after }) => {
                let pause = retry_after.unwrap_or(RATE_LIMITED);
                Self::Limited { cause: Cause::new(error), pause }
            }
            ZoomError::Token(TokenError::InvalidClient(_)) => {
                Self::Refused { cause: Cause::new(error), pause: Some(CLIENT_REFUSED) }
            }
            ZoomError::Token(TokenError::Refused(_)) | ZoomError::Http(HttpError::Connect { .. }) => {
                Self::Refused { cause: Cause::new(error), pause: None }
            }
            _ => Self::Unknown { cause: Cause::new(error) },
        }
    }
}
