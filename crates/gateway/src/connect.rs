//! `/connect/{provider}…`: third-party OAuth over HTTP. The page of a session begins and looks; the external browser,
//! which proves nothing, only brings a code; the launch that follows claims it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Serialize;
use stagedoor_flows::connect::{
    Account, Connect, ConnectError, Connection, ConnectionState, Disconnected, Ending, Progress, Returned,
};
use stagedoor_flows::launch::Launched;
use stagedoor_protocol::deeplink::DeepLink;
use stagedoor_protocol::provider::Callback;
use tokio_util::task::TaskTracker;

use crate::body;
use crate::caller::Caller;
use crate::headers::NO_STORE;
use crate::notice::Notice;
use crate::origin::Origin;
use crate::session::{SessionPage, iso_8601, required};

mod api;

pub(crate) use api::{ProviderApis, call};

/// How long a launch waits for a provider, so that its page finds the connection. The exchange goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest body of a request that needs none, in bytes.
const MAX_BODY: usize = 1024;

/// The flow, and what its answers need.
pub(crate) struct Connecting {
    pub(crate) connect: Connect,
    pub(crate) page: Arc<SessionPage>,
    pub(crate) origin: Origin,
    /// What must end even if nobody waits for it.
    pub(crate) exchanges: TaskTracker,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BegunJson<'a> {
    authorize_url: &'a str,
}

/// What a page may know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateJson<'a> {
    provider: &'a str,
    /// Whether calls can be made.
    connected: bool,
    /// Whether the provider has ended the grant, so that the user has to connect again.
    reauthorize: bool,
    account: Option<&'a str>,
    scopes: &'a [String],
    connected_at: Option<String>,
    /// What became of the newest attempt, unless it ended well.
    attempt: Option<&'static str>,
}

#[derive(Serialize)]
struct DisconnectedJson<'a> {
    provider: &'a str,
    connected: bool,
    /// Whether the provider took the tokens back.
    revoked: bool,
}

