//! The refresh half of the token endpoint: every refresh token works once, the old ones are dead at once.
//!
//! It keeps watch over what may never happen: one token in two requests at a time, or again after its answer arrived.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use stagedoor_flows::port::{Deadline, HttpError};
use tokio::time::Instant;

use super::{Answer, Endpoint, FakeZoom, form, later, reply};

/// How long a client waits for an answer by itself.
const USUAL: Duration = Duration::from_secs(8);

pub(super) struct Refreshes {
    /// User → what is good.
    live: HashMap<String, Live>,
    /// Refresh token → user, also of tokens that are dead.
    owners: HashMap<String, String>,
    pub(super) scope: &'static str,
    latency: Duration,
    /// Refresh tokens in requests that have no answer yet.
    under_way: HashSet<String>,
    /// Refresh tokens whose answer has arrived.
    answered: HashSet<String>,
    sent: Vec<(String, Instant)>,
    /// Users whose tokens were replaced by an answer that never arrived.
    lost: HashSet<String>,
    broken_rules: Vec<String>,
}

struct Live {
    access: String,
    refresh: String,
}

impl Refreshes {
    /// New tokens for a user; whatever the user had before is dead.
    pub(super) fn give(&mut self, user: &str, access: String, refresh: String) {
        self.owners.insert(refresh.clone(), user.to_owned());
        self.live.insert(user.to_owned(), Live { access, refresh });
    }

    fn owner(&self, token: &str) -> Option<String> {
        let user = self.owners.get(token)?;
        self.live.get(user).is_some_and(|live| live.refresh == token).then(|| user.clone())
    }
}

impl Default for Refreshes {
    fn default() -> Self {
        Self {
            live: HashMap::new(),
            owners: HashMap::new(),
            scope: "user:read:user zoomapp:inmeeting",
            latency: Duration::ZERO,
            under_way: HashSet::new(),
            answered: HashSet::new(),
            sent: Vec::new(),
            lost: HashSet::new(),
            broken_rules: Vec::new(),
        }
    }
}

/// A refresh token is under way until its answer has arrived, or nobody waits for it any more.
struct UnderWay<'a> {
    zoom: &'a FakeZoom,
    token: String,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.zoom.state.lock().unwrap().refreshes.under_way.remove(&self.token);
    }
}

impl FakeZoom {
    /// How long Zoom thinks about a refresh, and again how long the answer travels.
    pub(crate) fn dawdle(&self, latency: Duration) {
        self.state.lock().unwrap().refreshes.latency = latency;
    }

    /// The scopes that tokens have from now on.
    pub(crate) fn grant_scope(&self, scope: &'static str) {
        self.state.lock().unwrap().refreshes.scope = scope;
    }

    /// The user has removed the app.
    pub(crate) fn removed(&self, user: &str) {
        self.state.lock().unwrap().refreshes.live.remove(user);
    }

    /// The access token that is good for a user.
    pub(crate) fn good_access(&self, user: &str) -> Option<String> {
        self.state.lock().unwrap().refreshes.live.get(user).map(|live| live.access.clone())
    }

    /// Whether the user's tokens went away with an answer that never arrived.
    pub(crate) fn has_lost(&self, user: &str) -> bool {
        self.state.lock().unwrap().refreshes.lost.contains(user)
    }

    /// Every refresh token that was sent, and when.
    pub(crate) fn sent(&self) -> Vec<(String, Instant)> {
        self.state.lock().unwrap().refreshes.sent.clone()
    }

    /// A process has died, and what had arrived there is nobody's any more: its token may be tried once more.
    pub(crate) fn process_died(&self) {
        self.state.lock().unwrap().refreshes.answered.clear();
    }

    /// Fails where a rule of refreshing was ever broken.
    pub(crate) fn assert_rules_kept(&self) {
        assert_eq!(self.state.lock().unwrap().refreshes.broken_rules, [""; 0]);
    }

    pub(super) async fn refresh(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let deadline = request.extensions().get().map_or(USUAL, |Deadline(deadline)| *deadline);
        let timeout = || HttpError::Timeout { host: "zoom.us".to_owned() };
        tokio::time::timeout(deadline, self.rotate_in_time(request)).await.unwrap_or_else(|_| Err(timeout()))
    }

    async fn rotate_in_time(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let token = form(&request)["refresh_token"].clone();
        let (scripted, latency) = self.arrive(request, &token);
        let under_way = UnderWay { zoom: self, token };
        let token = &under_way.token;
        pass(latency).await;
        let host = || "zoom.us".to_owned();
        let answer = match scripted {
            Some(Answer::Status(status, body)) => return Ok(reply(status, body)),
            Some(Answer::Later(seconds)) => return Ok(later(seconds)),
            Some(Answer::Connect) => return Err(HttpError::Connect { host: host(), source: "refused".into() }),
            Some(Answer::Unheard) => return Err(HttpError::Timeout { host: host() }),
            other => {
                let answer = self.rotate(token);
                match other {
                    None => answer,
                    Some(Answer::Timeout) => return Err(HttpError::Timeout { host: host() }),
                    Some(Answer::Broken) => return Err(HttpError::Broken { host: host(), source: "reset".into() }),
                    Some(Answer::TooLarge) => return Err(HttpError::TooLarge { host: host() }),
                    Some(_) => std::future::pending().await,
                }
            }
        };
        pass(latency).await;
        self.delivered(token, &answer);
        Ok(answer)
    }

    fn arrive(&self, request: Request<Bytes>, token: &str) -> (Option<Answer>, Duration) {
        let mut state = self.state.lock().unwrap();
        state.requests.push((Endpoint::Refresh, request));
        let scripted = state.scripted.get_mut(&Endpoint::Refresh).and_then(std::collections::VecDeque::pop_front);
        let refreshes = &mut state.refreshes;
        refreshes.sent.push((token.to_owned(), Instant::now()));
        if !refreshes.under_way.insert(token.to_owned()) {
            refreshes.broken_rules.push(format!("{token} is in two requests at a time"));
        }
        if refreshes.answered.contains(token) {
            refreshes.broken_rules.push(format!("{token} was sent again after its answer had arrived"));
        }
        (scripted, refreshes.latency)
    }

    fn rotate(&self, token: &str) -> Response<Bytes> {
        let mut state = self.state.lock().unwrap();
        let Some(user) = state.refreshes.owner(token) else { return invalid_grant() };
        state.refreshes.lost.insert(user.clone());
        state.give_tokens(&user)
    }

    fn delivered(&self, token: &str, answer: &Response<Bytes>) {
        let mut state = self.state.lock().unwrap();
        state.refreshes.answered.insert(token.to_owned());
        if answer.status().is_success() {
            let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            let user = body["access_token"].as_str().unwrap().rsplit('.').next().unwrap();
            state.refreshes.lost.remove(user);
        }
    }
}

async fn pass(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

pub(crate) fn invalid_grant() -> Response<Bytes> {
    reply(400, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#)
}
