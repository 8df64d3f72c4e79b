use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stagedoor_protocol::time::UnixMillis;

use super::Ending;
use crate::fault::Classified;
use crate::vault::VaultError;

/// What an issuer's error says, shared by everybody who waited for the same answer.
#[derive(Clone)]
pub struct Cause(Arc<dyn Classified + Send + Sync>);

impl Cause {
    /// Wraps an error.
    pub fn new(error: impl Classified + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// The error itself.
    pub fn get(&self) -> &(dyn Classified + Send + Sync) {
        &*self.0
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Why an issuer gave no tokens. What the refresh token is worth now decides which it is.
#[derive(Clone, Debug)]
pub enum Failure {
    /// `invalid_grant`: the refresh token is dead.
    InvalidGrant,
    /// The issuer did not act on it, or was not even reached. The refresh token is as good as before.
    Refused {
        /// What it said.
        cause: Cause,
        /// How long every refresh of this issuer should wait, where the reason lies not with this grant.
        pause: Option<Duration>,
    },
    /// The issuer asks for patience. The refresh token is as good as before.
    Limited {
        /// What it said.
        cause: Cause,
        /// How long every refresh of this issuer should wait.
        pause: Duration,
    },
    /// Nobody knows whether the refresh token was used up: no answer, or one that makes no sense.
    Unknown {
        /// What came instead.
        cause: Cause,
    },
}

/// Why there is no token in hand.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RefreshError {
    /// There is no such grant.
    #[error("there is no grant")]
    Absent,
    /// The grant is over.
    #[error("the grant is over ({})", reason.name())]
    NeedsReauth {
        /// Since when.
        since: UnixMillis,
        /// Why.
        reason: Ending,
    },
    /// Somebody else refreshes it, or the last refresh brought nothing and the next one waits.
    #[error("the grant waits to be refreshed")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The issuer gave no tokens just now.
    #[error("the issuer gives no tokens")]
    Issuer {
        /// What it said.
        #[source]
        cause: Cause,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The vault has no answer. No refresh was begun, or none was acknowledged.
    #[error("the grant cannot be read or stored")]
    Vault(#[source] Arc<VaultError>),
}

impl From<VaultError> for RefreshError {
    fn from(error: VaultError) -> Self {
        Self::Vault(Arc::new(error))
    }
}
