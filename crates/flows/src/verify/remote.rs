//! Keys at an address of their issuer (a JWK Set, RFC 7517): fetched when they are needed, and seldom.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use http::{Request, StatusCode, header};
use stagedoor_protocol::jwt::{SignedJwt, UnusableKey, VerifyingKeys};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use crate::port::{Clock, Http, HttpError};

/// After this time the keys are fetched again before they are used, in milliseconds.
const FRESH_MS: u64 = 10 * 60 * 1000;

/// For this time they are used while they cannot be fetched, in milliseconds.
const USABLE_MS: u64 = 24 * 60 * 60 * 1000;

/// The least time between two fetches, in milliseconds, whatever tokens say. Anybody can make such tokens up.
const FLOOR_MS: u64 = 10 * 1000;

/// The keys of an issuer.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Inner>);

struct Inner {
    http: Arc<dyn Http>,
    url: Url,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Arc<VerifyingKeys>,
    fetched: Option<UnixMillis>,
    tried: Option<UnixMillis>,
    trouble: Option<Arc<KeysError>>,
    under_way: Option<WeakShared<BoxFuture<'static, ()>>>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No complete answer.
    #[error("they cannot be fetched")]
    Http(#[from] HttpError),
    /// An answer that is none.
    #[error("the answer has status {0}")]
    Status(StatusCode),
    /// Not a set of keys.
    #[error("the answer holds no usable keys")]
    Content(#[source] UnusableKey),
}

impl RemoteKeys {
    /// Keys at `url`. Nothing is fetched yet.
    pub fn new(http: Arc<dyn Http>, url: Url, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { http, url, clock, state: Mutex::default() }))
    }

    /// Where they are.
    pub(crate) fn url(&self) -> &Url {
        &self.0.url
    }

    /// The keys, of which one fits the token where there is one. They are fetched again for a token that none fits, but not
    /// more often than every ten seconds.
    pub(crate) async fn fitting(&self, token: &SignedJwt<'_>) -> Result<Arc<VerifyingKeys>, Arc<KeysError>> {
        let inner = &self.0;
        let fetch = {
            let mut state = inner.lock();
            if inner.is_within(state.fetched, FRESH_MS) && state.keys.fit(token) {
                return Ok(Arc::clone(&state.keys));
            }
            Inner::fetch(inner, &mut state)
        };
        if let Some(fetch) = fetch {
            fetch.await;
        }
        let state = inner.lock();
        let keys = if inner.is_within(state.fetched, USABLE_MS) { Arc::clone(&state.keys) } else { Arc::default() };
        match &state.trouble {
            Some(trouble) if !keys.fit(token) => Err(Arc::clone(trouble)),
            _ => Ok(keys),
        }
    }
}

impl Inner {
    /// The fetch that is under way, or a new one where it is time for one.
    fn fetch(this: &Arc<Self>, state: &mut State) -> Option<Shared<BoxFuture<'static, ()>>> {
        if let Some(fetch) = state.under_way.as_ref().and_then(WeakShared::upgrade) {
            return Some(fetch);
        }
        if this.is_within(state.tried, FLOOR_MS) {
            return None;
        }
        state.tried = Some(this.clock.now());
        let inner = Arc::clone(this);
        let fetch = async move {
            let answer = inner.call().await;
            let mut state = inner.lock();
            state.under_way = None;
            match answer {
                Ok(keys) => {
                    (state.keys, state.fetched, state.trouble) = (Arc::new(keys), Some(inner.clock.now()), None);
                }
                Err(error) => state.trouble = Some(Arc::new(error)),
            }
        };
        let fetch = fetch.boxed().shared();
        state.under_way = fetch.downgrade();
        Some(fetch)
    }

    async fn call(&self) -> Result<VerifyingKeys, KeysError> {
        let request = Request::get(self.url.as_str()).header(header::ACCEPT, "application/json");
        let request = request.body(Bytes::new()).expect("a URL is a target, and the field is fixed");
        let answer = self.http.send(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(KeysError::Status(answer.status()));
        }
        let keys = VerifyingKeys::read_set(answer.body()).map_err(KeysError::Content)?;
        if keys.is_empty() { Err(KeysError::Content(UnusableKey::Unsupported)) } else { Ok(keys) }
    }

    /// Counted in both directions, because the clock may have been set back meanwhile.
    fn is_within(&self, since: Option<UnixMillis>, millis: u64) -> bool {
        since.is_some_and(|since| self.clock.now().since(since).unsigned_abs() < millis)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
