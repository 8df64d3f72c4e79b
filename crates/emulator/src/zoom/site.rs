//! The emulator's page: files that are embedded in the binary.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
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
    let name = name(uri.path());
    if name == "index.html" && !is_localhost(&headers, &uri) {
        // The page frames the web view, whose cookie belongs to the site `localhost`.
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Redirect::temporary(&format!("{}/{query}", platform.addresses.zoom)).into_response();
    }
    let mut response = find(name).unwrap_or_else(|| {
        let page = Notice::new("Nothing is here", "The emulator has no such page.", "Open its first page.", "404");
        (StatusCode::NOT_FOUND, Html(render(&page))).into_response()
    });
    platform.page_policy.apply(response.headers_mut());
    response
}

/// The file that a path means: the page at `/`, the stand-in where Zoom has the SDK, the rest under `/assets/`.
fn name(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => "index.html",
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

fn is_localhost(headers: &HeaderMap, uri: &Uri) -> bool {
    let host = uri.host().or_else(|| headers.get(HOST)?.to_str().ok());
    host.is_some_and(|host| host.starts_with("localhost"))
}
