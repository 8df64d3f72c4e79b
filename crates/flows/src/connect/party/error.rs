use std::sync::Arc;

use stagedoor_protocol::provider::{DiscoveryError, IdTokenError, TokenError};

use crate::fault::{Classified, Fault};
use crate::port::HttpError;
use crate::verify::KeysError;

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
    /// Its metadata names no keys.
    #[error("the provider publishes no keys")]
    NoKeys,
    /// The provider's keys cannot be read.
    #[error("no keys of the provider")]
    Keys(#[from] Arc<KeysError>),
}

impl ProviderError {
    /// What went wrong on the way, whatever was asked.
    fn http(&self) -> Option<&HttpError> {
        match self {
            Self::Unreachable(error) | Self::Http(error) => Some(error),
            Self::Keys(error) => match &**error {
                KeysError::Http(error) => Some(error),
                KeysError::Status(_) | KeysError::Content(_) => None,
            },
            _ => None,
        }
    }
}

impl Classified for ProviderError {
    fn fault(&self) -> Fault {
        match (self.http(), self) {
            (Some(HttpError::Timeout { .. }), _) => Fault::ZoomSlow,
            (None, Self::Token(TokenError::RateLimited { .. } | TokenError::Unavailable(_))) => Fault::ZoomBusy,
            (None, Self::Token(TokenError::InvalidGrant)) => Fault::Stale,
            (None, Self::Token(TokenError::InvalidClient | TokenError::Refused(_))) => Fault::Operator,
            _ => Fault::Zoom,
        }
    }

    fn code(&self) -> &'static str {
        match (self.http(), self) {
            (Some(HttpError::Timeout { .. }), _) => "provider_timeout",
            (Some(HttpError::Connect { .. }), _) => "provider_unreachable",
            (Some(HttpError::Broken { .. } | HttpError::TooLarge { .. }), _)
            | (None, Self::Unreachable(_) | Self::Http(_) | Self::Token(TokenError::Malformed)) => {
                "provider_bad_answer"
            }
            (None, Self::Discovery(_)) => "provider_metadata_refused",
            (None, Self::Token(TokenError::InvalidGrant)) => "provider_code_refused",
            (None, Self::Token(TokenError::InvalidClient)) => "provider_client_refused",
            (None, Self::Token(TokenError::Refused(_))) => "provider_refused",
            (None, Self::Token(TokenError::RateLimited { .. })) => "provider_rate_limited",
            (None, Self::Token(TokenError::Unavailable(_))) => "provider_unavailable",
            (None, Self::IdToken(_) | Self::NoIdToken | Self::NoKeys | Self::Keys(_)) => "provider_identity_refused",
        }
    }

    fn sentence(&self) -> String {
        match (self.http(), self) {
            (Some(HttpError::Timeout { .. }), _) => "The service to connect to did not answer in time.",
            (Some(HttpError::Connect { .. }), _) => "The service to connect to cannot be reached from here.",
            (Some(HttpError::Broken { .. } | HttpError::TooLarge { .. }), _)
            | (None, Self::Unreachable(_) | Self::Http(_) | Self::Discovery(_) | Self::Token(TokenError::Malformed)) => {
                "The answer of the service to connect to makes no sense to this app."
            }
            (None, Self::Token(TokenError::InvalidGrant)) => "The service does not accept this sign-in any more.",
            (None, Self::Token(TokenError::InvalidClient | TokenError::Refused(_))) => {
                "The service does not accept this app."
            }
            (None, Self::Token(TokenError::RateLimited { .. } | TokenError::Unavailable(_))) => {
                "The service to connect to is busy or has a problem of its own."
            }
            (None, Self::IdToken(_) | Self::NoIdToken | Self::NoKeys | Self::Keys(_)) => {
                "The service did not prove who signed in, so nothing was connected."
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
