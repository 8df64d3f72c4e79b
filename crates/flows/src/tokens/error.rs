use std::sync::Arc;
use std::time::Duration;

use stagedoor_protocol::time::UnixMillis;

use crate::fault::{Classified, Fault};
use crate::grant::{Cause, Ending, RefreshError};
use crate::vault::VaultError;

/// Why there is no token of Zoom's.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokensError {
    /// The user has not added the app.
    #[error("the user has not added the app")]
    NotInstalled,
    /// The grant is over: the user has to add the app again.
    #[error("the grant is over ({})", reason.name())]
    NeedsReauth {
        /// Since when.
        since: UnixMillis,
        /// Why.
        reason: Ending,
    },
    /// The token is being refreshed, or the last refresh brought nothing and the next one waits.
    #[error("the token is not refreshed yet")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// Zoom gave no token just now. The grant is as good as before.
    #[error("Zoom gives no token")]
    Zoom {
        /// What it said.
        #[source]
        cause: Cause,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The vault has no answer.
    #[error("the token cannot be read or stored")]
    Vault(#[source] Arc<VaultError>),
}

impl TokensError {
    /// When to ask again, where that may help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } | Self::Zoom { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

impl From<RefreshError> for TokensError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Absent => Self::NotInstalled,
            RefreshError::NeedsReauth { since, reason } => Self::NeedsReauth { since, reason },
            RefreshError::Busy { retry_after } => Self::Busy { retry_after },
            RefreshError::Issuer { cause, retry_after } => Self::Zoom { cause, retry_after },
            RefreshError::Vault(error) => Self::Vault(error),
        }
    }
}

impl Classified for TokensError {
    fn fault(&self) -> Fault {
        match self {
            Self::NotInstalled | Self::NeedsReauth { .. } => Fault::Forbidden,
            Self::Busy { .. } => Fault::ZoomBusy,
            Self::Zoom { cause, .. } => cause.get().fault(),
            Self::Vault(_) => Fault::Store,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled => "not_installed",
            Self::NeedsReauth { .. } => "needs_reauth",
            Self::Busy { .. } => "token_busy",
            Self::Zoom { cause, .. } => cause.get().code(),
            Self::Vault(_) => "store_unavailable",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::NotInstalled => "This user has not added the app.".into(),
            Self::NeedsReauth { reason: Ending::AnswerLost, .. } => {
                "Zoom's answer to the last renewal was lost, and with it the permission of this user.".into()
            }
            Self::NeedsReauth { .. } => "Zoom does not honour this user's permission any more.".into(),
            Self::Busy { .. } => "This user's token is being renewed.".into(),
            Self::Zoom { cause, .. } => cause.get().sentence(),
            Self::Vault(_) => "The token could not be read or stored just now.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::NotInstalled => "Add the app.",
            Self::NeedsReauth { .. } => "Add the app again; nothing else is lost.",
            Self::Busy { .. } => "Try again in a few seconds.",
            Self::Zoom { cause, .. } => cause.get().advice(),
            Self::Vault(_) => "Try again in a minute.",
        }
    }
}
