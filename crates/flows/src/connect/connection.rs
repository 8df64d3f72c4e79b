use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::provider::{Identity, TokenSet};
use stagedoor_protocol::time::UnixMillis;

use super::attempt::Attempt;
use super::provider::ProviderName;
use crate::grant::{Grant, Holder, Renewed};
use crate::port::Shelf;
use crate::vault::Item;

/// A user's grant of one provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// The Zoom user, whose deauthorisation erases it.
    pub user: ZoomUserId,
    /// The provider.
    pub provider: ProviderName,
    /// Who the user is there; only OpenID providers say so.
    pub account: Option<Account>,
    /// When it was made.
    pub connected: UnixMillis,
    /// The tokens, and what became of them.
    pub grant: Grant,
}

/// Who the user is at a provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// The provider's id of the user.
    pub subject: String,
    /// What to show for it.
    pub label: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account(…)")
    }
}

impl Item for Connection {
    const SHELF: Shelf = Shelf("connection");
}

impl Holder for Connection {
    const DUE: Shelf = Shelf("connection-due");

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

impl Connection {
    pub(super) fn new(attempt: &Attempt, tokens: TokenSet, identity: Option<Identity>, now: UnixMillis) -> Self {
        Self {
            user: attempt.user.clone(),
            provider: attempt.provider.clone(),
            account: identity.map(|Identity { subject, label }| Account { subject, label }),
            connected: now,
            grant: Grant::new(renewed(tokens), now),
        }
    }

    /// With the refresh token the whole grant ends (RFC 7009 section 2.1).
    pub(super) fn token_to_revoke(&self) -> (&str, &str) {
        match &self.grant.refresh {
            Some(refresh) => (refresh.expose(), "refresh_token"),
            None => (self.grant.access.expose(), "access_token"),
        }
    }

    pub(super) fn key(&self) -> String {
        key(&self.user, &self.provider)
    }
}

/// Neither part holds a space.
pub(super) fn key(user: &ZoomUserId, provider: &ProviderName) -> String {
    format!("{user} {provider}")
}

/// What a token endpoint gave, as the grant keeps it.
pub(super) fn renewed(tokens: TokenSet) -> Renewed {
    let TokenSet { access, refresh, expires_in, scopes, id_token: _ } = tokens;
    Renewed { access, refresh, expires_in, scopes, api: None }
}
