//! Pages that the web view shows instead of the app.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use crate::platform::Platform;
use crate::zoom::pages::{Notice, render};

/// A notice, framed like the app: only the emulator's page may frame it.
pub(super) fn notice(platform: &Platform, status: StatusCode, notice: &Notice) -> Response {
    let csp = format!("default-src 'none'; style-src {0}; frame-ancestors {0}", platform.addresses.zoom);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::try_from(csp).expect("origins are visible ASCII")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, render(notice)).into_response()
}

pub(super) fn closed(platform: &Platform) -> Response {
    let fix = format!("Open it from the emulator's page, {}.", platform.addresses.zoom);
    let page = Notice::new("The app is closed", "No app is open in this web view.", &fix, "closed");
    notice(platform, StatusCode::NOT_FOUND, &page)
}

pub(super) fn from_elsewhere(platform: &Platform) -> Response {
    let sentence = "A page of another site sent this request. The web view belongs to the emulated client alone.";
    let page = Notice::new("Not from here", sentence, "Open the app from the emulator's page.", "cross-site");
    notice(platform, StatusCode::FORBIDDEN, &page)
}

pub(super) fn unreachable(platform: &Platform, app: &str) -> Response {
    let sentence = format!("Nothing answers at {app}.");
    let fix = "Start your app there, or start the emulator with the --home-url of your app. Then open it again.";
    let page = Notice::new("Your app does not answer", sentence, fix, "unreachable");
    notice(platform, StatusCode::BAD_GATEWAY, &page)
}

pub(super) fn outside(platform: &Platform, target: &str) -> Response {
    let sentence = format!("The app leads to {target}, which is outside the domain allow list.");
    let fix = "In Zoom, open other sites with zoomSdk.openUrl, or add their domain to the allow list.";
    let page = Notice::new("Zoom does not go there", sentence, fix, "10015");
    notice(platform, StatusCode::FORBIDDEN, &page)
}

pub(super) fn blank(platform: &Platform, sentence: &str) -> Response {
    let fix = "Send the four headers on every HTML answer: Strict-Transport-Security, X-Content-Type-Options, \
               Content-Security-Policy, Referrer-Policy.";
    let page = Notice::new("Zoom shows nothing here", sentence, fix, "owasp");
    notice(platform, StatusCode::BAD_GATEWAY, &page)
}

pub(super) fn broken(platform: &Platform) -> Response {
    let sentence = "The document broke off, or is larger than 4 MiB.";
    let page = Notice::new("The page did not arrive", sentence, "Look at the log of your app.", "broken");
    notice(platform, StatusCode::BAD_GATEWAY, &page)
}
