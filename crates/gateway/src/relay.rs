//! Calls of an API on behalf of a user: a request goes out with the user's token, the answer comes back, both as
//! streams. Which API it is, who the user is and where tokens come from is the business of an [`Api`].
//!
//! The token goes to the API and to nobody else: it is put in here, and an answer that holds it is cut off. A redirect
//! is not followed.

use std::error::Error as _;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stagedoor_flows::port::{BoxError, Clock, HttpError};
use stagedoor_protocol::secret;
use tokio::time::Instant;
use url::Url;

use crate::client::{Connector, Spoken};
use crate::notice::Notice;
use crate::progress::Progress;
use crate::routes::refused_method;
use crate::system::SystemClock;

mod answer;
mod fields;
mod gate;
mod guard;
mod head;
mod limits;
#[cfg(test)]
mod tests;

use answer::Answer;
use gate::Gate;
use head::Head;
pub use limits::RelayLimits;

secret! {
    /// What goes into `Authorization: Bearer`.
    pub(crate) struct Bearer;
}

/// An API, as one user may call it.
pub(crate) trait Api: Sync {
    /// A token, with whatever its lender needs to know of it.
    type Token: Send + Sync;

    /// The user, or whoever else calls are counted for.
    fn user(&self) -> &str;

    /// Where the API lies here: `/zoom/api`.
    fn place(&self) -> &str;

    /// Further request headers that the API takes, in lower case.
    fn headers(&self) -> &[HeaderName] {
        &[]
    }

    /// A token that is good now.
    fn token(&self) -> impl Future<Output = Result<Self::Token, Notice>> + Send;

    /// A token that is newer than one that the API has refused.
    fn newer(&self, refused: &Self::Token) -> impl Future<Output = Result<Self::Token, Notice>> + Send;

    /// The secret of a token.
    fn bearer(&self, token: &Self::Token) -> Bearer;

    /// Where calls with a token go: an origin, perhaps with a path. What is called lies below it.
    fn base(&self, token: &Self::Token) -> Url;

    /// What a refusal (a 4xx status) means.
    fn judge(&self, status: StatusCode, body: &[u8]) -> Verdict;

    /// What is said where even a newer token is refused.
    fn refused(&self) -> Notice;

    /// What is said where the API has a problem of its own (a 5xx status).
    fn unavailable(&self, status: StatusCode) -> Notice;

    /// What is said where no whole answer came.
    fn failed(&self, error: HttpError) -> Notice;
}

/// What a refusal of an API means.
pub(crate) enum Verdict {
    /// It is the answer.
    Answer,
    /// The token does not count any more; another one might.
    TokenRefused,
    /// This is to be said instead.
    Say(Notice),
}

/// The way to APIs.
pub(crate) struct Relay {
    client: Client<Connector, Body>,
    gate: Gate,
    limits: RelayLimits,
}

/// A request body.
enum Payload {
    Kept(Bytes),
    Streamed(Body),
}

/// What came of one try.
enum Tried {
    Answered(Response),
    TokenRefused,
}

/// The longest refusal that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

impl Relay {
    /// Prepares the way.
    pub(crate) fn new(limits: RelayLimits) -> Result<Self, rustls::Error> {
        // HTTP/1.1 only: calls that share an HTTP/2 connection share its window too, and one that nobody reads on would
        // stop the others.
        let connector = Connector::new(limits.connect, Spoken::Http1)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(64)
            .http1_max_buf_size(64 * 1024)
            .build(connector);
        Ok(Self { client, gate: Gate::new(limits.at_once, limits.share), limits })
    }

