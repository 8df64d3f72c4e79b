//! Connect: a user's account at a third-party provider, by OAuth through the external browser.
//!
//! Zoom's architecture page names thirteen steps (<https://developers.zoom.us/docs/zoom-apps/architecture/>). What makes
//! them safe is that the flow ends in the very session that began it, though most of it runs in a browser that knows
//! nothing of that session, and in which anybody may have put anything.
//!
//! ```text
//! begin     1      state → {user, session, verifier}, ten minutes        2-5: the browser goes to the provider
//! returned  6-9    the code is parked, not exchanged; a deep link carries a one-time handle and the state
//! claim     11-13  the app is launched with that action: same session, same user, once → code → tokens → stored
//! ```
//!
//! Whoever finishes a flow in somebody else's browser, or opens somebody else's deep link, fails at the claim: Zoom's
//! context names the user, the sealed cookie the session. A claim takes the attempt out of the store whatever comes of
//! it, so that it happens once. Nothing here tells a page a code, a handle or a token; a page learns the state of its own
//! connection, and no more.

use std::sync::Arc;

use stagedoor_protocol::deeplink::DeepLink;
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::oauth::{CodeChallenge, state_from, verifier_from};
use stagedoor_protocol::provider::{Ask, Callback};
use stagedoor_protocol::secret::{AuthorizationCode, Nonce, State};
use url::Url;

use crate::grant::{Driver, Refresher};
use crate::installation::Installations;
use crate::port::{Clock, Entropy, Http};
use crate::session::Session;
use crate::tokens::Tokens;
use crate::vault::{Kept, Vault};
use crate::zoom::Zoom;

mod attempt;
mod claim;
mod connection;
mod error;
mod keeping;
mod parties;
mod party;
mod provider;

pub use attempt::Ending;
pub use claim::Claim;
pub use connection::{Account, Connection};
pub use error::ConnectError;
pub use keeping::Disconnected;
pub use party::ProviderError;
pub use provider::{InvalidName, Metadata, Provider, ProviderName};

use attempt::{Attempt, Newest, Stage};
use parties::Parties;
use party::Party;

/// How long a user may take between the page's request and the launch that claims, in seconds.
pub const ATTEMPT_SECONDS: i64 = 600;

/// Connects users to third-party providers.
#[derive(Clone)]
pub struct Connect {
    vault: Vault,
    zoom: Zoom,
    installations: Installations,
    tokens: Tokens,
    entropy: Arc<dyn Entropy>,
    parties: Parties,
    refresher: Refresher<Connection>,
}

/// What the flow needs of the world.
#[derive(Clone)]
pub struct Ports {
    /// For calls to providers.
    pub http: Arc<dyn Http>,
    /// The clock of the vault.
    pub clock: Arc<dyn Clock>,
    /// For states, verifiers and handles.
    pub entropy: Arc<dyn Entropy>,
    /// Carries refreshes.
    pub driver: Arc<dyn Driver>,
}

/// How a callback ends well.
#[derive(Debug)]
pub enum Returned {
    /// The code is parked: send the browser to the link, into the client.
    Parked(DeepLink),
    /// This very callback has arrived before: the user goes back to Zoom, or begins again there.
    Again,
}

/// What a page may know of its connection.
#[derive(Debug)]
pub struct ConnectionState {
    /// The connection, if there is one.
    pub connection: Option<Connection>,
    /// What became of the newest attempt of this session, unless it ended well.
    pub attempt: Option<Progress>,
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The user is at the provider, or on the way back.
    Pending,
    /// It is over.
    Ended(Ending),
}

impl Connect {
    /// Builds the flow.
    pub fn new(
        vault: Vault,
        (zoom, installations, tokens): (Zoom, Installations, Tokens),
        ports: Ports,
        providers: Vec<Provider>,
    ) -> Self {
        let Ports { http, clock, entropy, driver } = ports;
        let party = |provider: Provider| {
            let name = provider.name.clone();
            (name, Party::new(provider, Arc::clone(&http), Arc::clone(&entropy), vault.clone()))
        };
        let parties = Parties(Arc::new(providers.into_iter().map(party).collect()));
        let issuer = Arc::new(parties.clone());
        let refresher = Refresher::new(vault.clone(), issuer, (clock, Arc::clone(&entropy)), driver);
        Self { vault, zoom, installations, tokens, entropy, parties, refresher }
    }

