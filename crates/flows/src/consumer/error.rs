use stagedoor_protocol::consumer::{ClaimName, InvalidValue};

use super::identity::Unidentified;
use crate::fault::{Classified, Fault};

/// Why there is no token. The outside learns the same of all of them: nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The site does not say who the visitor is.
    #[error(transparent)]
    Unidentified(#[from] Unidentified),
    /// What the site says does not fit a claim.
    #[error("the site's answer does not fit the claim {claim}")]
    Unfit {
        /// The claim.
        claim: ClaimName,
        /// What is wrong.
        #[source]
        source: InvalidValue,
    },
    /// The site says nothing for a claim without which nobody is identified.
    #[error("the site's answer has nothing for the required claim {0}")]
    Missing(ClaimName),
    /// The site says nothing for any claim.
    #[error("the site's answer has nothing for any claim")]
    Empty,
}

impl Classified for ConsumerError {
    fn fault(&self) -> Fault {
        Fault::Anonymous
    }

    fn code(&self) -> &'static str {
        "not_signed_in"
    }

    fn sentence(&self) -> String {
        "Nobody is signed in on the site, as far as it says.".into()
    }

    fn advice(&self) -> &'static str {
        "Sign in there; a chat works without it, unauthenticated."
    }
}
