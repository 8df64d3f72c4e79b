//! Calls of Zoom's REST API for pages and upstreams: which ones the operator allows, and why one is not made.
//!
//! The decision is made on the very path that is forwarded, byte by byte; nothing is decoded before and nothing is
//! changed after.

use http::Method;

use crate::fault::{Classified, Fault};

mod allow;

pub use allow::{ApiAllow, InvalidRule, Rule};

/// Why a call is not made, or its answer not passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiRefused {
    /// No rule of the operator allows it.
    #[error("no rule of app.api_allow allows this call")]
    NotAllowed,
    /// Nobody has signed in to Zoom, so there is no grant.
    #[error("a guest has no grant")]
    Guest,
    /// The grant lacks what this call needs. Empty where Zoom does not say what.
    #[error("the grant lacks the scopes {0:?}")]
    ScopeMissing(Vec<String>),
    /// Zoom refuses the newest token that there is.
    #[error("Zoom refuses a token that it has just given")]
    TokenRefused,
}

impl ApiRefused {
    /// Whether adding the app (again) is what helps.
    pub fn is_healed_by_install(&self) -> bool {
        matches!(self, Self::Guest | Self::ScopeMissing(_))
    }
}

impl Classified for ApiRefused {
    fn fault(&self) -> Fault {
        match self {
            Self::NotAllowed | Self::Guest | Self::ScopeMissing(_) => Fault::Forbidden,
            Self::TokenRefused => Fault::Zoom,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed => "api_not_allowed",
            Self::Guest => "not_installed",
            Self::ScopeMissing(_) => "scope_missing",
            Self::TokenRefused => "token_refused",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::NotAllowed => "This app's gateway does not make this call of Zoom's API.".into(),
            Self::Guest => "This app has no grant of this user.".into(),
            Self::ScopeMissing(scopes) if scopes.is_empty() => {
                "Zoom did not grant a scope that this call needs.".into()
            }
            Self::ScopeMissing(scopes) => format!("Zoom did not grant what this call needs: {}.", scopes.join(", ")),
            Self::TokenRefused => "Zoom does not accept the token it has just given.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::NotAllowed => {
                "Whoever runs the app can add its method and path to the setting app.api_allow, for example \"GET /v2/users/me\"."
            }
            Self::Guest => "Add the app first.",
            Self::ScopeMissing(_) => {
                "Add the scope to the app in the Marketplace if it is not there, then add the app again."
            }
            Self::TokenRefused => "Try again in a minute.",
        }
    }
}

impl ApiAllow {
    /// The rule that allows a call; refused where there is none. A `HEAD` is allowed where the `GET` is.
    pub fn check(&self, method: &Method, path: &str) -> Result<&Rule, ApiRefused> {
        self.rule_for(method, path).ok_or(ApiRefused::NotAllowed)
    }
}
