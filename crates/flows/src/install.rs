//! Install: from the direct landing URL over Zoom's consent to the deep link back into the client.
//!
//! An attempt is a record under its `state`. It is bound to one browser by a cookie and moves forward only:
//! pending, exchanging, done. The step to `exchanging` is a compare-and-set, so of any number of callbacks with one
//! state exactly one exchanges its code; a reloaded callback finds the attempt done and gets the deep link again.
//!
//! ```text
//! begin   ──▶ pending ──▶ exchanging ──▶ done      a reload gets the link again
//!                ▲            │  └─────▶ spent     the code is used, then Zoom or the store failed: begin again
//!                └────────────┘                    Zoom was busy or unreachable: a reload tries the code again
//! ```
//!
//! The handlers of a gateway do no more than this:
//!
//! ```no_run
//! # use stagedoor_flows::install::{Callback, Finished, Install, InstallError};
//! # async fn handlers(install: Install, cookie: Option<&str>, callback: Callback) -> Result<(), InstallError> {
//! // GET /install: redirect to `location`, set `binding` as a cookie.
//! let begun = install.begin(cookie, None).await?;
//!
//! // GET /callback
//! match install.finish(callback, cookie).await? {
//!     Finished::Installed(link) => { /* redirect to `link`, into the client */ }
//!     Finished::InstalledWithoutLink(why) => { /* say where to find the app; log why */ }
//!     Finished::BeginAgain => { /* redirect to /install */ }
//!     Finished::InProgress => { /* a page that looks again in a second */ }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A refusal, a denial and the end of its time remove the attempt. What its process left in `exchanging` when it died
//! counts as spent after a while: nobody knows what became of the code.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use stagedoor_protocol::deeplink::{Action, DeepLink};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::oauth::{CodeChallenge, TokenSet, state_from, verifier_from};
use stagedoor_protocol::secret;
use stagedoor_protocol::secret::{AuthorizationCode, CodeVerifier, State};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use crate::installation::{Installation, Installations};
use crate::port::{Entropy, Shelf};
use crate::seal::Sealer;
use crate::vault::{Item, Kept, Terms, Vault};
use crate::zoom::{Zoom, ZoomError};

mod error;
mod return_path;

pub use error::InstallError;
pub use return_path::{InvalidPath, ReturnPath};

secret! {
    /// What binds install attempts to one browser, sealed, as it travels in the install cookie.
    pub struct BindingCookie;
    struct Binding;
}

/// How long a user may take between the landing URL and the callback, in seconds.
pub const ATTEMPT_SECONDS: i64 = 600;

/// How long a finished attempt is remembered for reloads, in seconds. The install cookie lives as long.
pub const REMEMBER_SECONDS: i64 = 86_400;

/// After this time an exchange that has not ended is taken for dead with its process, in milliseconds.
const EXCHANGE_MS: u64 = 30_000;

/// How long a deep link is given out again on a reload, in milliseconds. Its action lives five minutes.
const LINK_MS: i64 = 240_000;

/// The action of the deep link that opens the app after an install.
const INSTALLED: &str = "installed";

const PLACE: &[&[u8]] = &[b"cookie", b"install"];

/// Adds the app for a user.
#[derive(Clone)]
pub struct Install {
    vault: Vault,
    zoom: Zoom,
    installations: Installations,
    entropy: Arc<dyn Entropy>,
    sealer: Arc<Sealer>,
}

/// An attempt has begun: send the browser to `location`, with the cookie.
pub struct Begun {
    /// Zoom's authorize page. It carries the state.
    pub location: Url,
    /// The install cookie.
    pub binding: BindingCookie,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun(…)")
    }
}

/// What Zoom sent the browser back with.
#[derive(Debug, Default)]
pub struct Callback {
    /// The authorization code.
    pub code: Option<AuthorizationCode>,
    /// The state that the attempt began with.
    pub state: Option<State>,
    /// The OAuth error, in Zoom's words. Never shown to anybody.
    pub error: Option<String>,
}

