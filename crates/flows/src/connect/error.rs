use std::sync::Arc;
use std::time::Duration;

use super::attempt::Ending;
use super::party::ProviderError;
use crate::fault::{Classified, Fault};
use crate::grant::Cause;
use crate::tokens::TokensError;
use crate::vault::VaultError;
use crate::zoom::ZoomError;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No provider of this name is configured.
    #[error("no such provider")]
    UnknownProvider,
    /// A guest, or a user without a usable grant of Zoom's, whom no deep link can bring back.
    #[error("the user has not added the app")]
    InstallRequired,
    /// The state is not one of ours, its time is over, or it has been used.
    #[error("the state is unknown, over or used")]
    UnknownState,
    /// The response is of another provider than the one that was asked, or of another sign-in.
    #[error("the response does not belong to this attempt")]
    Mismatch,
    /// The provider sent the browser back without a code.
    #[error("the provider gave no code")]
    Refused {
        /// Whether the user said no.
        declined: bool,
    },
    /// The launch that claims comes from another user or session than the one that began.
    #[error("the claim comes from another user or session")]
    NotYours,
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Zoom, or the vault, gave nothing.
    #[error(transparent)]
    Zoom(TokensError),
}

impl ConnectError {
    /// What the page that began is told.
    pub(super) fn ending(&self) -> Ending {
        if matches!(self, Self::Refused { declined: true }) { Ending::Declined } else { Ending::Failed }
    }
}

impl From<ZoomError> for ConnectError {
    fn from(error: ZoomError) -> Self {
        Self::Zoom(TokensError::Zoom { cause: Cause::new(error), retry_after: Duration::ZERO })
    }
}

impl From<VaultError> for ConnectError {
    fn from(error: VaultError) -> Self {
        Self::Zoom(TokensError::Vault(Arc::new(error)))
    }
}

impl From<TokensError> for ConnectError {
    fn from(error: TokensError) -> Self {
        match error {
            TokensError::NotInstalled | TokensError::NeedsReauth { .. } => Self::InstallRequired,
            error => Self::Zoom(error),
        }
    }
}

impl Classified for ConnectError {
    fn fault(&self) -> Fault {
        match self {
            Self::UnknownProvider => Fault::Caller,
            Self::UnknownState => Fault::Stale,
            // A refusal comes in through the browser, so anybody can claim one: it is no failure of the provider's.
            Self::InstallRequired | Self::Mismatch | Self::Refused { .. } | Self::NotYours => Fault::Forbidden,
            Self::Provider(error) => error.fault(),
            Self::Zoom(error) => error.fault(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider => "provider_unknown",
            Self::InstallRequired => "install_required",
            Self::UnknownState => "state_unknown",
            Self::Mismatch => "state_mismatch",
            Self::Refused { declined: true } => "declined",
            Self::Refused { declined: false } => "authorization_refused",
            Self::NotYours => "claim_refused",
            Self::Provider(error) => error.code(),
            Self::Zoom(error) => error.code(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::UnknownProvider => "This app connects to no service of this name.".into(),
            Self::InstallRequired => "This needs the app to be added to Zoom first.".into(),
            Self::UnknownState => "This sign-in is over.".into(),
            Self::Mismatch => {
                "This sign-in does not belong to what was begun in Zoom, so nothing was connected.".into()
            }
            Self::Refused { declined: true } => "You have said no, so nothing was connected.".into(),
            Self::Refused { declined: false } => "The service did not sign you in, so nothing was connected.".into(),
            Self::NotYours => "This sign-in was begun by somebody else or elsewhere, so nothing was connected.".into(),
            Self::Provider(error) => error.sentence(),
            Self::Zoom(TokensError::Vault(_)) => "The connection could not be stored or read just now.".into(),
            Self::Zoom(error) => error.sentence(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::UnknownProvider => "Check its name in the settings of this app.",
            Self::InstallRequired => "Add the app, then connect.",
            Self::UnknownState => "Go back to Zoom. If the app is not connected there, begin again in the app.",
            Self::Refused { declined: true } => "Go back to Zoom, and connect whenever you like.",
            Self::Mismatch | Self::Refused { declined: false } | Self::NotYours => {
                "Go back to Zoom and begin again in the app."
            }
            Self::Provider(error) => error.advice(),
            Self::Zoom(_) => "Go back to Zoom and begin again in the app, in a minute.",
        }
    }
}
