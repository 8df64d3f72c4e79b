//! Zoom's REST API, as far as an installation needs it: who the user is, and a deep link into the client.
//!
//! See <https://developers.zoom.us/docs/api/users/> and <https://developers.zoom.us/docs/api/marketplace/>.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use url::{Host, Url};

use crate::deeplink::{Action, DeepLink, DeepLinkHosts};
use crate::id::ZoomUserId;
use crate::json::{self, UniqueObject};
use crate::secret::AccessToken;

/// The user of a token, from `GET /v2/users/me`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Equals `uid` of the user's app contexts.
    pub id: ZoomUserId,
    /// The name to show, where Zoom gives one. The user chose it; it holds no control characters.
    pub name: Option<String>,
}

/// Why a call of the API gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Code 124: Zoom does not accept the token (401; 400 on the deep link page).
    #[error("Zoom does not accept the access token")]
    Token,
    /// Code 4711: the token lacks a scope.
    #[error("the access token lacks a scope that this call needs")]
    Scope,
    /// 429.
    #[error("Zoom asks for fewer requests")]
    RateLimited,
    /// 5xx.
    #[error("Zoom has a problem of its own (status {0})")]
    Unavailable(u16),
    /// Any other refusal.
    #[error("Zoom refused the call (status {status}, code {code:?})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Zoom's number.
        code: Option<i64>,
    },
    /// A success that lacks what was asked for.
    #[error("Zoom's answer makes no sense")]
    Malformed,
    /// A deep link that leads somewhere else than Zoom.
    #[error("Zoom's answer holds a deep link that does not lead to Zoom")]
    ForeignLink,
}

/// What a refusal of the API means to whoever holds the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The token does not count any more.
    Token,
    /// The token lacks scopes: these, where Zoom names them.
    Scope(Vec<String>),
    /// Something else, with Zoom's number.
    Other(Option<i64>),
}

impl Refusal {
    /// Reads an answer with a 4xx status. Zoom's body is `{"code","message"}`
    /// (<https://developers.zoom.us/docs/api/errors/>); a 401 without one counts for the token.
    pub fn read(status: StatusCode, body: &[u8]) -> Self {
        let problem = serde_json::from_slice(body).ok().map(|UniqueObject(problem)| problem);
        let code = problem.as_ref().and_then(|problem| problem["code"].as_i64());
        match (status, code) {
            (StatusCode::TOO_MANY_REQUESTS, code) => Self::Other(code),
            // The deep link's page documents 400, all others 401.
            (_, Some(124)) | (StatusCode::UNAUTHORIZED, None) => Self::Token,
            (_, Some(4711)) => {
                Self::Scope(problem.and_then(|problem| problem["message"].as_str().map(scopes_in)).unwrap_or_default())
            }
            (_, code) => Self::Other(code),
        }
    }
}

/// The API as seen with one user's token.
#[derive(Clone, Debug)]
pub struct Api {
    /// The origin of the API, normally `https://api.zoom.us`.
    pub origin: Url,
    /// Where deep links may lead.
    pub hosts: DeepLinkHosts,
}

impl Api {
    /// The request that asks who the user is.
    pub fn me_request(&self, token: &AccessToken) -> Request<Bytes> {
        self.request(Method::GET, "v2/users/me", token, Bytes::new())
    }

    /// Reads the answer to [`Api::me_request`].
    pub fn read_me(answer: &Response<Bytes>) -> Result<Profile, ApiError> {
        #[derive(Deserialize)]
        struct Me {
            id: String,
            display_name: Option<String>,
            first_name: Option<String>,
            last_name: Option<String>,
        }
        if answer.status() != StatusCode::OK {
            return Err(read_error(answer));
        }
        let me: Me = json::read(answer.body()).map_err(|_| ApiError::Malformed)?;
        let id = ZoomUserId::parse(me.id).map_err(|_| ApiError::Malformed)?;
        let full = [me.first_name, me.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = me.display_name.into_iter().chain([full]).map(|name| shown(&name)).find(|name| !name.is_empty());
        Ok(Profile { id, name })
    }

    /// The request for a deep link that opens the app with `action`.
    pub fn deep_link_request(&self, token: &AccessToken, action: &Action) -> Request<Bytes> {
        let body = serde_json::json!({ "action": action.as_str() }).to_string();
        self.request(Method::POST, "v2/zoomapp/deeplink", token, Bytes::from(body))
    }

    /// Reads the answer to [`Api::deep_link_request`]. Zoom documents 200 and, on a sister page, 201.
    pub fn read_deep_link(&self, answer: &Response<Bytes>) -> Result<DeepLink, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            deeplink: String,
        }
        if !matches!(answer.status(), StatusCode::OK | StatusCode::CREATED) {
            return Err(read_error(answer));
        }
        let answer: Answer = json::read(answer.body()).map_err(|_| ApiError::Malformed)?;
        self.hosts.accept(&answer.deeplink).ok_or(ApiError::ForeignLink)
    }

    /// The token goes into the header: Zoom has refused tokens in the query since 2023.
    fn request(&self, method: Method, path: &str, token: &AccessToken, body: Bytes) -> Request<Bytes> {
        let url = self.origin.join(path).expect("a fixed relative path joins any http URL");
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .expect("tokens are checked to be visible ASCII");
        bearer.set_sensitive(true);
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(body).expect("a URL and fixed headers make a request")
    }
}

/// Reads the `api_url` of a token answer: an origin of Zoom's, over https and on the usual port. A bearer token is sent
/// nowhere else.
pub(crate) fn api_origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let at_zoom = ["zoom.us", "zoomgov.com"]
        .into_iter()
        .any(|zoom| host.strip_suffix(zoom).is_some_and(|below| below.is_empty() || below.ends_with('.')));
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    (url.scheme() == "https" && at_zoom && plain && bare).then_some(url)
}

/// A name ends up in pages, logs and terminals, so nothing in it moves a cursor or begins a line.
fn shown(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).collect::<String>().trim().to_owned()
}

fn read_error(answer: &Response<Bytes>) -> ApiError {
    match (answer.status(), Refusal::read(answer.status(), answer.body())) {
        (StatusCode::TOO_MANY_REQUESTS, _) => ApiError::RateLimited,
        (status, _) if status.is_server_error() => ApiError::Unavailable(status.as_u16()),
        (StatusCode::UNAUTHORIZED, _) | (_, Refusal::Token) => ApiError::Token,
        (_, Refusal::Scope(_)) => ApiError::Scope,
        (status, Refusal::Other(code)) => ApiError::Refused { status: status.as_u16(), code },
    }
}

/// The scopes in a message such as `Invalid access token, does not contain scopes:[user:read:user, user:read].`: what
/// looks like a scope, and a few of them, because they end up in front of people.
fn scopes_in(message: &str) -> Vec<String> {
    let listed = message.split_once("scopes:[").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    let is_scope = |word: &&str| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b':' | b'_');
        (1..=64).contains(&word.len()) && word.bytes().all(is_part)
    };
    listed.split([',', ' ']).filter(is_scope).take(8).map(str::to_owned).collect()
}