/// How a callback ends well.
#[derive(Debug)]
pub enum Finished {
    /// The app is added: send the browser to the link.
    Installed(DeepLink),
    /// The app is added, but Zoom gave no link: say where to find the app.
    InstalledWithoutLink(ZoomError),
    /// There was no state, so the code was thrown away (somebody else could have sent it): begin a proper install.
    /// This is how an install from the Marketplace page arrives.
    BeginAgain,
    /// Another request of the same browser is exchanging the code at this moment: look again in a second.
    InProgress,
}

#[derive(Clone, Serialize, Deserialize)]
struct Attempt {
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    binding: Binding,
    #[serde(default)]
    return_to: Option<ReturnPath>,
    progress: Progress,
}

#[derive(Clone, Serialize, Deserialize)]
enum Progress {
    Pending {
        #[serde(with = "stagedoor_protocol::secret::exposed")]
        verifier: CodeVerifier,
    },
    Exchanging {
        since: UnixMillis,
    },
    Spent,
    Done {
        user: ZoomUserId,
        link: Option<(UnixMillis, String)>,
    },
}

impl Attempt {
    /// The same attempt, one step further.
    fn at(&self, progress: Progress) -> Self {
        Self { progress, ..self.clone() }
    }
}

impl Item for Attempt {
    const SHELF: Shelf = Shelf("install");
}

impl Install {
    /// Builds the flow; `sealer` is one of [`Purpose::Install`](crate::seal::Purpose::Install).
    pub fn new(
        vault: Vault,
        (zoom, installations): (Zoom, Installations),
        entropy: Arc<dyn Entropy>,
        sealer: Sealer,
    ) -> Self {
        Self { vault, zoom, installations, entropy, sealer: Arc::new(sealer) }
    }

    /// Begins an attempt. A browser that has an install cookie keeps it, so that two tabs do not disturb each other.
    ///
    /// `return_to` comes back as the action of the deep link at the end, so that the app can show the same screen; else
    /// the action is `installed`.
    pub async fn begin(&self, cookie: Option<&str>, return_to: Option<ReturnPath>) -> Result<Begun, InstallError> {
        let binding =
            cookie.and_then(|cookie| self.open_binding(cookie)).unwrap_or_else(|| Binding::new(self.random()));
        let state = state_from(self.entropy.bytes());
        let verifier = verifier_from(self.entropy.bytes());
        let location = self.zoom.client.authorize_url(&state, &CodeChallenge::s256(&verifier));
        let cookie = self.seal_binding(&binding);
        let attempt = Attempt { binding, return_to, progress: Progress::Pending { verifier } };
        // Were 256 random bits ever not new, the attempt that lies there stays, and refuses this browser's callback.
        self.vault.insert(state.expose(), &attempt, self.until(ATTEMPT_SECONDS, None)).await?;
        Ok(Begun { location, binding: cookie })
    }

    /// Ends an attempt with what Zoom sent.
    pub async fn finish(&self, callback: Callback, cookie: Option<&str>) -> Result<Finished, InstallError> {
        let Callback { code, state, error } = callback;
        let Some(state) = state else {
            return match (code, error) {
                (Some(_), _) => Ok(Finished::BeginAgain),
                (None, Some(error)) => Err(InstallError::from_zoom(&error)),
                (None, None) => Err(InstallError::NothingToFinish),
            };
        };
        let kept: Kept<Attempt> = self.vault.get(state.expose()).await?.ok_or(InstallError::UnknownState)?;
        let binding = cookie.and_then(|cookie| self.open_binding(cookie));
        if binding.as_ref() != Some(&kept.item.binding) {
            return Err(InstallError::WrongBrowser);
        }
        match (kept.item.progress.clone(), code, error) {
            (Progress::Done { user, link }, _, _) => self.again(&state, &kept, user, link).await,
            (Progress::Exchanging { since }, _, _) if self.is_recent(since) => Ok(Finished::InProgress),
            (Progress::Exchanging { .. } | Progress::Spent, _, _) => Ok(Finished::BeginAgain),
            (Progress::Pending { .. }, _, Some(error)) => {
                self.vault.remove::<Attempt>(state.expose()).await?;
                Err(InstallError::from_zoom(&error))
            }
            (Progress::Pending { .. }, None, None) => Err(InstallError::NothingToFinish),
            (Progress::Pending { verifier }, Some(code), None) => self.exchange(&state, kept, &code, &verifier).await,
        }
    }

