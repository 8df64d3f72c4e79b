//! What the client does with the app's answer: keeps the cookies, looks for the headers that Zoom wants, shows it or not.

use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE,
    X_FRAME_OPTIONS,
};
use hyper::body::Incoming;
use url::{Position, Url};

use super::csp::Adaptation;
use super::look::{Findings, look_at, look_into, missing_headers};
use super::record::record;
use super::request::{Trip, strip_answer};
use super::{WebView, notices, pwa};
use crate::fault::Twist;
use crate::world::jar::Source;
use crate::world::journal::Problem;
use crate::world::views::Surface;

/// The largest document that is looked into, in bytes.
const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// Takes the app's answer and gives the browser what the client would show.
pub(super) async fn receive(
    web: &WebView,
    trip: Trip,
    response: http::Response<Incoming>,
    started: Instant,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let shown = parts.headers.clone();
    let mut findings = Findings::default();
    match web.surface {
        Surface::Client => keep_cookies(web, &trip, &mut parts.headers, &mut findings),
        Surface::Web => pwa::pass_cookies(web, &mut parts.headers, &mut findings),
    }
    strip_answer(&mut parts.headers);
    let status = parts.status;
    if web.surface == Surface::Web && trip.is_document {
        pwa::look_at(&trip, &parts, &mut findings);
    }
    let answer = if !trip.is_document {
        redirect_inside(web, &trip, &mut parts.headers);
        Response::from_parts(parts, Body::new(body))
    } else if let Some(outside) = redirect_inside(web, &trip, &mut parts.headers) {
        findings.problem = Some(Problem::new(
            format!("The app sends the web view to {outside}, which is not its own origin."),
            "Open other sites with zoomSdk.openUrl.",
        ));
        notices::outside(&web.platform, &outside)
    } else if is_html(&parts.headers) {
        document(web, &trip, (parts, Body::new(body)), &mut findings).await
    } else {
        if web.surface == Surface::Web {
            frame(web, &mut parts.headers, false);
        }
        Response::from_parts(parts, Body::new(body))
    };
    if status.is_client_error() || status.is_server_error() {
        judge_refusal(&trip, status, &mut findings);
    }
    record(web, &trip, Some((status, &shown)), findings, started);
    answer
}

/// An app that refuses a context that is no good does what it should; whatever else it refuses is a problem.
fn judge_refusal(trip: &Trip, status: StatusCode, findings: &mut Findings) {
    let spoilt = trip.fault.filter(|fault| status.is_client_error() && fault.twist() != Some(Twist::ContextMissing));
    if let Some(fault) = spoilt {
        let sentence = format!("Your app answers {status}, as it should: a fault is on. {}", fault.sentence);
        findings.advice = Some(Problem::new(sentence, "Switch the fault off to open the app."));
        return;
    }
    let fix = "Look at the page and at the log of your app.";
    findings.problem.get_or_insert_with(|| Problem::new(format!("Your app answers {status}."), fix));
}

/// Nothing answers at the app's address.
pub(super) fn unreachable(web: &WebView, trip: &Trip, started: Instant) -> Response {
    if trip.is_step() {
        let mut findings = Findings::default();
        let sentence = format!("Nothing answers at {}.", web.app);
        findings.check("reachable", "the app answers", false, &sentence);
        findings.problem = Some(Problem::new(sentence, "Start your app there, or correct the Home URL."));
        record(web, trip, None, findings, started);
    }
    notices::unreachable(&web.platform, &web.app)
}

