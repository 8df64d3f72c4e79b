//! A backend as Zoom's documentation describes it, written here by hand: state, PKCE, code for tokens, who is it, deep
//! link; and a Home URL that opens the context. It shares no code with Stagedoor's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Request, StatusCode};
use stagedoor_emulator::Addresses;
use stagedoor_protocol::context::ContextKey;
use stagedoor_protocol::secret::ClientSecret;

use crate::stage::{CLIENT_ID, CLIENT_SECRET, Http, basic};

/// What the backend remembers.
pub(crate) struct Backend {
    zoom: String,
    http: Http,
    /// State to verifier.
    pending: Mutex<HashMap<String, String>>,
    /// The user of the last install.
    pub(crate) installed: Mutex<Option<String>>,
}

/// The four headers that Zoom wants.
pub(crate) const SECURE: [(&str, &str); 5] = [
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self' https://appssdk.zoom.us; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

/// An answer with the four headers.
pub(crate) fn page(html: impl Into<String>) -> Response {
    let mut response = axum::response::Html(html.into()).into_response();
    for (name, value) in SECURE {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// The backend and its routes.
pub(crate) fn backend(at: &Addresses) -> (Arc<Backend>, Router) {
    let backend = Arc::new(Backend {
        zoom: at.zoom.clone(),
        http: Http::new(),
        pending: Mutex::default(),
        installed: Mutex::default(),
    });
    let router = Router::new()
        .route("/zoom/install", get(install))
        .route("/zoom/callback", get(callback))
        .route("/", get(home))
        .with_state(Arc::clone(&backend));
    (backend, router)
}

fn random() -> String {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn install(State(backend): State<Arc<Backend>>, headers: HeaderMap) -> Redirect {
    let (state, verifier) = (random(), random());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", CLIENT_ID)
        .append_pair("redirect_uri", &callback_url(&headers))
        .append_pair("state", &state)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(digest))
        .append_pair("code_challenge_method", "S256")
        .finish();
    backend.pending.lock().unwrap().insert(state, verifier);
    Redirect::to(&format!("{}/oauth/authorize?{query}", backend.zoom))
}

fn callback_url(headers: &HeaderMap) -> String {
    format!("http://{}/zoom/callback", headers["host"].to_str().unwrap())
}

async fn callback(
    State(backend): State<Arc<Backend>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let Some(state) = query.get("state") else { return Redirect::to("/zoom/install").into_response() };
    let Some(verifier) = backend.pending.lock().unwrap().remove(state) else {
        return (StatusCode::FORBIDDEN, "unknown state").into_response();
    };
    let Some(code) = query.get("code") else { return page(format!("declined: {}", query["error"])) };
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &callback_url(&headers))
        .append_pair("code_verifier", &verifier)
        .finish();
    let request = Request::post(format!("{}/oauth/token", backend.zoom))
        .header("authorization", basic(CLIENT_ID, CLIENT_SECRET))
        .header("content-type", "application/x-www-form-urlencoded");
    let tokens = backend.http.send(request.body(Body::from(form)).unwrap()).await;
    if tokens.status != StatusCode::OK {
        return (StatusCode::BAD_GATEWAY, tokens.text()).into_response();
    }
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    let request = Request::get(format!("{}/v2/users/me", backend.zoom)).header("authorization", &bearer);
    let me = backend.http.send(request.body(Body::empty()).unwrap()).await.json();
    *backend.installed.lock().unwrap() = me["id"].as_str().map(Into::into);
    let request = Request::post(format!("{}/v2/zoomapp/deeplink/", backend.zoom))
        .header("authorization", &bearer)
        .header("content-type", "application/json");
    let link = backend.http.send(request.body(Body::from(r#"{"action":"welcome"}"#)).unwrap()).await.json();
    Redirect::to(link["deeplink"].as_str().unwrap()).into_response()
}

/// Shows the claims of the context.
async fn home(headers: HeaderMap) -> Response {
    let key = ContextKey::new(&ClientSecret::new(CLIENT_SECRET));
    let Some(context) = headers.get("x-zoom-app-context") else {
        return (StatusCode::FORBIDDEN, page("no context")).into_response();
    };
    match key.decrypt(context.to_str().unwrap()) {
        Ok(claims) => page(format!("<pre>{}</pre>", String::from_utf8(claims).unwrap())),
        Err(error) => (StatusCode::FORBIDDEN, page(error.to_string())).into_response(),
    }
}