    /// The providers.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.parties.0.values().map(|party| &party.provider)
    }

    /// Step 1: begins an attempt and says where the external browser goes. The newest attempt of a session counts.
    ///
    /// Only a user with a usable grant of Zoom's can be sent back by a deep link.
    pub async fn begin(&self, session: &Session, provider: &str) -> Result<Url, ConnectError> {
        let party = self.party(provider)?;
        let user = self.installed(session).await?;
        let endpoints = party.endpoints().await?;
        let (state, verifier) = (state_from(self.entropy.bytes()), verifier_from(self.entropy.bytes()));
        let nonce = party.provider.client.is_openid().then(|| Nonce::new(state_from(self.entropy.bytes()).expose()));
        let ask = Ask { state: &state, challenge: &CodeChallenge::s256(&verifier), nonce: nonce.as_ref() };
        let location = party.provider.client.authorize_url(&endpoints, &ask);
        let attempt = Attempt {
            user: user.clone(),
            session: session.id.clone(),
            provider: party.provider.name.clone(),
            issuer: endpoints.issuer.clone(),
            nonce,
            verifier,
            expires: self.vault.now().plus_seconds(ATTEMPT_SECONDS),
            stage: Stage::Pending,
        };
        self.vault.insert(state.expose(), &attempt, attempt.terms()).await?;
        self.replace_newest(&attempt, state).await?;
        Ok(location)
    }

    /// Steps 6 to 9: what the provider sent the external browser back with. The code is parked, and the answer leads
    /// into Zoom's client. The browser proves nothing, and gets nothing but a link that is worth nothing to others.
    pub async fn returned(&self, provider: &str, callback: Callback) -> Result<Returned, ConnectError> {
        let party = self.party(provider)?;
        let state = callback.state.as_ref().ok_or(ConnectError::UnknownState)?;
        let kept: Kept<Attempt> = self.vault.get(state.expose()).await?.ok_or(ConnectError::UnknownState)?;
        let code = match kept.item.accept(&party.provider.name, &callback) {
            Ok(Some(code)) => code,
            Ok(None) => return Ok(Returned::Again),
            Err(error) => return self.burn(&kept.item, state, error).await,
        };
        match self.park(&kept, state, code).await {
            Ok(returned) => Ok(returned),
            Err(error) => self.burn(&kept.item, state, error).await,
        }
    }

    /// Steps 12 and 13: the app was launched with an action of ours. Whatever is wrong, the attempt is over.
    pub async fn claim(&self, session: &Session, claim: &Claim) -> Result<(), ConnectError> {
        let attempt: Attempt = self.vault.take(claim.state.expose()).await?.ok_or(ConnectError::UnknownState)?;
        match self.redeem(session, claim, &attempt).await {
            Ok(()) => {
                self.vault.remove::<Newest>(&attempt.newest_key()).await?;
                Ok(())
            }
            Err(error) => {
                self.end(&attempt, &claim.state, error.ending()).await;
                Err(error)
            }
        }
    }

    /// What the page of a session may know of its connection.
    pub async fn state(&self, session: &Session, provider: &str) -> Result<ConnectionState, ConnectError> {
        let party = self.party(provider)?;
        let Some(user) = &session.user else { return Ok(ConnectionState { connection: None, attempt: None }) };
        let name = &party.provider.name;
        let newest: Option<Kept<Newest>> = self.vault.get(&attempt::newest_key(&session.id, name)).await?;
        let attempt = newest.map(|kept| kept.item.ended.map_or(Progress::Pending, Progress::Ended));
        Ok(ConnectionState { connection: self.connection(user, name).await?, attempt })
    }

    fn party(&self, provider: &str) -> Result<&Party, ConnectError> {
        self.parties.find(provider).ok_or(ConnectError::UnknownProvider)
    }

    async fn installed<'a>(&self, session: &'a Session) -> Result<&'a ZoomUserId, ConnectError> {
        let user = session.user.as_ref().ok_or(ConnectError::InstallRequired)?;
        self.installations.usable(user).await?.ok_or(ConnectError::InstallRequired)?;
        Ok(user)
    }

    /// Parks the code first, so that of any number of callbacks one gets a link.
    async fn park(
        &self,
        kept: &Kept<Attempt>,
        state: &State,
        code: AuthorizationCode,
    ) -> Result<Returned, ConnectError> {
        let attempt = &kept.item;
        let claim = Claim::new(self.entropy.bytes(), state);
        let parked = Attempt { stage: Stage::Parked { code, handle: claim.handle.clone() }, ..attempt.clone() };
        if !self.vault.replace(kept, &parked, attempt.terms()).await? {
            return Ok(Returned::Again);
        }
        let token = self.tokens.fresh(&attempt.user).await?;
        Ok(Returned::Parked(self.zoom.deep_link(&token.access, &claim.action()).await?))
    }

    async fn redeem(&self, session: &Session, claim: &Claim, attempt: &Attempt) -> Result<(), ConnectError> {
        let code = attempt.claimed_by(session, claim).ok_or(ConnectError::NotYours)?;
        let party = self.party(attempt.provider.as_str())?;
        let (tokens, identity) = party.exchange(code, &attempt.verifier, attempt.nonce.as_ref()).await?;
        let connection = Connection::new(attempt, tokens, identity, self.vault.now());
        self.keep(&connection).await
    }

    /// Ends an attempt with an error.
    async fn burn<T>(&self, attempt: &Attempt, state: &State, error: ConnectError) -> Result<T, ConnectError> {
        self.vault.remove::<Attempt>(state.expose()).await?;
        self.end(attempt, state, error.ending()).await;
        Err(error)
    }

    /// Makes an attempt the newest of its session, and forgets the one before.
    async fn replace_newest(&self, attempt: &Attempt, state: State) -> Result<(), ConnectError> {
        let key = attempt.newest_key();
        let before: Option<Kept<Newest>> = self.vault.get(&key).await?;
        self.vault.put(&key, &Newest { state, ended: None }, attempt.terms()).await?;
        if let Some(before) = before {
            self.vault.remove::<Attempt>(before.item.state.expose()).await?;
        }
        Ok(())
    }

    /// Notes for the page how its newest attempt ended. Only the page would miss the note, so a store that fails just now
    /// fails nobody.
    async fn end(&self, attempt: &Attempt, state: &State, how: Ending) {
        let Ok(Some(kept)) = self.vault.get::<Newest>(&attempt.newest_key()).await else { return };
        if kept.item.state == *state {
            let ended = Newest { ended: Some(how), ..kept.item.clone() };
            let _ = self.vault.replace(&kept, &ended, attempt.terms()).await;
        }
    }
}
