use crate::fault::{Classified, Fault};
use crate::installation::GrantError;

/// Why a user has not authorized the app.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// This session has begun nothing, or it is over.
    #[error("the session has begun no authorization")]
    NothingBegun,
    /// The state is not the one of this session's attempt.
    #[error("the state belongs to another attempt")]
    WrongState,
    /// The tokens are of another user than the session.
    #[error("the tokens belong to another user")]
    OtherUser,
    /// Zoom or the vault gave no installation.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

impl Classified for AuthorizeError {
    fn fault(&self) -> Fault {
        match self {
            Self::NothingBegun => Fault::Stale,
            Self::WrongState | Self::OtherUser => Fault::Forbidden,
            Self::Grant(error) => error.fault(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NothingBegun => "authorization_not_begun",
            Self::WrongState => "state_mismatch",
            Self::OtherUser => "other_user",
            Self::Grant(error) => error.code(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::NothingBegun => "This authorization is over or was never begun.".into(),
            Self::WrongState => "This authorization belongs to another attempt.".into(),
            Self::OtherUser => "Another Zoom user has authorized the app than the one who has it open.".into(),
            Self::Grant(error) => error.sentence(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::NothingBegun | Self::WrongState => "Add the app again.",
            Self::OtherUser => "Close the app in Zoom and open it again.",
            Self::Grant(error) => error.advice(),
        }
    }
}
