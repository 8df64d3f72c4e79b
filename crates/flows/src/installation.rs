//! Installations: who has added the app, and the grant that came with it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::api::Profile;
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::oauth::TokenSet;
use stagedoor_protocol::time::UnixMillis;

use crate::grant::{self, Grant, Holder};
use crate::port::Shelf;
use crate::revocation::Revocations;
use crate::vault::{Item, Terms, Vault, VaultError};
use crate::zoom::{Zoom, ZoomError};

mod error;

pub use error::GrantError;

/// How long a refresh token lives, in seconds: 90 days.
const REFRESH_LIFE_SECONDS: i64 = 90 * 86_400;

/// What one user has granted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installation {
    /// The user.
    pub user: ZoomUserId,
    /// The name to show.
    pub name: Option<String>,
    /// When the app was added.
    pub installed: UnixMillis,
    /// The grant.
    #[serde(flatten)]
    pub grant: Grant,
}

impl Item for Installation {
    const SHELF: Shelf = Shelf("installation");
}

impl Holder for Installation {
    const DUE: Shelf = Shelf("installation-due");

    fn grant(&self) -> &Grant {
        &self.grant
    }

    fn grant_mut(&mut self) -> &mut Grant {
        &mut self.grant
    }

    fn owner(&self) -> Option<&ZoomUserId> {
        Some(&self.user)
    }
}

impl Installation {
    pub(crate) fn new(profile: Profile, tokens: TokenSet, now: UnixMillis) -> Self {
        let grant = Grant::new(tokens.into(), now);
        Self { user: profile.id, name: profile.name, installed: now, grant }
    }

    /// Which of the required scopes the grant lacks.
    pub fn missing(&self, required: &[String]) -> Vec<String> {
        required.iter().filter(|scope| !self.grant.scopes.contains(scope)).cloned().collect()
    }

    /// When the refresh token, and with it the grant, ends if it is not refreshed before.
    pub fn usable_until(&self) -> UnixMillis {
        self.grant.refreshed.plus_seconds(REFRESH_LIFE_SECONDS)
    }

    /// Whether the grant can still give tokens at `now`.
    pub fn is_usable(&self, now: UnixMillis) -> bool {
        self.grant.ended().is_none() && self.usable_until() > now
    }
}

/// Looks after installations: for the session page and for the operator.
#[derive(Clone)]
pub struct Installations {
    pub(crate) vault: Vault,
    pub(crate) zoom: Zoom,
    revocations: Arc<Revocations>,
    pub(crate) required_scopes: Arc<[String]>,
}

/// An installation, and what it is worth.
#[derive(Clone, Debug)]
pub struct InstallationState {
    /// The installation.
    pub installation: Installation,
    /// Whether its grant can still give tokens.
    pub usable: bool,
    /// What the app requires and the user has not granted, or not any more.
    pub missing_scopes: Vec<String>,
}

/// What a revocation came to.
#[derive(Debug)]
pub struct Revoked {
    /// How many records of the user were erased.
    pub erased: u64,
    /// Whether Zoom took the token back; `Err` where Zoom was not reached or refused, which leaves the grant to expire.
    pub at_zoom: Result<(), ZoomError>,
}

impl Installations {
    /// Builds the flow; `required_scopes` are what every grant must hold.
    pub fn new(vault: Vault, zoom: Zoom, revocations: Arc<Revocations>, required_scopes: Vec<String>) -> Self {
        Self { vault, zoom, revocations, required_scopes: required_scopes.into() }
    }

    /// The installation of a user.
    pub async fn of(&self, user: &ZoomUserId) -> Result<Option<Installation>, VaultError> {
        Ok(self.vault.get(user.as_str()).await?.map(|kept| kept.item))
    }

    /// The installation of a user, if its grant is usable now.
    pub async fn usable(&self, user: &ZoomUserId) -> Result<Option<Installation>, VaultError> {
        Ok(self.of(user).await?.filter(|installation| installation.is_usable(self.vault.now())))
    }

    /// The installation of a user, and what it is worth now.
    pub async fn state(&self, user: &ZoomUserId) -> Result<Option<InstallationState>, VaultError> {
        let state = |installation: Installation| InstallationState {
            usable: installation.is_usable(self.vault.now()),
            missing_scopes: installation.missing(&self.required_scopes),
            installation,
        };
        Ok(self.of(user).await?.map(state))
    }

    /// Every installation. One that does not open is an error.
    pub async fn list(&self) -> Result<Vec<Installation>, VaultError> {
        self.vault.list().await?.into_iter().collect()
    }

    /// Ends a user's sessions, erases everything that is kept of them, and gives the token back to Zoom.
    ///
    /// Sessions end and records go also where no installation is found, which gives `None`, or where it does not open,
    /// which is an error afterwards.
    pub async fn revoke(&self, user: &ZoomUserId) -> Result<Option<Revoked>, VaultError> {
        self.revocations.revoke(user).await?;
        let installation = self.of(user).await;
        let erased = self.vault.remove_owned(user).await?;
        let Some(installation) = installation? else { return Ok(None) };
        let at_zoom = self.zoom.revoke(&installation.grant.access).await;
        Ok(Some(Revoked { erased, at_zoom }))
    }

    /// Checks the scopes of tokens and asks whose they are. Nobody uses a token otherwise before
    /// [`Installations::keep`] has stored it.
    pub(crate) async fn examine(&self, tokens: TokenSet) -> Result<Installation, GrantError> {
        let missing = self.required_scopes.iter().filter(|scope| !tokens.scopes.contains(scope));
        let missing: Vec<_> = missing.cloned().collect();
        if !missing.is_empty() {
            return Err(GrantError::MissingScopes(missing));
        }
        let profile = self.zoom.me(&tokens.access).await?;
        Ok(Installation::new(profile, tokens, self.vault.now()))
    }

    pub(crate) async fn keep(&self, installation: &Installation) -> Result<(), VaultError> {
        let terms = Terms { owner: Some(&installation.user), expires: None };
        self.vault.put(installation.user.as_str(), installation, terms).await?;
        // Where the queue does not take it, the first use puts it there.
        let _ = grant::schedule(&self.vault, installation.user.as_str(), installation).await;
        Ok(())
    }
}
