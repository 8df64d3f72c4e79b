//! What the client looks at in a document.

use axum::body::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use super::WebView;
use super::csp::allows_sdk;
use super::html::{asks_for_sdk, swap_sdk};
use super::request::Trip;
use crate::world::journal::Problem;
use crate::world::views::{Blank, Check};

/// What Zoom's client wants on every HTML document with status 200, and how it writes it.
pub(super) const REQUIRED: [(HeaderName, &str); 4] = [
    (STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security"),
    (X_CONTENT_TYPE_OPTIONS, "X-Content-Type-Options"),
    (CONTENT_SECURITY_POLICY, "Content-Security-Policy"),
    (REFERRER_POLICY, "Referrer-Policy"),
];

/// What was found out about one answer.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) checks: Vec<Check>,
    pub(super) blank: Option<Blank>,
    /// What is wrong with it.
    pub(super) problem: Option<Problem>,
    /// What there is to know, although it works here.
    pub(super) advice: Option<Problem>,
}

impl Findings {
    /// Notes the outcome of a check.
    pub(super) fn check(&mut self, id: &'static str, title: &'static str, ok: bool, sentence: impl Into<String>) {
        self.checks.push(Check { id, ok, title, sentence: sentence.into() });
    }
}

/// Which of the four headers are missing, in the words of Zoom's developer console.
pub(super) fn missing_headers(web: &WebView, trip: &Trip, headers: &HeaderMap) -> Option<Blank> {
    let missing = REQUIRED.iter().filter(|(name, _)| !headers.contains_key(name)).map(|(_, title)| *title);
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return None;
    }
    let listed: Vec<_> = missing.iter().map(|title| format!("\"{title}\"")).collect();
    let sentence = format!("Missing OWASP Secure Headers:{} for URL {}{}", listed.join(","), web.app, trip.uri.path());
    Some(Blank { sentence, missing })
}

/// Looks at the headers of a document; the client `insists` on the four where the status is 200.
pub(super) fn look_at(headers: &HeaderMap, insists: bool, findings: &mut Findings) {
    let count = REQUIRED.iter().filter(|(name, _)| headers.contains_key(name)).count();
    let sentence = if count == REQUIRED.len() {
        "The four headers that Zoom wants on every page are there.".to_owned()
    } else if insists {
        format!("Only {count} of the four headers that Zoom wants are there: Zoom shows nothing.")
    } else {
        format!(
            "Only {count} of the four headers are there. Zoom wants them with status 200; send them with every page."
        )
    };
    findings.check("headers", "four headers", count == REQUIRED.len() || !insists, sentence);
    let framed = headers.contains_key(X_FRAME_OPTIONS);
    let sentence = if framed {
        "The page sends X-Frame-Options, which keeps it out of the web client. Use frame-ancestors instead."
    } else {
        "The page sends no X-Frame-Options."
    };
    findings.check("frame", "can be framed", !framed, sentence);
    let cache = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let uncached = cache.contains("no-store") || cache.contains("no-cache");
    let sentence = if uncached {
        "The page is not kept in a cache."
    } else {
        "The page may be kept in a cache: an old page may be shown without asking your server. Send Cache-Control: no-store."
    };
    findings.check("cache", "not cached", uncached, sentence);
}

/// Looks into a document for Zoom's SDK, and swaps it for the stand-in.
pub(super) fn look_into(headers: &HeaderMap, bytes: Bytes, stand_in: bool, findings: &mut Findings) -> Bytes {
    if headers.contains_key(CONTENT_ENCODING) {
        return bytes;
    }
    let Ok(html) = std::str::from_utf8(&bytes) else { return bytes };
    if !asks_for_sdk(html) {
        return bytes;
    }
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).iter().filter_map(|value| value.to_str().ok());
    let allowed = allows_sdk(policies);
    let sentence = if allowed {
        "The Content-Security-Policy lets the page load Zoom's SDK."
    } else {
        "The page loads Zoom's SDK, but its Content-Security-Policy does not allow https://appssdk.zoom.us in script-src."
    };
    findings.check("csp", "policy allows the SDK", allowed, sentence);
    if stand_in { Bytes::from(swap_sdk(html).into_owned()) } else { bytes }
}
