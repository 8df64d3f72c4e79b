use stagedoor_protocol::provider::{DiscoveryError, IdTokenError, TokenError};

use crate::fault::{Classified, Fault};
use crate::port::HttpError;

/// Why a provider gave nothing that counts.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No metadata, because there was no answer.
    #[error("the provider could not be asked where its endpoints are")]
    Unreachable(#[source] HttpError),
    /// No answer.
    #[error("the provider could not be asked")]
    Http(#[from] HttpError),
    /// Its metadata is not believed.
    #[error("no metadata of the provider")]
    Discovery(#[from] DiscoveryError),
    /// The token endpoint refused.
    #[error("no tokens of the provider")]
    Token(#[from] TokenError),
    /// The ID token is not believed.
    #[error("no identity at the provider")]
    IdToken(#[from] IdTokenError),
    /// The provider was asked for an ID token and gave none.
    #[error("the provider gave no ID token")]
    NoIdToken,
    /// The provider's keys cannot be read.
    #[error("the provider publishes no keys")]
    NoKeys,
}

impl Classified for ProviderError {
    fn fault(&self) -> Fault {
        match self {
            Self::Unreachable(HttpError::Timeout { .. }) | Self::Http(HttpError::Timeout { .. }) => Fault::ZoomSlow,
            Self::Token(TokenError::RateLimited { .. } | TokenError::Unavailable(_)) => Fault::ZoomBusy,
            Self::Token(TokenError::InvalidGrant) => Fault::Stale,
            Self::Token(TokenError::InvalidClient | TokenError::Refused(_)) => Fault::Operator,
            _ => Fault::Zoom,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(HttpError::Timeout { .. }) | Self::Http(HttpError::Timeout { .. }) => "provider_timeout",
            Self::Unreachable(HttpError::Connect { .. }) | Self::Http(HttpError::Connect { .. }) => {
                "provider_unreachable"
            }
            Self::Unreachable(_) | Self::Http(_) | Self::Token(TokenError::Malformed) => "provider_bad_answer",
            Self::Discovery(_) => "provider_metadata_refused",
            Self::Token(TokenError::InvalidGrant) => "provider_code_refused",
            Self::Token(TokenError::InvalidClient) => "provider_client_refused",
            Self::Token(TokenError::Refused(_)) => "provider_refused",
            Self::Token(TokenError::RateLimited { .. }) => "provider_rate_limited",
            Self::Token(TokenError::Unavailable(_)) => "provider_unavailable",
            Self::IdToken(_) | Self::NoIdToken | Self::NoKeys => "provider_identity_refused",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Unreachable(HttpError::Timeout { .. }) | Self::Http(HttpError::Timeout { .. }) => {
                "The service to connect to did not answer in time."
            }
            Self::Unreachable(HttpError::Connect { .. }) | Self::Http(HttpError::Connect { .. }) => {
                "The service to connect to cannot be reached from here."
            }
            Self::Token(TokenError::InvalidGrant) => "The service does not accept this sign-in any more.",
            Self::Token(TokenError::InvalidClient | TokenError::Refused(_)) => "The service does not accept this app.",
            Self::Token(TokenError::RateLimited { .. } | TokenError::Unavailable(_)) => {
                "The service to connect to is busy or has a problem of its own."
            }
            Self::IdToken(_) | Self::NoIdToken | Self::NoKeys => {
                "The service did not prove who signed in, so nothing was connected."
            }
            Self::Unreachable(_) | Self::Http(_) | Self::Discovery(_) | Self::Token(TokenError::Malformed) => {
                "The answer of the service to connect to makes no sense to this app."
            }
        }
        .into()
    }

    fn advice(&self) -> &'static str {
        match self.fault() {
            Fault::Stale => "Begin again in the app.",
            Fault::Operator => "Tell the people who run this app: its registration at the service needs attention.",
            _ => "Try again in a minute, in the app.",
        }
    }
}
