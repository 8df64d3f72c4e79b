//! WebSockets and other upgrades: once both sides agree, bytes go through untouched.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONNECTION, SET_COOKIE};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::platform::Platform;

/// Joins the browser's connection with the app's after a 101.
pub(super) fn join(
    platform: &Platform,
    browser: Option<OnUpgrade>,
    mut response: http::Response<Incoming>,
) -> Response {
    let app = hyper::upgrade::on(&mut response);
    let Some(browser) = browser else {
        // The app switched protocols although nobody asked it to.
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = StatusCode::BAD_GATEWAY;
        return refusal;
    };
    let stopping = platform.stopping.clone();
    tokio::spawn(async move {
        let (Ok(browser), Ok(app)) = tokio::join!(browser, app) else { return };
        let (mut browser, mut app) = (TokioIo::new(browser), TokioIo::new(app));
        // Either side may go away at any time; that ends the other.
        let _ = stopping.run_until_cancelled(tokio::io::copy_bidirectional(&mut browser, &mut app)).await;
    });
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(SET_COOKIE);
    parts.headers.insert(CONNECTION, http::HeaderValue::from_static("upgrade"));
    Response::from_parts(parts, Body::empty())
}
