//! Launch: an encrypted app context becomes a session. No store, no network: launches go on while either is down.

use std::sync::Arc;

use stagedoor_protocol::context::{ContextError, ContextKey, open_and_verify};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;

use crate::connect::Claim;
use crate::fault::{Classified, Fault};
use crate::port::Clock;
use crate::session::{MAX_COOKIE, Session, SessionCookie, Sessions, Surface};

/// What happens to guests: people without a Zoom account, or who have not added the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// They get a session without identity.
    Allow,
    /// They are refused.
    Deny,
}

/// Opens the app.
#[derive(Clone)]
pub struct Launch {
    keys: Arc<[ContextKey]>,
    client_id: ClientId,
    guests: Guests,
    clock: Arc<dyn Clock>,
    sessions: Sessions,
}

/// A session that has begun, and its cookie.
#[derive(Clone, Debug)]
pub struct Launched {
    /// The session.
    pub session: Session,
    /// The same, sealed.
    pub cookie: SessionCookie,
    /// What a deep link of ours brought: a third-party sign-in comes back with this launch. It is not part of the
    /// session, so no page sees it.
    pub claim: Option<Claim>,
}

/// Why the app is not opened.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The context is not one of Zoom's for this app and time.
    #[error("the app context is refused")]
    Context(#[from] ContextError),
    /// A guest, where guests are not let in.
    #[error("guests are not let in")]
    Guest,
    /// The context carries more than a cookie holds. Browsers drop longer ones without a word.
    #[error("the session is too large for a cookie")]
    TooLarge,
}

impl Launch {
    /// Builds the flow. Contexts open with `secret`, or with one of `previous` while a secret is being changed.
    pub fn new(
        client_id: ClientId,
        (secret, previous): (&ClientSecret, &[ClientSecret]),
        guests: Guests,
        clock: Arc<dyn Clock>,
        sessions: Sessions,
    ) -> Self {
        let keys = std::iter::once(secret).chain(previous).map(ContextKey::new).collect();
        Self { keys, client_id, guests, clock, sessions }
    }

    /// Opens and checks a context, and begins a session; `current` is the session that the request already had.
    pub fn open(&self, context: &str, surface: Surface, current: Option<&Session>) -> Result<Launched, LaunchError> {
        let context = open_and_verify(&self.keys, context, &self.client_id, self.clock.now())?;
        if context.user.is_none() && self.guests == Guests::Deny {
            return Err(LaunchError::Guest);
        }
        let mut session = self.sessions.begin(context, surface, current);
        let claim = session.action.as_deref().and_then(Claim::parse);
        session.action = session.action.filter(|_| claim.is_none());
        let cookie = self.sessions.seal(&session);
        if cookie.expose().len() > MAX_COOKIE {
            return Err(LaunchError::TooLarge);
        }
        Ok(Launched { session, cookie, claim })
    }
}

impl Classified for LaunchError {
    fn fault(&self) -> Fault {
        Fault::Forbidden
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Context(error) => error.code(),
            Self::Guest => "guest_refused",
            Self::TooLarge => "session_too_large",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Context(ContextError::Expired(_)) => "This launch is too old.".into(),
            Self::Context(_) => "This launch could not be verified as coming from Zoom for this app.".into(),
            Self::Guest => "This app is for people who have added it to their Zoom account.".into(),
            Self::TooLarge => "This launch carries more than a session can hold.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Context(ContextError::Expired(_) | ContextError::Times { .. }) => {
                "Close the app in Zoom and open it again; if that does not help, the server's clock is wrong."
            }
            Self::Context(_) => {
                "Close the app in Zoom and open it again; if that does not help, the app's client id and secret do not belong to it."
            }
            Self::Guest => "Sign in to Zoom and add the app, then open it again.",
            Self::TooLarge => "Open the app without the link that led here: the link's action is too long.",
        }
    }
}
