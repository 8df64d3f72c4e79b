//! All providers, as the issuers of the grants that the machine in [`crate::grant`] keeps alive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stagedoor_protocol::provider::TokenError;
use stagedoor_protocol::secret::{AccessToken, RefreshToken};

use super::connection::{Connection, renewed};
use super::party::{Party, ProviderError};
use super::provider::ProviderName;
use crate::grant::{Cause, Failure, Issuer, Renewed};
use crate::port::HttpError;

/// How long a provider is left alone that asks for patience and does not say how long.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a provider is left alone that does not know us, or cannot be reached: no grant changes that.
const PAUSE: Duration = Duration::from_secs(10);

/// The providers by their names.
#[derive(Clone)]
pub(super) struct Parties(pub(super) Arc<BTreeMap<ProviderName, Party>>);

impl Parties {
    pub(super) fn find(&self, name: &str) -> Option<&Party> {
        self.0.get(name)
    }
}

#[async_trait::async_trait]
impl Issuer<Connection> for Parties {
    async fn refresh(&self, connection: &Connection, token: &RefreshToken) -> Result<Renewed, Failure> {
        // A provider that was taken out of the settings refreshes nothing, and may come back.
        let party = self
            .find(connection.provider.as_str())
            .ok_or_else(|| Failure::Refused { cause: Cause::new(super::ConnectError::UnknownProvider), pause: None })?;
        party.refresh(token).await.map(renewed).map_err(failure)
    }

    async fn discard(&self, connection: &Connection, token: &AccessToken) {
        if let Some(party) = self.find(connection.provider.as_str()) {
            // It expires by itself otherwise.
            let _ = party.revoke((token.expose(), "access_token")).await;
        }
    }

    fn name<'a>(&self, connection: &'a Connection) -> &'a str {
        connection.provider.as_str()
    }
}

/// Only `invalid_grant` is the end of a grant. Where the provider did not get the token, or said that it did nothing with
/// it, it is as good as before; otherwise nobody knows.
fn failure(error: ProviderError) -> Failure {
    match error {
        ProviderError::Token(TokenError::InvalidGrant) => Failure::InvalidGrant,
        ProviderError::Token(TokenError::RateLimited { retry_after }) => {
            let pause = retry_after.unwrap_or(PATIENCE);
            Failure::Limited { cause: Cause::new(error), pause }
        }
        ProviderError::Token(TokenError::Refused(_)) => Failure::Refused { cause: Cause::new(error), pause: None },
        ProviderError::Token(TokenError::InvalidClient)
        | ProviderError::Http(HttpError::Connect { .. })
        | ProviderError::Unreachable(_)
        | ProviderError::Discovery(_) => Failure::Refused { cause: Cause::new(error), pause: Some(PAUSE) },
        error => Failure::Unknown { cause: Cause::new(error) },
    }
}
