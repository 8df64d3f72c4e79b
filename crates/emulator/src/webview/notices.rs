//! Pages that the web view shows instead of the app.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};

use crate::platform::Platform;
use crate::zoom::pages::render;

/// Why the app is not shown, and what to do about it.
#[derive(Template)]
#[template(path = "unshown.html")]
struct Unshown<'a> {
    /// The origin of the emulator's page, where its styles are.
    emulator: &'a str,
    title: &'a str,
    sentence: &'a str,
    fix: &'a str,
}

/// A page in the place of the app, for the emulator's page to frame.
fn unshown(platform: &Platform, status: StatusCode, [title, sentence, fix]: [&str; 3]) -> Response {
    let emulator = &platform.addresses.zoom;
    let web_client = platform.addresses.web_client();
    let csp = format!("default-src 'none'; style-src {emulator}; frame-ancestors {emulator} {web_client}");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::try_from(csp).expect("origins are visible ASCII")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("require-corp")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    (status, headers, render(&Unshown { emulator, title, sentence, fix })).into_response()
}

pub(super) fn closed(platform: &Platform) -> Response {
    let fix = format!("Open it from the emulator's page, {}.", platform.addresses.zoom);
    let words = ["The app is closed", "No app is open in this web view.", &fix];
    unshown(platform, StatusCode::NOT_FOUND, words)
}

pub(super) fn from_elsewhere(platform: &Platform) -> Response {
    let words = [
        "Not from here",
        "A page of another site sent this request. The web view belongs to the emulated client alone.",
        "Open the app from the emulator's page.",
    ];
    unshown(platform, StatusCode::FORBIDDEN, words)
}

pub(super) fn unreachable(platform: &Platform, app: &str) -> Response {
    let sentence = format!("Nothing answers at {app}.");
    let fix = "Start your app there, or start the emulator with the --home-url of your app. Then open it again.";
    unshown(platform, StatusCode::BAD_GATEWAY, ["Your app does not answer", &sentence, fix])
}

pub(super) fn broken(platform: &Platform) -> Response {
    let sentence = "The document broke off, or is larger than 4 MiB.";
    let words = ["The page did not arrive", sentence, "Look at the log of your app."];
    unshown(platform, StatusCode::BAD_GATEWAY, words)
}

pub(super) fn outside(platform: &Platform, target: &str) -> Response {
    let sentence = format!("The app leads to {target}, which is outside the domain allow list.");
    let fix = "In Zoom, open other sites with zoomSdk.openUrl, or add their domain to the allow list.";
    unshown(platform, StatusCode::FORBIDDEN, ["Zoom does not go there", &sentence, fix])
}

pub(super) fn blank(platform: &Platform, sentence: &str) -> Response {
    let fix = "Send the four headers on every HTML answer: Strict-Transport-Security, X-Content-Type-Options, \
               Content-Security-Policy, Referrer-Policy.";
    unshown(platform, StatusCode::BAD_GATEWAY, ["Zoom shows nothing here", sentence, fix])
}
