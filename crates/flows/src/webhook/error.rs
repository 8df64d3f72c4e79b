use stagedoor_protocol::webhook::{Malformed, Refused};

use crate::fault::{Classified, Fault};
use crate::vault::VaultError;

/// Why a webhook is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is not Zoom's, or not of this time.
    #[error("the webhook is not believed")]
    Refused(#[from] Refused),
    /// It is Zoom's, and nothing that can be understood.
    #[error("the webhook makes no sense")]
    Malformed(#[from] Malformed),
    /// It cannot be stored.
    #[error("the webhook cannot be stored")]
    Vault(#[from] VaultError),
}

impl Classified for WebhookError {
    fn fault(&self) -> Fault {
        match self {
            Self::Refused(_) => Fault::Forbidden,
            Self::Malformed(_) => Fault::Caller,
            Self::Vault(_) => Fault::Store,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Malformed(malformed) => malformed.code(),
            Self::Vault(_) => "store_unavailable",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Refused(Refused::Window(_)) => "This webhook was signed too long ago, or in the future.".into(),
            Self::Refused(_) => "This webhook is not signed by Zoom with a secret token of this app.".into(),
            Self::Malformed(Malformed::PlainToken) => "This URL validation asks for something else than a word.".into(),
            Self::Malformed(_) => "This webhook is signed, but is no event.".into(),
            Self::Vault(_) => "The webhook could not be stored just now.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Refused(Refused::Window(_)) => "Check the clock of this server; if it is right, this is a replay.",
            Self::Refused(Refused::Signature) => {
                "Set zoom.webhook_secrets to the Secret Token of the app's Feature page; a proxy in front must not change the body."
            }
            Self::Refused(_) => "Only Zoom calls this address.",
            Self::Malformed(_) => "Send it as Zoom does.",
            Self::Vault(_) => "Send it again.",
        }
    }
}
