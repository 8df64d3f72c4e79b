use crate::fault::{Classified, Fault};
use crate::vault::VaultError;
use crate::zoom::ZoomError;

/// Why tokens are no installation.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The grant lacks scopes that this app requires.
    #[error("the grant lacks the scopes {0:?}")]
    MissingScopes(Vec<String>),
    /// A call to Zoom failed.
    #[error("Zoom gave no installation")]
    Zoom(#[from] ZoomError),
    /// The vault has no answer.
    #[error("the installation cannot be kept")]
    Vault(#[from] VaultError),
}

impl GrantError {
    /// Whether the same call may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::MissingScopes(_) => false,
            Self::Zoom(error) => error.is_transient(),
            Self::Vault(_) => true,
        }
    }
}

impl Classified for GrantError {
    fn fault(&self) -> Fault {
        match self {
            Self::MissingScopes(_) => Fault::Forbidden,
            Self::Zoom(error) => error.fault(),
            Self::Vault(_) => Fault::Store,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MissingScopes(_) => "scope_missing",
            Self::Zoom(error) => error.code(),
            Self::Vault(_) => "store_unavailable",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::MissingScopes(scopes) => {
                format!("Zoom did not grant what this app needs: {}.", scopes.join(", "))
            }
            Self::Zoom(error) => error.sentence(),
            Self::Vault(_) => "The installation could not be stored just now.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::MissingScopes(_) => {
                "Add the app again and allow everything it asks for; if it was all allowed, the app lacks the scope in its Marketplace settings."
            }
            Self::Zoom(error) => error.advice(),
            Self::Vault(_) => "Reload this page in a minute.",
        }
    }
}
