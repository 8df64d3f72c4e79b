//! The emulator's page: files that are embedded in the binary.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::pages::{Notice, render};
use crate::platform::Platform;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}

/// The stand-in for `https://appssdk.zoom.us/sdk.js`.
pub(crate) const SDK: &str = "appssdk/sdk.js";

/// Answers whatever is not an endpoint: a file of the page, or a page that says that there is none.
pub(super) async fn file(
    State(platform): State<Arc<Platform>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::NOT_FOUND, "Zoom's side has no such endpoint.").into_response();
    }
    // The two pages are on different sites: the desktop client's frames the web view, whose cookie belongs to the site
    // `localhost`; the web client's frames the app from elsewhere.
    let name = match (uri.path().trim_start_matches('/'), host(&headers, &uri)) {
        ("", "localhost") | (WEB_CLIENT, "127.0.0.1") => "index.html",
        ("", _) => return go(&platform.addresses.zoom, "/", &uri),
        (WEB_CLIENT, _) => return go(&platform.addresses.web_client(), "/web", &uri),
        (path, _) => name(path),
    };
    let mut response = find(name).unwrap_or_else(|| {
        let page = Notice::new("Nothing is here", "The emulator has no such page.", "Open its first page.", "404");
        (StatusCode::NOT_FOUND, Html(render(&page))).into_response()
    });
    platform.page_policy.apply(response.headers_mut());
    // The web client is isolated as Zoom's is; what it and the notices in its frame load has to say that it may be.
    let (name, value) = match uri.path().trim_start_matches('/') {
        WEB_CLIENT => ("cross-origin-embedder-policy", "require-corp"),
        _ => ("cross-origin-resource-policy", "cross-origin"),
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// Where the page of the web client is.
const WEB_CLIENT: &str = "web";

/// The same page under the name that it needs.
fn go(origin: &str, path: &str, uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::temporary(&format!("{origin}{path}{query}")).into_response()
}

/// The file that a path means: the stand-in where Zoom has the SDK, the rest under `/assets/`.
fn name(path: &str) -> &str {
    match path {
        SDK => SDK,
        path => path.strip_prefix("assets/").unwrap_or_default(),
    }
}

/// An embedded file.
pub(crate) fn find(name: &str) -> Option<Response> {
    let (_, bytes) = embedded::FILES.iter().find(|(known, _)| *known == name)?;
    let content_type = HeaderValue::from_static(content_type(name));
    Some(([(CONTENT_TYPE, content_type)], *bytes).into_response())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The name by which the emulator was called, without the port.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> &'a str {
    let named = uri.authority().map(Authority::as_str).or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    named.rsplit_once(':').map_or(named, |(name, _)| name)
}
