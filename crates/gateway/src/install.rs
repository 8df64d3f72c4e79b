//! `/install` and `/callback`: the install flow over HTTP.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use stagedoor_flows::fault::{Classified, Fault};
use stagedoor_flows::install::{Callback, Finished, Install, InstallError, ReturnPath};
use stagedoor_protocol::secret::{AuthorizationCode, State as OauthState};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::cookie::{self, Cookies};
use crate::notice::Notice;

/// The install flow, and what its answers need.
#[derive(Clone)]
pub(crate) struct Installing {
    pub(crate) install: Install,
    /// Where an install begins.
    pub(crate) begin_url: HeaderValue,
    /// Exchanges that must end even if their browser has gone away.
    pub(crate) exchanges: TaskTracker,
}

/// Begins an install: to Zoom's consent page. The query may say where in the app the user wants to be afterwards.
pub(crate) async fn begin(
    State(this): State<Arc<Installing>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Notice> {
    let return_to = return_path(uri.query().unwrap_or_default())?;
    let begun = this.install.begin(Cookies::read(&headers).install, return_to).await;
    let begun = begun.map_err(|error| refusal(&error))?;
    Ok(redirect(location(&begun.location), [cookie::install(&begun.binding)]))
}

/// Ends an install: back into Zoom's client.
pub(crate) async fn finish(
    State(this): State<Arc<Installing>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Notice> {
    let callback = read(uri.query().unwrap_or_default()).ok_or_else(malformed)?;
    let cookies = Cookies::read(&headers);
    let (again, binding) = (cookies.again, cookies.install.map(str::to_owned));
    let install = this.install.clone();
    // A code works once: an exchange that has begun must be stored, whether or not the browser waits for it.
    let exchange = this.exchanges.spawn(async move { install.finish(callback, binding.as_deref()).await });
    let finished = exchange.await.map_err(|error| Notice::died(&error))?.map_err(|error| refusal(&error))?;
    let forget = again.then(|| cookie::again(false));
    Ok(match finished {
        Finished::Installed(link) => redirect(location(link.as_url()), forget),
        Finished::InstalledWithoutLink(error) => {
            let advice = "Open Zoom, go to Apps, and choose the app there.";
            let notice = Notice::page("installed", "The app has been added to Zoom.", advice).because(&error);
            with_cookies(notice.into_response(), forget)
        }
        Finished::BeginAgain if again => with_cookies(lost_state().into_response(), forget),
        Finished::BeginAgain => redirect(this.begin_url.clone(), [cookie::again(true)]),
        Finished::InProgress => {
            let notice = Notice::page("in_progress", "The app is being added …", "This takes a moment.");
            ([(header::REFRESH, "1")], notice).into_response()
        }
    })
}

/// Reads `return` of a query: at most once, and a path of the app and nothing else.
fn return_path(query: &str) -> Result<Option<ReturnPath>, Notice> {
    let mut named = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "return");
    let (first, second) = (named.next(), named.next());
    match (first, second) {
        (None, _) => Ok(None),
        (Some((_, path)), None) => ReturnPath::parse(path).map(Some).map_err(|_| not_a_path()),
        (Some(_), Some(_)) => Err(not_a_path()),
    }
}

/// Reads the query of a callback. A parameter that comes twice, is empty, or holds what Zoom would not send, spoils it.
fn read(query: &str) -> Option<Callback> {
    let mut callback = Callback::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let is_new = match &*name {
            "code" => callback.code.replace(AuthorizationCode::new(word(value)?)).is_none(),
            "state" => callback.state.replace(OauthState::new(word(value)?)).is_none(),
            "error" => callback.error.replace(value.into_owned()).is_none(),
            _ => true,
        };
        if !is_new {
            return None;
        }
    }
    Some(callback)
}

/// A code or a state, which are visible ASCII.
pub(crate) fn word<'a>(value: impl Into<Cow<'a, str>>) -> Option<String> {
    let value = value.into();
    let is_word = (1..=2048).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    is_word.then(|| value.into_owned())
}

fn redirect(location: HeaderValue, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    with_cookies((StatusCode::FOUND, headers).into_response(), cookies)
}

fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn location(url: &Url) -> HeaderValue {
    let mut location = HeaderValue::from_str(url.as_str()).expect("a URL is visible ASCII");
    location.set_sensitive(true);
    location
}

fn refusal(error: &InstallError) -> Notice {
    let notice = Notice::of(error);
    match error.fault() {
        Fault::Store | Fault::Operator | Fault::ZoomBusy | Fault::ZoomSlow => notice,
        _ => notice.offering_install(),
    }
}

fn not_a_path() -> Notice {
    let sentence = "This address says to return to something that is not a page of this app.";
    Notice::problem(StatusCode::BAD_REQUEST, "return_refused", sentence, "Add the app with the button below.")
        .offering_install()
}

fn malformed() -> Notice {
    let sentence = "This address does not hold what Zoom sends people back with.";
    Notice::problem(StatusCode::BAD_REQUEST, "callback_malformed", sentence, "Add the app again.").offering_install()
}

fn lost_state() -> Notice {
    let sentence = "Zoom sent you back without what this app had given along, twice.";
    let advice = "Add the app with the button below; if that leads here again, tell the people who run this app.";
    Notice::problem(StatusCode::BAD_REQUEST, "callback_without_state", sentence, advice).offering_install()
}
