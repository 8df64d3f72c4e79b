//! In-client OAuth: a user authorizes the app without leaving it.
//!
//! The page asks for a challenge, Zoom's client asks the user, and an event brings the page a code
//! (<https://developers.zoom.us/docs/zoom-apps/authentication/>). The challenge is plain, because Zoom compares nothing
//! else here. Everything that the page says is attacker-supplied: the SDK checks no sender. What protects the user is
//! the verifier, which lies under the session, works once, and is the newest of its session.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::oauth::{CodeChallenge, state_from, verifier_from};
use stagedoor_protocol::secret::{AuthorizationCode, CodeVerifier, State};
use url::Url;

use crate::installation::{GrantError, Installations};
use crate::port::{Entropy, Shelf};
use crate::session::{Session, Sessions};
use crate::vault::{Item, Terms, Vault, VaultError};
use crate::zoom::{Zoom, ZoomError};

mod error;

pub use error::AuthorizeError;

/// How long a user may take between the challenge and the code, in seconds.
pub const ATTEMPT_SECONDS: i64 = 600;

/// Authorizes the app inside Zoom's client.
#[derive(Clone)]
pub struct Authorize {
    vault: Vault,
    zoom: Zoom,
    installations: Installations,
    sessions: Sessions,
    entropy: Arc<dyn Entropy>,
    home_url: Url,
}

/// An attempt has begun: what `zoomSdk.authorize` takes.
pub struct Begun {
    /// The plain challenge, which is the verifier.
    pub challenge: CodeChallenge,
    /// Comes back with the code, or does not: Zoom's event may lack it.
    pub state: State,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun(…)")
    }
}

/// What the page says that Zoom's `onAuthorized` brought.
#[derive(Debug)]
pub struct Authorized {
    /// The authorization code.
    pub code: AuthorizationCode,
    /// The state that the attempt began with.
    pub state: Option<State>,
    /// What Zoom took for the redirect URI.
    pub redirect_uri: Option<String>,
}

/// One attempt, under the id of its session.
#[derive(Serialize, Deserialize)]
struct Attempt {
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    verifier: CodeVerifier,
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    state: State,
}

impl Item for Attempt {
    const SHELF: Shelf = Shelf("authorize");
}

impl Authorize {
    /// Builds the flow; `home_url` is the page that asks, which Zoom may name as the redirect URI.
    pub fn new(
        vault: Vault,
        (zoom, installations): (Zoom, Installations),
        sessions: Sessions,
        entropy: Arc<dyn Entropy>,
        home_url: Url,
    ) -> Self {
        Self { vault, zoom, installations, sessions, entropy, home_url }
    }

    /// Begins an attempt. The newest of a session counts.
    pub async fn begin(&self, session: &Session) -> Result<Begun, AuthorizeError> {
        let verifier = verifier_from(self.entropy.bytes());
        let state = state_from(self.entropy.bytes());
        let challenge = CodeChallenge::plain(&verifier);
        let expires = self.vault.now().plus_seconds(ATTEMPT_SECONDS);
        let terms = Terms { owner: session.user.as_ref(), expires: Some(expires) };
        let attempt = Attempt { verifier, state: state.clone() };
        self.vault.put(session.id.expose(), &attempt, terms).await?;
        Ok(Begun { challenge, state })
    }

    /// Ends an attempt with what the page brings: the installation is stored, and the session knows its user. Whatever
    /// goes wrong, the attempt is over.
    pub async fn finish(&self, session: &Session, authorized: Authorized) -> Result<Session, AuthorizeError> {
        let Authorized { code, state, redirect_uri } = authorized;
        let attempt: Attempt = self.vault.take(session.id.expose()).await?.ok_or(AuthorizeError::NothingBegun)?;
        if state.is_some_and(|state| state != attempt.state) {
            return Err(AuthorizeError::WrongState);
        }
        let redirect_uri = redirect_uri.and_then(|uri| self.own(&uri));
        let tokens = self.zoom.exchange(&code, &attempt.verifier, redirect_uri).await?;
        let installation = self.installations.examine(tokens).await?;
        if session.user.as_ref().is_some_and(|user| *user != installation.user) {
            return Err(AuthorizeError::OtherUser);
        }
        self.installations.keep(&installation).await?;
        Ok(self.sessions.identify(session, &installation.user))
    }

    /// The redirect URI or Home URL of ours that a text means.
    fn own(&self, uri: &str) -> Option<&Url> {
        let uri = Url::parse(uri).ok()?;
        [&self.zoom.client.redirect_uri, &self.home_url].into_iter().find(|own| **own == uri)
    }
}

impl From<ZoomError> for AuthorizeError {
    fn from(error: ZoomError) -> Self {
        Self::Grant(GrantError::from(error))
    }
}

impl From<VaultError> for AuthorizeError {
    fn from(error: VaultError) -> Self {
        Self::Grant(GrantError::from(error))
    }
}
