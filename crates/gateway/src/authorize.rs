//! `/authorize` and `/authorized`: in-client OAuth over HTTP, for a page with a session.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stagedoor_flows::authorize::{Authorize, Authorized};
use stagedoor_protocol::json;
use stagedoor_protocol::secret::{AuthorizationCode, State as OauthState};
use tokio_util::task::TaskTracker;

use crate::body;
use crate::caller::Caller;
use crate::headers::NO_STORE;
use crate::install::word;
use crate::notice::Notice;
use crate::origin::Origin;
use crate::session::SessionPage;

/// The longest body, in bytes. A code has less than a hundred.
const MAX_BODY: usize = 16 * 1024;

/// The flow, and what its answers need.
pub(crate) struct Authorizing {
    pub(crate) authorize: Authorize,
    pub(crate) page: Arc<SessionPage>,
    pub(crate) origin: Origin,
    /// Exchanges that must end even if their page has gone away.
    pub(crate) exchanges: TaskTracker,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What of Zoom's `onAuthorized` counts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Event {
    code: String,
    state: Option<String>,
    redirect_uri: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BegunJson<'a> {
    code_challenge: &'a str,
    state: &'a str,
}

/// Begins an attempt: what the page passes to `zoomSdk.authorize`.
pub(crate) async fn begin(
    State(this): State<Arc<Authorizing>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Notice> {
    let caller = Caller::ours(&this.page.sessions, &this.origin, &headers)?;
    nothing(&headers, body).await?;
    let begun = this.authorize.begin(&caller.session).await.map_err(|error| Notice::of(&error))?;
    let json = BegunJson { code_challenge: begun.challenge.as_str(), state: begun.state.expose() };
    Ok((NO_STORE, Json(json)).into_response())
}

/// Ends an attempt: the grant is stored, and the page gets the session as it is now.
pub(crate) async fn finish(
    State(this): State<Arc<Authorizing>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Notice> {
    let Caller { session, carrier } = Caller::ours(&this.page.sessions, &this.origin, &headers)?;
    let event: Event = read(&headers, body).await?;
    let authorized = Authorized {
        code: AuthorizationCode::new(word(event.code).ok_or_else(malformed)?),
        state: event.state.map(|state| word(state).ok_or_else(malformed)).transpose()?.map(OauthState::new),
        redirect_uri: event.redirect_uri,
    };
    let authorize = this.authorize.clone();
    // A code works once: an exchange that has begun must be stored, whether or not the page waits for it.
    let exchange = this.exchanges.spawn(async move { authorize.finish(&session, authorized).await });
    let session = exchange.await.map_err(|error| Notice::died(&error))?.map_err(|error| Notice::of(&error))?;
    Ok(this.page.give(session, carrier).await)
}

/// Reads `{}`, which a page may leave out. That it is the page's is known by then, from where the request comes.
async fn nothing(headers: &HeaderMap, body: Body) -> Result<(), Notice> {
    if body.is_end_stream() && !headers.contains_key(header::CONTENT_TYPE) {
        return Ok(());
    }
    let Nothing {} = read(headers, body).await?;
    Ok(())
}

/// Reads a body with the members that there are, each once.
async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Notice> {
    json::read(&body::json(headers, body, MAX_BODY).await?).map_err(|_| malformed())
}

fn malformed() -> Notice {
    let sentence = "The content of this request is not what this address takes.";
    Notice::problem(StatusCode::BAD_REQUEST, "body_malformed", sentence, "Send what onAuthorized brought.")
}