/// A document: with the four headers it is shown, framed; without them the desktop client shows nothing. The web client
/// cannot know them; there the browser itself decides.
async fn document(
    web: &WebView,
    trip: &Trip,
    (mut parts, body): (http::response::Parts, Body),
    findings: &mut Findings,
) -> Response {
    let insists = web.surface == Surface::Client && parts.status == StatusCode::OK;
    if web.surface == Surface::Client {
        look_at(&parts.headers, insists, findings);
    }
    if let Some(blank) = missing_headers(web, trip, &parts.headers).filter(|_| insists) {
        let problem = Problem::new(&blank.sentence, "Send all four headers on every HTML answer.");
        findings.problem = Some(problem.with_setting("headers"));
        let answer = notices::blank(&web.platform, &blank.sentence);
        findings.blank = Some(blank);
        return answer;
    }
    let Ok(bytes) = to_bytes(body, MAX_DOCUMENT).await else {
        findings.problem =
            Some(Problem::new("The document broke off, or is larger than 4 MiB.", "Look at the app's log."));
        return notices::broken(&web.platform);
    };
    let stand_in = web.stand_in();
    let bytes = look_into(&parts.headers, bytes, stand_in, findings);
    frame(web, &mut parts.headers, stand_in);
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(parts, Body::from(bytes))
}

fn is_html(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.trim_start().to_ascii_lowercase().starts_with("text/html")
}

/// Adapts what the app says about framing and about its own origin. The desktop client shows the app at the top level,
/// although here a page frames it, and one browser shows it to several users; the web client frames it, if it may.
fn frame(web: &WebView, headers: &mut HeaderMap, stand_in: bool) {
    let web_client = web.platform.addresses.web_client();
    let zoom = [web_client.as_str(), &web.platform.addresses.zoom];
    let framed_by = (web.surface == Surface::Web).then_some(zoom);
    let adaptation = Adaptation { app: &web.app, web_view: &web.origin, stand_in, framed_by };
    let policies: Vec<_> = headers.get_all(CONTENT_SECURITY_POLICY).iter().cloned().collect();
    headers.remove(CONTENT_SECURITY_POLICY);
    for policy in policies {
        let adapted = policy.to_str().ok().and_then(|policy| adaptation.apply(policy));
        if let Some(policy) = adapted.and_then(|policy| HeaderValue::try_from(policy).ok()) {
            headers.append(CONTENT_SECURITY_POLICY, policy);
        }
    }
    if web.surface == Surface::Client {
        headers.remove(X_FRAME_OPTIONS);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Cookies go into the jar of the view's user and never to the browser.
fn keep_cookies(web: &WebView, trip: &Trip, headers: &mut HeaderMap, findings: &mut Findings) {
    let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    let clears = headers.remove("clear-site-data").is_some_and(|value| {
        value.to_str().is_ok_and(|value| value.contains("\"cookies\"") || value.contains("\"*\""))
    });
    if cookies.is_empty() && !clears {
        return;
    }
    let source = Source { host: web.platform.config.home_url.host_str().unwrap_or_default(), path: trip.uri.path() };
    let now = web.platform.now();
    let mut world = web.platform.world();
    let jar = world.jars.entry(trip.view.user.clone()).or_default();
    if clears {
        jar.clear();
    }
    let mut refused = Vec::new();
    for cookie in &cookies {
        let text = String::from_utf8_lossy(cookie.as_bytes());
        if let Err(refusal) = jar.take(&text, &source, now) {
            let name = text.split('=').next().unwrap_or_default().trim().to_owned();
            refused.push(format!("The client throws the cookie {name} away: {refusal}."));
        }
    }
    let sentence = if refused.is_empty() { "The client keeps the app's cookies.".into() } else { refused.join(" ") };
    findings.check("cookies", "cookies are kept", refused.is_empty(), sentence);
}

/// Rewrites a redirect on the app's origin; returns the origin that a redirect leads to elsewhere.
fn redirect_inside(web: &WebView, trip: &Trip, headers: &mut HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let base = Url::parse(&format!("{}{}", web.app, trip.uri)).ok()?;
    let target = base.join(location).ok()?;
    if target.origin() != base.origin() {
        return Some(target.origin().ascii_serialization())
            .map(|origin| if origin == "null" { format!("{}:", target.scheme()) } else { origin });
    }
    let inside = HeaderValue::try_from(&target[Position::BeforePath..]).ok()?;
    headers.insert(LOCATION, inside);
    None
}
