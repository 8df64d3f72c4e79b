//! The one connection that everybody shares, made again when it is lost.
//!
//! Not the connection manager of the `redis` crate: after every loss it must be asked anew whether the server may be
//! written to, since another one may have taken its place, and a server that hangs must be left.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, RedisResult, ServerErrorKind};
use tokio::time::{Instant, timeout, timeout_at};

use super::session::{Call, Server, Session};
use super::trouble::{ConnectError, Trouble};
use super::url::RedisUrl;

/// How long a verb waits for its answer, a new connection included.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a new connection may take until it can be used.
pub(super) const CONNECTING: Duration = Duration::from_secs(2);

/// After how long a connection is left if a caller gives up on an answer.
const SLOW: Duration = Duration::from_secs(1);

/// How long a failed attempt to connect stands for those that come after it.
const PAUSE: Duration = Duration::from_millis(100);

/// The number of the layout that `verbs.lua` describes.
const SCHEMA: &str = "1";

pub(super) struct Link {
    server: Server,
    session: Mutex<Option<Arc<Session>>>,
    /// Held by the one who connects; the others wait for what comes of it.
    last_failure: tokio::sync::Mutex<Option<(Instant, Arc<ConnectError>)>>,
    /// What tells the data from any other, since the first connection.
    identity: OnceLock<String>,
}

impl Link {
    /// Connects for the first time. Where there is no data yet, it begins if `begin` says so.
    pub(super) async fn connect(url: RedisUrl, begin: bool) -> Result<Self, ConnectError> {
        let link = Self {
            server: Server::new(url)?,
            session: Mutex::default(),
            last_failure: tokio::sync::Mutex::default(),
            identity: OnceLock::new(),
        };
        let identify = if begin { Call::new("begin").with(SCHEMA) } else { Call::new("identify") };
        link.open(identify).await?;
        Ok(link)
    }

    /// The host and the port.
    pub(super) fn address(&self) -> String {
        self.server.url.address()
    }

    /// Has a verb done.
    pub(super) async fn run<T: FromRedisValue>(&self, call: Call) -> Result<T, Trouble> {
        self.ask(async |session| Ok(session.run(&call).await?)).await
    }

    /// Reads what lies under a key of Redis'.
    pub(super) async fn get(&self, key: Vec<u8>) -> Result<Option<Vec<u8>>, Trouble> {
        self.ask(async |session| Ok(session.get(&key).await?)).await
    }

    /// Writes something, and makes sure that the server is as safe as it was.
    pub(super) async fn ready(&self) -> Result<(), Trouble> {
        self.ask(async |session| {
            session.examine(&self.server).await?;
            let identity: String = session.run(&Call::new("ready")).await?;
            Ok(self.recognise(&identity)?)
        })
        .await
    }

    /// Asks once: whether a question whose answer was lost has had an effect, nobody knows.
    async fn ask<T>(&self, question: impl AsyncFnOnce(Arc<Session>) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let deadline = Instant::now() + PATIENCE;
        let session = timeout_at(deadline, self.session()).await.map_err(|_| Trouble::Timeout)??;
        let mut open = OpenQuestion { link: self, session: &session, since: Instant::now(), is_answered: false };
        let answer = timeout_at(deadline, question(Arc::clone(&session))).await;
        let answer = answer.unwrap_or(Err(Trouble::Timeout));
        open.is_answered = true;
        if answer.as_ref().is_err_and(is_fatal) {
            self.leave(&session);
        }
        answer
    }

    /// The connection, a new one if there is none.
    async fn session(&self) -> Result<Arc<Session>, Arc<ConnectError>> {
        if let Some(session) = self.current() {
            return Ok(session);
        }
        let mut last_failure = self.last_failure.lock().await;
        if let Some(session) = self.current() {
            return Ok(session);
        }
        if let Some((at, error)) = &*last_failure
            && at.elapsed() < PAUSE
        {
            return Err(Arc::clone(error));
        }
        self.open(Call::new("identify")).await.map_err(|error| {
            let error = Arc::new(error);
            *last_failure = Some((Instant::now(), Arc::clone(&error)));
            error
        })
    }

    /// Makes a new connection for everybody.
    async fn open(&self, ask_who: Call) -> Result<Arc<Session>, ConnectError> {
        let opened = timeout(CONNECTING, async {
            let session = Session::open(&self.server).await?;
            let identity: RedisResult<String> = session.run(&ask_who).await;
            self.recognise(&identity.map_err(|error| self.server.refusal(error))?)?;
            Ok(Arc::new(session))
        });
        let session = opened.await.map_err(|_| ConnectError::Timeout { address: self.address() })??;
        *self.slot() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Makes sure that the data is of our schema and what it was at the first connection.
    fn recognise(&self, identity: &str) -> Result<(), ConnectError> {
        let address = self.address();
        let known = self.identity.get();
        if identity.is_empty() && known.is_none() {
            return Err(ConnectError::Empty { address });
        }
        if known.is_some_and(|known| known != identity) {
            return Err(ConnectError::Replaced { address });
        }
        if identity.split(':').next() != Some(SCHEMA) {
            return Err(ConnectError::Newer { address });
        }
        self.identity.get_or_init(|| identity.to_owned());
        Ok(())
    }

    fn current(&self) -> Option<Arc<Session>> {
        self.slot().clone().filter(|session| session.is_open())
    }

    /// Has the next caller connect, unless somebody has already.
    fn leave(&self, session: &Arc<Session>) {
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            *slot = None;
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        // Nothing can panic while it is held.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that nobody has answered yet.
///
/// Many callers have less patience than the link and just drop what they wait for. Where the connection leads nowhere
/// (a firewall has forgotten it), nobody might ever wait long enough to find out.
struct OpenQuestion<'a> {
    link: &'a Link,
    session: &'a Arc<Session>,
    since: Instant,
    is_answered: bool,
}

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.since.elapsed() >= SLOW {
            self.link.leave(self.session);
        }
    }
}

/// Whether a new connection is needed after this.
fn is_fatal(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Timeout | Trouble::Connect(_) => true,
        // What was the primary may have become a replica, and its name may lead to another server now.
        Trouble::Redis(error) => error.is_unrecoverable_error() || error.kind() == ServerErrorKind::ReadOnly.into(),
        Trouble::Foreign => false,
    }
}
