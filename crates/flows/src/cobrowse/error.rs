use std::time::Duration;

use stagedoor_protocol::cobrowse::InvalidRequest;

use crate::fault::{Classified, Fault};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum CobrowseError {
    /// Nothing says who asks, or what says it is wrong.
    #[error("nobody known is asking")]
    Unknown,
    /// A page of another site.
    #[error("the page is of an origin that gets no tokens")]
    Origin,
    /// A Zoom user who is no agent.
    #[error("the Zoom user is not among the agents")]
    NotAnAgent,
    /// A key without the right to this role.
    #[error("the API key has no right to this role")]
    Role,
    /// The request is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// Too often.
    #[error("too many tokens in a minute")]
    TooMany {
        /// After this time there is one again.
        wait: Duration,
    },
}

impl Classified for CobrowseError {
    fn fault(&self) -> Fault {
        match self {
            Self::Unknown => Fault::Anonymous,
            Self::Origin | Self::NotAnAgent | Self::Role => Fault::Forbidden,
            Self::Invalid(_) => Fault::Caller,
            Self::TooMany { .. } => Fault::Impatient,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "authentication_required",
            Self::Origin => "origin_not_allowed",
            Self::NotAnAgent => "not_an_agent",
            Self::Role => "role_not_allowed",
            Self::Invalid(_) => "request_invalid",
            Self::TooMany { .. } => "too_many_tokens",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Unknown => "This token is for somebody who proves who they are.",
            Self::Origin => "Pages of this site get no tokens.",
            Self::NotAnAgent => "This Zoom user is not one of the agents.",
            Self::Role => "This API key has no right to this role.",
            Self::Invalid(_) => "The request is not what this address takes.",
            Self::TooMany { .. } => "There were too many tokens in the last minute.",
        }
        .into()
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Unknown => "Send a session of an agent or an API key; a page of a listed site can ask for role 1.",
            Self::Origin => "Whoever runs the app can add the site to cobrowse.origins.",
            Self::NotAnAgent => "Whoever runs the app can add the user's id to cobrowse.agents.",
            Self::Role => "Whoever runs the app can add the role to the key in cobrowse.api_keys.",
            Self::Invalid(_) => "Mend what is named.",
            Self::TooMany { .. } => "Wait a little.",
        }
    }
}
