//! Sessions: sealed cookies that hold who the user is and where the app was opened. Nothing is stored for them.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use stagedoor_protocol::context::AppContext;
use stagedoor_protocol::id::{MeetingUuid, ZoomUserId};
use stagedoor_protocol::secret;
use stagedoor_protocol::time::UnixMillis;
use zeroize::Zeroizing;

use crate::port::{Clock, Entropy};
use crate::revocation::Revocations;
use crate::seal::Sealer;

secret! {
    /// The id of a session: 256 random bits. Third-party flows are bound to it.
    pub struct SessionId;
    /// A sealed session as it travels in a cookie.
    pub struct SessionCookie;
    /// A sealed session as a page keeps it in memory, where its browser keeps no cookie for it.
    pub struct SessionBearer;
}

/// Where the app runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// The desktop or mobile client, which sends the context in a header.
    Client,
    /// The web client, where a page hands the context over.
    Pwa,
}

/// Who has the app open, and where.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The session's own id.
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    pub id: SessionId,
    /// The Zoom user; `None` for a guest.
    pub user: Option<ZoomUserId>,
    /// Where the app was opened: `panel`, `meeting`, `webinar`, `chat`, or something newer.
    pub kind: String,
    /// The meeting, while in one.
    pub meeting: Option<MeetingUuid>,
    /// The role in the meeting when the app was opened.
    pub role: Option<String>,
    /// The action of the deep link that opened the app.
    pub action: Option<String>,
    /// Where the app runs.
    pub surface: Surface,
    /// When it began, or was last renewed by a launch.
    pub issued: UnixMillis,
    /// When it ends.
    pub expires: UnixMillis,
}

/// The action may carry a one-time handle, so it is not printed.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, kind, surface, issued, expires, .. } = self;
        let mut session = f.debug_struct("Session");
        session.field("user", user).field("kind", kind).field("surface", surface);
        session.field("issued", issued).field("expires", expires).finish_non_exhaustive()
    }
}

/// How long sessions live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SessionTtl {
    /// In the desktop and mobile client.
    pub client: i64,
    /// In the web client.
    pub pwa: i64,
}

/// Begins, seals and opens sessions.
#[derive(Clone)]
pub struct Sessions {
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    revocations: Arc<Revocations>,
    ttl: SessionTtl,
}

/// Part of what a session is sealed with, so that a cookie is no bearer and a bearer no cookie.
const COOKIE: &[&[u8]] = &[b"cookie", b"session"];
const BEARER: &[&[u8]] = &[b"bearer", b"session"];

/// How long a bearer lives at most, in seconds. A script holds it, so it is worth little for long.
pub const BEARER_SECONDS: i64 = 600;

/// The longest cookie, in bytes: browsers keep 4,096 of name, value and what stands between, and drop what is longer.
pub(crate) const MAX_COOKIE: usize = 4_000;

impl Sessions {
    /// Builds the flow; `sealer` is one of [`Purpose::Session`](crate::seal::Purpose::Session).
    pub fn new(
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        revocations: Arc<Revocations>,
        ttl: SessionTtl,
    ) -> Self {
        Self { sealer: Arc::new(sealer), clock, entropy, revocations, ttl }
    }

    /// Begins the session of a launch. The same user keeps the id of a session that is still open; another user, and
    /// every guest, gets a new one.
    pub fn begin(&self, context: AppContext, surface: Surface, current: Option<&Session>) -> Session {
        let now = self.clock.now();
        let same = current.filter(|session| session.user.is_some() && session.user == context.user);
        let id = same.map_or_else(|| self.new_id(), |session| session.id.clone());
        let ttl = match surface {
            Surface::Client => self.ttl.client,
            Surface::Pwa => self.ttl.pwa,
        };
        Session {
            id,
            user: context.user,
            kind: context.kind,
            meeting: context.meeting,
            role: context.role,
            action: context.action,
            surface,
            issued: now,
            expires: now.plus_seconds(ttl),
        }
    }

    /// The session after its user has authorized the app. The same user goes on; a guest's session ends here, and the
    /// user's begins with another id.
    pub fn identify(&self, session: &Session, user: &ZoomUserId) -> Session {
        if session.user.as_ref() == Some(user) {
            return session.clone();
        }
        Session { id: self.new_id(), user: Some(user.clone()), issued: self.clock.now(), ..session.clone() }
    }

    /// Seals a session for its cookie.
    pub fn seal(&self, session: &Session) -> SessionCookie {
        SessionCookie::new(self.seal_for(COOKIE, session))
    }

    /// Opens a cookie. Anything but a live, unrevoked session of ours is no session.
    pub fn open(&self, cookie: &str) -> Option<Session> {
        self.open_from(COOKIE, cookie)
    }

    /// Cuts a session to [`BEARER_SECONDS`] and seals it for a page to keep in memory.
    pub fn lend(&self, session: Session) -> (Session, SessionBearer) {
        let soon = self.clock.now().plus_seconds(BEARER_SECONDS);
        let lent = Session { expires: session.expires.min(soon), ..session };
        let bearer = SessionBearer::new(self.seal_for(BEARER, &lent));
        (lent, bearer)
    }

    /// Opens a bearer, as [`Sessions::open`] opens a cookie.
    pub fn open_bearer(&self, bearer: &str) -> Option<Session> {
        self.open_from(BEARER, bearer)
    }

    fn seal_for(&self, place: &[&[u8]], session: &Session) -> String {
        let plaintext = Zeroizing::new(serde_json::to_vec(session).expect("a session is a plain struct"));
        URL_SAFE_NO_PAD.encode(self.sealer.seal(place, &plaintext, &*self.entropy))
    }

    fn open_from(&self, place: &[&[u8]], text: &str) -> Option<Session> {
        if text.len() > MAX_COOKIE {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plaintext = Zeroizing::new(self.sealer.open(place, &sealed).ok()?);
        let session: Session = serde_json::from_slice(&plaintext).ok()?;
        self.is_live(&session).then_some(session)
    }

    /// Whether a session that was opened before still counts.
    pub fn is_live(&self, session: &Session) -> bool {
        session.expires > self.clock.now() && !self.revocations.covers(session)
    }

    fn new_id(&self) -> SessionId {
        SessionId::new(URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>()))
    }
}