    async fn exchange(
        &self,
        state: &State,
        kept: Kept<Attempt>,
        code: &AuthorizationCode,
        verifier: &CodeVerifier,
    ) -> Result<Finished, InstallError> {
        let exchanging = kept.item.at(Progress::Exchanging { since: self.vault.now() });
        if !self.vault.replace(&kept, &exchanging, self.until(ATTEMPT_SECONDS, None)).await? {
            return Ok(Finished::InProgress);
        }
        let tokens = match self.zoom.exchange(code, verifier, Some(&self.zoom.client.redirect_uri)).await {
            Ok(tokens) => tokens,
            Err(error) => return self.give_up(state, kept.item, error.into()).await,
        };
        match self.install(tokens).await {
            Ok(installation) => Ok(self.link(state, &exchanging, &installation).await),
            Err(error) => self.give_up(state, exchanging.at(Progress::Spent), error).await,
        }
    }

    async fn install(&self, tokens: TokenSet) -> Result<Installation, InstallError> {
        let installation = self.installations.examine(tokens).await?;
        self.installations.keep(&installation).await?;
        Ok(installation)
    }

    /// After a passing trouble the attempt stays, as `left`, so that a reload finds its way; else it is over.
    async fn give_up(&self, state: &State, left: Attempt, error: InstallError) -> Result<Finished, InstallError> {
        if error.is_transient() {
            self.vault.put(state.expose(), &left, self.until(ATTEMPT_SECONDS, None)).await?;
        } else {
            self.vault.remove::<Attempt>(state.expose()).await?;
        }
        Err(error)
    }

    /// The installation is stored: whatever happens from here, the user is installed.
    async fn link(&self, state: &State, attempt: &Attempt, installed: &Installation) -> Finished {
        let link = self.deep_link(attempt, installed).await;
        let now = self.vault.now();
        let progress = Progress::Done {
            user: installed.user.clone(),
            link: link.as_ref().ok().map(|link| (now, link.as_url().to_string())),
        };
        let attempt = attempt.at(progress);
        // Only a reload would miss this record, so a store that fails just now does not fail the user.
        let _ = self.vault.put(state.expose(), &attempt, self.until(REMEMBER_SECONDS, Some(&installed.user))).await;
        link.map_or_else(Finished::InstalledWithoutLink, Finished::Installed)
    }

    /// A reloaded callback: the same link while it is fresh, else a new one.
    async fn again(
        &self,
        state: &State,
        kept: &Kept<Attempt>,
        user: ZoomUserId,
        link: Option<(UnixMillis, String)>,
    ) -> Result<Finished, InstallError> {
        let Some(installed) = self.installations.usable(&user).await? else { return Ok(Finished::BeginAgain) };
        let fresh = link.filter(|(since, _)| self.vault.now().since(*since) < LINK_MS);
        match fresh.and_then(|(_, link)| self.zoom.accept_link(&link)) {
            Some(link) => Ok(Finished::Installed(link)),
            None => Ok(self.link(state, &kept.item, &installed).await),
        }
    }

    async fn deep_link(&self, attempt: &Attempt, installed: &Installation) -> Result<DeepLink, ZoomError> {
        let installed_now = || Action::parse(INSTALLED).expect("a fixed short word is an action");
        let action = attempt.return_to.as_ref().map_or_else(installed_now, ReturnPath::action);
        self.zoom.deep_link(&installed.grant.access, &action).await
    }

    /// Counted in both directions, because the clock may have been set back meanwhile.
    fn is_recent(&self, since: UnixMillis) -> bool {
        self.vault.now().since(since).unsigned_abs() < EXCHANGE_MS
    }

    fn until<'a>(&self, seconds: i64, owner: Option<&'a ZoomUserId>) -> Terms<'a> {
        Terms { owner, expires: Some(self.vault.now().plus_seconds(seconds)) }
    }

    fn seal_binding(&self, binding: &Binding) -> BindingCookie {
        let sealed = self.sealer.seal(PLACE, binding.expose().as_bytes(), &*self.entropy);
        BindingCookie::new(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open_binding(&self, cookie: &str) -> Option<Binding> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let binding = self.sealer.open(PLACE, &sealed).ok()?;
        String::from_utf8(binding).ok().map(Binding::new)
    }

    fn random(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>())
    }
}
