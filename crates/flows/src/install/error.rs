use stagedoor_protocol::zoom_error::{number_in, zoom_sentence};

use crate::fault::{Classified, Fault};
use crate::installation::GrantError;
use crate::vault::VaultError;
use crate::zoom::ZoomError;

/// Why the app is not added.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The state is not one of ours, or its time is over.
    #[error("the state is unknown or over")]
    UnknownState,
    /// The state belongs to another browser: the install cookie is missing or another one.
    #[error("the state belongs to another browser")]
    WrongBrowser,
    /// Neither a code nor an error.
    #[error("the callback holds neither a code nor an error")]
    NothingToFinish,
    /// The user said no.
    #[error("the user declined")]
    Declined,
    /// Zoom sent the browser back with an error.
    #[error("Zoom refused to authorize")]
    Refused(Option<u32>),
    /// Zoom or the vault gave no installation.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

impl InstallError {
    /// Reads the `error` of a redirect (RFC 6749 section 4.1.2.1). Its text is not trusted and goes nowhere.
    pub(super) fn from_zoom(error: &str) -> Self {
        if error == "access_denied" { Self::Declined } else { Self::Refused(number_in(error)) }
    }

    /// Whether a reload of the callback may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Grant(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<ZoomError> for InstallError {
    fn from(error: ZoomError) -> Self {
        Self::Grant(error.into())
    }
}

impl From<VaultError> for InstallError {
    fn from(error: VaultError) -> Self {
        Self::Grant(error.into())
    }
}

impl Classified for InstallError {
    fn fault(&self) -> Fault {
        match self {
            Self::UnknownState => Fault::Stale,
            // A refusal comes in through the browser, so anybody can claim one: it is no failure of Zoom's.
            Self::WrongBrowser | Self::Declined | Self::Refused(_) => Fault::Forbidden,
            Self::NothingToFinish => Fault::Caller,
            Self::Grant(error) => error.fault(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownState => "state_unknown",
            Self::WrongBrowser => "state_of_another_browser",
            Self::NothingToFinish => "callback_empty",
            Self::Declined => "declined",
            Self::Refused(_) => "authorization_refused",
            Self::Grant(error) => error.code(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::UnknownState => "This step of the installation is over or was never begun.".into(),
            Self::WrongBrowser => "This installation was begun in another browser.".into(),
            Self::NothingToFinish => {
                "This address is where Zoom sends people back to; it was opened without anything from Zoom.".into()
            }
            Self::Declined => "The app was not added, because the request was declined.".into(),
            Self::Refused(number) => match number.and_then(zoom_sentence) {
                Some(sentence) => format!("Zoom did not authorize the app: {sentence}."),
                None => "Zoom did not authorize the app.".into(),
            },
            Self::Grant(error) => error.sentence(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::UnknownState | Self::NothingToFinish => "Add the app again; if it is added already, open it in Zoom.",
            Self::WrongBrowser => "Add the app again in this browser, with cookies allowed.",
            Self::Declined => "Add the app again whenever you like.",
            Self::Refused(_) => "Try again; if it happens again, tell the people who run this app.",
            Self::Grant(error) => error.advice(),
        }
    }
}
