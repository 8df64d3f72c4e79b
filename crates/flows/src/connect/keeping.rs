//! Connections that there are: their tokens, and their end.

use std::num::NonZeroU32;
use std::sync::Arc;

use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::secret::AccessToken;

use super::Connect;
use super::connection::{self, Connection};
use super::error::ConnectError;
use super::party::ProviderError;
use super::provider::ProviderName;
use crate::grant::{Done, Errand, RefreshError, Round};
use crate::session::Session;
use crate::vault::{Terms, VaultError};

/// How a connection ended. It is erased in any case.
#[derive(Debug)]
pub enum Disconnected {
    /// The provider took the tokens back.
    Revoked,
    /// There was no connection, or the provider has no way to take tokens back.
    NothingToRevoke,
    /// The provider did not take them back; they expire there, or the user ends them there.
    NotRevoked(ProviderError),
}

impl Connect {
    /// The connections of a user.
    pub async fn connections(&self, user: &ZoomUserId) -> Result<Vec<Connection>, ConnectError> {
        let mut connections = Vec::new();
        for name in self.parties.0.keys() {
            connections.extend(self.connection(user, name).await?);
        }
        Ok(connections)
    }

    /// A connection whose access token is good now.
    pub async fn fresh(&self, user: &ZoomUserId, provider: &ProviderName) -> Result<Arc<Connection>, RefreshError> {
        self.refresher.fresh(&connection::key(user, provider)).await
    }

    /// A connection with another access token than one that the provider's API has just refused.
    pub async fn renewed_after(
        &self,
        user: &ZoomUserId,
        provider: &ProviderName,
        refused: &AccessToken,
    ) -> Result<Arc<Connection>, RefreshError> {
        self.refresher.renewed_after(&connection::key(user, provider), refused).await
    }

    /// Refreshes what is due, at most so many a second.
    pub async fn renew_due(&self, per_second: NonZeroU32) -> Result<Round, VaultError> {
        self.refresher.renew_due(per_second).await
    }

    /// Does a refresh for another process on the same store.
    pub async fn run_errand(&self, errand: &Errand) -> Done {
        self.refresher.run_errand(errand).await
    }

    /// Gives the tokens back where the provider takes them, and erases the connection whether or not that worked.
    pub async fn disconnect(&self, session: &Session, provider: &str) -> Result<Disconnected, ConnectError> {
        let party = self.party(provider)?;
        let Some(user) = &session.user else { return Ok(Disconnected::NothingToRevoke) };
        let key = connection::key(user, &party.provider.name);
        let Some(connection) = self.connection(user, &party.provider.name).await? else {
            return Ok(Disconnected::NothingToRevoke);
        };
        let revoked = party.revoke(connection.token_to_revoke()).await;
        self.vault.remove::<Connection>(&key).await?;
        self.refresher.forget(&key);
        Ok(match revoked {
            Ok(true) => Disconnected::Revoked,
            Ok(false) => Disconnected::NothingToRevoke,
            Err(error) => Disconnected::NotRevoked(error),
        })
    }

    pub(super) async fn connection(
        &self,
        user: &ZoomUserId,
        name: &ProviderName,
    ) -> Result<Option<Connection>, VaultError> {
        Ok(self.vault.get::<Connection>(&connection::key(user, name)).await?.map(|kept| kept.item))
    }

    pub(super) async fn keep(&self, connection: &Connection) -> Result<(), ConnectError> {
        let key = connection.key();
        let terms = Terms { owner: Some(&connection.user), expires: None };
        self.vault.put(&key, connection, terms).await?;
        self.refresher.forget(&key);
        // The queue is a hint: a connection that is not in it is refreshed when it is used.
        let _ = crate::grant::schedule(&self.vault, &key, connection).await;
        Ok(())
    }
}