/// Begins a sign-in: the address for `zoomSdk.openUrl`.
pub(crate) async fn begin(
    State(this): State<Arc<Connecting>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Notice> {
    let caller = Caller::ours(&this.page.sessions, &this.origin, &headers)?;
    // Nothing is read of it, but a connection with an unread body could not be used again.
    body::read(body, MAX_BODY).await?;
    let location = this.connect.begin(&caller.session, &provider).await.map_err(|error| refusal(&error))?;
    Ok((NO_STORE, Json(BegunJson { authorize_url: location.as_str() })).into_response())
}

/// Takes what the provider sent the external browser back with, and leads it into Zoom's client.
pub(crate) async fn returned(
    State(this): State<Arc<Connecting>>,
    Path(provider): Path<String>,
    uri: Uri,
) -> Result<Response, Notice> {
    let callback = Callback::read(uri.query().unwrap_or_default()).ok_or_else(malformed)?;
    let connect = this.connect.clone();
    let parking = this.exchanges.spawn(async move { connect.returned(&provider, callback).await });
    match parking.await.map_err(|error| Notice::died(&error))?.map_err(|error| refusal(&error))? {
        Returned::Parked(link) => Ok(into_zoom(&link)),
        Returned::Again => {
            let advice = "Go back to Zoom, where the app goes on. If it does not, begin again there.";
            Ok(Notice::page("signed_in_before", "This sign-in has arrived already", advice).into_response())
        }
    }
}

/// Tells how the connection of the caller stands.
pub(crate) async fn show(
    State(this): State<Arc<Connecting>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Notice> {
    let caller = Caller::of(&this.page.sessions, &headers).ok_or_else(required)?;
    let state = this.connect.state(&caller.session, &provider).await.map_err(|error| refusal(&error))?;
    Ok((NO_STORE, Json(tell(&provider, &state))).into_response())
}

/// Ends the connection of the caller.
pub(crate) async fn disconnect(
    State(this): State<Arc<Connecting>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Notice> {
    let caller = Caller::ours(&this.page.sessions, &this.origin, &headers)?;
    let (connect, name) = (this.connect.clone(), provider.clone());
    let ending = this.exchanges.spawn(async move { connect.disconnect(&caller.session, &name).await });
    let ended = ending.await.map_err(|error| Notice::died(&error))?.map_err(|error| refusal(&error))?;
    if let Disconnected::NotRevoked(error) = &ended {
        tracing::warn!(provider, error = error as &dyn std::error::Error, "the provider did not take a token back");
    }
    let json =
        DisconnectedJson { provider: &provider, connected: false, revoked: matches!(ended, Disconnected::Revoked) };
    Ok((NO_STORE, Json(json)).into_response())
}

/// Sign-ins that come back with a launch.
#[derive(Clone)]
pub(crate) struct Claims {
    pub(crate) connect: Connect,
    pub(crate) exchanges: TaskTracker,
}

impl Claims {
    /// Claims what a launch brought. The app is opened whatever comes of it; its page asks how the connection stands.
    pub(crate) async fn settle(&self, launched: &Launched) {
        let Some(claim) = launched.claim.clone() else { return };
        let (connect, session) = (self.connect.clone(), launched.session.clone());
        let exchange = self.exchanges.spawn(async move {
            match connect.claim(&session, &claim).await {
                Ok(()) => tracing::info!("a third-party sign-in was claimed"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a third-party sign-in was not claimed");
                }
            }
        });
        let _ = tokio::time::timeout(PATIENCE, exchange).await;
    }
}

fn tell<'a>(provider: &'a str, state: &'a ConnectionState) -> StateJson<'a> {
    let connection = state.connection.as_ref();
    StateJson {
        provider,
        connected: connection.is_some_and(is_usable),
        reauthorize: connection.is_some_and(|connection| !is_usable(connection)),
        account: connection.and_then(label),
        scopes: connection.map_or(&[], |connection| &connection.grant.scopes),
        connected_at: connection.map(|connection| iso_8601(connection.connected)),
        attempt: state.attempt.map(|progress| match progress {
            Progress::Pending => "pending",
            Progress::Ended(Ending::Declined) => "declined",
            Progress::Ended(Ending::Failed) => "failed",
        }),
    }
}

/// Whether a connection can still give tokens.
pub(crate) fn is_usable(connection: &Connection) -> bool {
    connection.grant.ended().is_none()
}

/// What to show for the account of a connection.
pub(crate) fn label(connection: &Connection) -> Option<&str> {
    connection.account.as_ref().map(|Account { label, .. }| label.as_str())
}

/// A web address is a redirect. One of the client's own schemes leaves the browser where it is, so it gets a page to
/// stand on.
fn into_zoom(link: &DeepLink) -> Response {
    let url = link.as_url();
    let mut target = HeaderValue::from_str(url.as_str()).expect("a URL is visible ASCII");
    target.set_sensitive(true);
    if matches!(url.scheme(), "http" | "https") {
        let no_referrer = (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        return (StatusCode::FOUND, [(header::LOCATION, target), no_referrer], NO_STORE).into_response();
    }
    let mut refresh = HeaderValue::try_from(format!("0;url={url}")).expect("a URL is visible ASCII");
    refresh.set_sensitive(true);
    let page = Notice::page("signed_in", "You are signed in", "Zoom opens now, and the app goes on there.");
    ([(header::REFRESH, refresh)], page.leading_into_zoom(url.as_str())).into_response()
}

/// Two refusals have a status of their own; for the rest the fault decides.
fn refusal(error: &ConnectError) -> Notice {
    let notice = Notice::of(error);
    match error {
        ConnectError::UnknownProvider => notice.with_status(StatusCode::NOT_FOUND),
        ConnectError::InstallRequired => notice.with_status(StatusCode::CONFLICT).offering_install(),
        _ => notice,
    }
}

fn malformed() -> Notice {
    let sentence = "This address does not hold what a service sends people back with.";
    let advice = "Go back to Zoom and begin again in the app.";
    Notice::problem(StatusCode::BAD_REQUEST, "callback_malformed", sentence, advice)
}
