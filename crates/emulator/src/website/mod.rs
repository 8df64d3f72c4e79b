//! A business's website, on an origin of its own: visitors who sign in or do not, the chat widget, and the two pages of a
//! Cobrowse session. What Zoom does for these pages in the browser lies under `/~zoom/`.

mod chat;
mod cobrowse;
mod desk;
mod forgery;
mod visitor;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stagedoor_protocol::jwt::Es256Key;
use url::Url;

pub(crate) use self::forgery::Forgery;
use crate::entropy;
use crate::guard::{Names, only_ours};
use crate::platform::Platform;
use crate::world::website::CONSUMERS;
use crate::zoom::site::find;

/// The website, its key for session tokens, and its server's way to the backend.
pub(crate) struct Site {
    platform: Arc<Platform>,
    names: Names,
    key: Es256Key,
    client: Client<HttpConnector, Body>,
}

impl Site {
    /// The website's origin.
    fn origin(&self) -> &str {
        self.names.origin()
    }
}

/// The fifth listener.
pub(crate) fn router(platform: &Arc<Platform>) -> Router {
    let names = Names::of(&platform.addresses.website);
    let site = Arc::new(Site {
        platform: Arc::clone(platform),
        names: names.clone(),
        key: entropy::es256_key(),
        client: Client::builder(TokioExecutor::new()).build_http(),
    });
    Router::new()
        .route("/sign-in", post(visitor::sign_in))
        .route("/sign-out", post(visitor::sign_out))
        .route("/whoami", get(visitor::whoami))
        .route("/jwks.json", get(visitor::jwks))
        .route("/site.json", get(settings))
        .route("/desk/token", post(desk::token))
        .route("/~zoom/chat", post(chat::report))
        .route("/~zoom/cobrowse/start", post(cobrowse::start))
        .route("/~zoom/cobrowse/join", post(cobrowse::join))
        .route("/~zoom/cobrowse/leave", post(cobrowse::leave))
        .route("/~zoom/cobrowse/look", post(cobrowse::look))
        .fallback(file)
        .layer(from_fn_with_state(Arc::clone(&site), guard))
        .with_state(site)
        .layer(from_fn_with_state(names, only_ours))
}

/// Only the website's own pages change anything, and what they may load is said on every answer.
async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !site.names.not_from_elsewhere(request.headers()) {
        return (StatusCode::FORBIDDEN, format!("Only pages of {} may do this.", site.origin())).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy(&site.platform));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Pages ask their own server and the two endpoints of the backend; the emulator's page shows them.
fn policy(platform: &Platform) -> HeaderValue {
    let auth = platform.world().website.auth_endpoint.origin().ascii_serialization();
    let token = platform.config.website.token_endpoint.origin().ascii_serialization();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {auth} {token}; \
         base-uri 'none'; form-action 'none'; frame-ancestors {}",
        platform.addresses.zoom
    );
    HeaderValue::try_from(policy).expect("origins are visible ASCII")
}

/// What the website's pages have to know. The faults of `/whoami` are for backends: the page itself stays whole.
async fn settings(State(site): State<Arc<Site>>, headers: HeaderMap) -> Json<Value> {
    let website = &site.platform.config.website;
    let visitor = visitor::who(&site, &headers);
    let world = site.platform.world();
    Json(json!({
        "authEndpoint": world.website.auth_endpoint.as_str(),
        "tokenEndpoint": website.token_endpoint.as_str(),
        "way": world.website.way,
        "visitor": visitor,
        "consumers": CONSUMERS,
        "agents": world.people.all().iter().map(|person| json!({"id": person.id, "name": person.name})).collect::<Vec<_>>(),
    }))
}

/// A page or a file of the website.
async fn file(uri: Uri) -> Response {
    let name = match uri.path() {
        "/" => "website/index.html",
        "/customer" => "website/customer.html",
        "/agent" => "website/agent.html",
        path => path.strip_prefix("/assets/").unwrap_or_default(),
    };
    find(name).unwrap_or_else(|| (StatusCode::NOT_FOUND, "The website has no such page.").into_response())
}

/// How a request that a page sent to the backend came out, as the page tells it. None: the browser does not tell the page.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    http: Option<u16>,
    took_ms: i64,
}

/// The path of an endpoint, for the diagram.
fn arrow(method: &Method, url: &Url) -> String {
    format!("{method} {}", url.path())
}