    /// Makes a call. `target` is the path and query below the base of the API: the very bytes that were decided on.
    pub(crate) async fn call(&self, api: &impl Api, target: &str, request: Request) -> Result<Response, Notice> {
        let ends = Instant::now() + self.limits.total;
        let (parts, body) = request.into_parts();
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(refused_method("Use another method."));
        }
        let head = Head {
            method: parts.method,
            target: target.to_owned(),
            headers: fields::inward(&parts.headers, api.headers()),
        };
        let pass = self.gate.enter(api.user(), self.limits.answer).await?;
        let (payload, progress) = self.payload(&parts.headers, body).await?;
        let exchange = self.exchange(api, &head, payload);
        let (bearer, answer) = self
            .await_head(exchange, progress, ends)
            .await
            .unwrap_or_else(|| Err(api.failed(HttpError::Timeout { host: String::from("the API") })))?;
        if answer.body().size_hint().exact().is_some_and(|size| size > self.limits.response) {
            return Err(api.failed(HttpError::TooLarge { host: String::from("the API") }));
        }
        let (mut parts, body) = answer.into_parts();
        fields::keep_away(&mut parts.headers, bearer.expose());
        let body = Answer::new(body, bearer, self.limits.response, ends, pass);
        Ok(Response::from_parts(parts, Body::new(body)))
    }

    /// Waits for an exchange: for as long as the upload moves, and then a while; never longer than until `ends`.
    async fn await_head<T>(
        &self,
        exchange: impl Future<Output = T>,
        progress: Option<Progress>,
        ends: Instant,
    ) -> Option<T> {
        let mut exchange = std::pin::pin!(exchange);
        let mut moved = 0;
        loop {
            let until = ends.min(Instant::now() + self.limits.answer);
            match tokio::time::timeout_at(until, exchange.as_mut()).await {
                Ok(answer) => return Some(answer),
                Err(_) => match progress.as_ref().map(Progress::bytes) {
                    Some(bytes) if bytes > moved && until < ends => moved = bytes,
                    _ => return None,
                },
            }
        }
    }

    /// Reads a small body, so that it can be sent twice; watches a large one.
    async fn payload(&self, headers: &HeaderMap, body: Body) -> Result<(Payload, Option<Progress>), Notice> {
        if body.is_end_stream() {
            return Ok((Payload::Kept(Bytes::new()), None));
        }
        let size = headers.get(header::CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
        if size.is_some_and(|size| size > self.limits.request) {
            return Err(body_too_large());
        }
        let limit = usize::try_from(self.limits.request).unwrap_or(usize::MAX);
        let body = Limited::new(body, limit);
        if size.is_none_or(|size| size > self.limits.kept) {
            let (body, progress) = Progress::watch(Body::new(body));
            return Ok((Payload::Streamed(Body::new(body)), Some(progress)));
        }
        let read = tokio::time::timeout(self.limits.answer, body.collect()).await.map_err(|_| body_broken())?;
        let read = read.map_err(|error| body_broken().because(&*error))?;
        Ok((Payload::Kept(read.to_bytes()), None))
    }

    /// One try, and another one with a newer token where the API refuses the first.
    async fn exchange<A: Api>(&self, api: &A, head: &Head, payload: Payload) -> Result<(Bearer, Response), Notice> {
        let token = api.token().await?;
        let (body, again) = match payload {
            Payload::Kept(bytes) => (Body::from(bytes.clone()), Some(bytes)),
            Payload::Streamed(body) => (body, None),
        };
        if let Tried::Answered(answer) = self.attempt(api, &token, head, body).await? {
            return Ok((api.bearer(&token), answer));
        }
        // Also where this call cannot be repeated: the next one finds a token that counts.
        let token = api.newer(&token).await?;
        let Some(bytes) = again else { return Err(api.refused()) };
        match self.attempt(api, &token, head, Body::from(bytes)).await? {
            Tried::Answered(answer) => Ok((api.bearer(&token), answer)),
            Tried::TokenRefused => Err(api.refused()),
        }
    }

    async fn attempt<A: Api>(&self, api: &A, token: &A::Token, head: &Head, body: Body) -> Result<Tried, Notice> {
        let base = api.base(token);
        let host = || base.host_str().unwrap_or_default().to_owned();
        let broken = |source: BoxError| api.failed(HttpError::Broken { host: host(), source });
        let request = head.request(&base, &api.bearer(token), body).map_err(broken)?;
        let answer = self.client.request(request).await.map_err(|error| unsent(api, error, host()))?;
        let (mut parts, body) = answer.into_parts();
        let status = parts.status;
        if status.is_server_error() {
            return Err(api.unavailable(status));
        }
        if status.is_informational() {
            return Err(broken("it speaks another protocol".into()));
        }
        let location = parts.headers.get(header::LOCATION).cloned();
        fields::outward(status, &mut parts.headers, SystemClock.now());
        if let Some(location) = location {
            match head.place_of(&location, &base, api.place()) {
                Some(location) => {
                    parts.headers.insert(header::LOCATION, location);
                }
                // It may hold what stands for the token: nothing of it is shown.
                None if status.is_redirection() => return Err(broken("it redirects away from itself".into())),
                None => {}
            }
        }
        if !status.is_client_error() {
            return Ok(Tried::Answered(Response::from_parts(parts, Body::new(body))));
        }
        if fields::is_html(&parts.headers) {
            return Err(broken("it refuses with a page".into()));
        }
        let refusal = read_refusal(body).await.map_err(broken)?;
        match api.judge(status, &refusal) {
            Verdict::Answer => Ok(Tried::Answered(Response::from_parts(parts, Body::from(refusal)))),
            Verdict::TokenRefused => Ok(Tried::TokenRefused),
            Verdict::Say(notice) => Err(notice),
        }
    }
}

async fn read_refusal(body: Incoming) -> Result<Bytes, BoxError> {
    Ok(Limited::new(body, MAX_REFUSAL).collect().await?.to_bytes())
}

/// Says why a request brought no answer: the API's fault, or that of whoever sent the body.
fn unsent(api: &impl Api, error: Error, host: String) -> Notice {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<LengthLimitError>() {
            return body_too_large();
        }
        cause = inner.source();
    }
    let is_ours = |error: &hyper::Error| error.is_user();
    if error.is_connect() {
        api.failed(HttpError::Connect { host, source: Box::new(error) })
    } else if error.source().and_then(|source| source.downcast_ref()).is_some_and(is_ours) {
        body_broken().because(&error)
    } else {
        api.failed(HttpError::Broken { host, source: Box::new(error) })
    }
}

fn body_too_large() -> Notice {
    let sentence = "The content of this request is too large.";
    Notice::problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", sentence, "Send less.")
}

fn body_broken() -> Notice {
    let sentence = "The content of this request broke off or did not come in time.";
    Notice::problem(StatusCode::BAD_REQUEST, "body_broken", sentence, "Send it again.")
}
