//! What the client does with the app's answer: keeps the cookies, looks for the headers that Zoom wants, shows it or not.

use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::response::Response;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use hyper::body::Incoming;
use url::{Position, Url};

use super::csp::{Adaptation, allows_sdk};
use super::html::{asks_for_sdk, swap_sdk};
use super::request::{Trip, strip_answer};
use super::{WebView, notices};
use crate::redact::Redactor;
use crate::world::docs::{ARCHITECTURE, CONTEXT, HEADERS};
use crate::world::jar::Source;
use crate::world::journal::{Lane, Note, Problem, Seen, ShownAnswer, ShownRequest};
use crate::world::views::{Blank, Check};

/// The largest document that is looked into, in bytes.
const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// What Zoom's client wants on every HTML document with status 200, and how it writes it.
const REQUIRED: [(HeaderName, &str); 4] = [
    (STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security"),
    (X_CONTENT_TYPE_OPTIONS, "X-Content-Type-Options"),
    (CONTENT_SECURITY_POLICY, "Content-Security-Policy"),
    (REFERRER_POLICY, "Referrer-Policy"),
];

/// What was found out about one answer.
#[derive(Default)]
struct Findings {
    checks: Vec<Check>,
    blank: Option<Blank>,
    problem: Option<Problem>,
}

impl Findings {
    fn check(&mut self, id: &'static str, title: &'static str, ok: bool, sentence: impl Into<String>) {
        self.checks.push(Check { id, ok, title, sentence: sentence.into() });
    }
}

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
    keep_cookies(web, &trip, &mut parts.headers, &mut findings);
    strip_answer(&mut parts.headers);
    let status = parts.status;
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
        Response::from_parts(parts, Body::new(body))
    };
    if trip.is_document {
        if status.is_client_error() || status.is_server_error() {
            let fix = "Look at the page and at the log of your app.";
            findings.problem.get_or_insert_with(|| Problem::new(format!("Your app answers {status}."), fix));
        }
        record(web, &trip, Some((status, &shown)), findings, started);
    }
    answer
}

/// Nothing answers at the app's address.
pub(super) fn unreachable(web: &WebView, trip: &Trip, started: Instant) -> Response {
    if trip.is_document {
        let mut findings = Findings::default();
        let sentence = format!("Nothing answers at {}.", web.app);
        findings.check("reachable", "the app answers", false, &sentence);
        findings.problem = Some(Problem::new(sentence, "Start your app there, or correct the Home URL."));
        record(web, trip, None, findings, started);
    }
    notices::unreachable(&web.platform, &web.app)
}

/// A document: with the four headers it is shown, framed; without them Zoom shows nothing.
async fn document(
    web: &WebView,
    trip: &Trip,
    (mut parts, body): (http::response::Parts, Body),
    findings: &mut Findings,
) -> Response {
    look_at(&parts.headers, findings);
    let missing = missing_headers(web, trip, &parts.headers).filter(|_| parts.status == StatusCode::OK);
    if let Some(blank) = missing {
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

/// Which of the four headers are missing, in the words of Zoom's developer console.
fn missing_headers(web: &WebView, trip: &Trip, headers: &HeaderMap) -> Option<Blank> {
    let missing = REQUIRED.iter().filter(|(name, _)| !headers.contains_key(name)).map(|(_, title)| *title);
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return None;
    }
    let listed: Vec<_> = missing.iter().map(|title| format!("\"{title}\"")).collect();
    let sentence = format!("Missing OWASP Secure Headers:{} for URL {}{}", listed.join(","), web.app, trip.uri.path());
    Some(Blank { sentence, missing })
}

fn look_at(headers: &HeaderMap, findings: &mut Findings) {
    let count = REQUIRED.iter().filter(|(name, _)| headers.contains_key(name)).count();
    let sentence = if count == REQUIRED.len() {
        "The four headers that Zoom wants on every page are there.".to_owned()
    } else {
        format!("Only {count} of the four headers that Zoom wants are there: Zoom shows nothing.")
    };
    findings.check("headers", "four headers", count == REQUIRED.len(), sentence);
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
fn look_into(headers: &HeaderMap, bytes: Bytes, stand_in: bool, findings: &mut Findings) -> Bytes {
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

/// The real client shows the app at the top level; here a page frames it, and one browser shows it to several users.
fn frame(web: &WebView, headers: &mut HeaderMap, stand_in: bool) {
    let adaptation = Adaptation { app: &web.app, web_view: &web.platform.addresses.web_view, stand_in };
    let policies: Vec<_> = headers.get_all(CONTENT_SECURITY_POLICY).iter().cloned().collect();
    headers.remove(CONTENT_SECURITY_POLICY);
    for policy in policies {
        let adapted = policy.to_str().ok().and_then(|policy| adaptation.apply(policy));
        if let Some(policy) = adapted.and_then(|policy| HeaderValue::try_from(policy).ok()) {
            headers.append(CONTENT_SECURITY_POLICY, policy);
        }
    }
    headers.remove(X_FRAME_OPTIONS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
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

/// Writes a document down: in the diagram and in the view's checks.
fn record(web: &WebView, trip: &Trip, answer: Option<(StatusCode, &HeaderMap)>, findings: Findings, started: Instant) {
    let mut redactor = Redactor::new(&web.platform);
    let request = ShownRequest {
        method: trip.method.to_string(),
        url: format!("{}{}", web.app, redactor.target(&trip.uri.to_string())),
        headers: redactor.headers(&trip.sent),
        body: None,
    };
    let shown = answer.map(|(status, headers)| ShownAnswer {
        status: status.as_u16(),
        headers: redactor.headers(headers),
        body: None,
    });
    let (request, shown) = redactor.sweep(request, shown);
    let seen = Seen {
        took_ms: i64::try_from(started.elapsed().as_millis()).ok(),
        http: answer.map(|(status, _)| status.as_u16()),
        request: Some(request),
        answer: shown,
    };
    let note = match findings.problem {
        Some(problem) if findings.blank.is_some() => Note { docs: HEADERS, ..note(trip) }.failed(problem),
        Some(problem) => note(trip).failed(problem),
        None => note(trip),
    };
    let now = web.platform.now();
    let mut world = web.platform.world();
    world.journal.add(note, format!("{} {}", trip.method, trip.uri.path()), now, seen);
    if let Some(view) = world.views.find_mut(&trip.view.id) {
        view.blank = findings.blank;
        for check in findings.checks {
            view.check(check);
        }
    }
    drop(world);
    web.platform.tell_state();
}

fn note(trip: &Trip) -> Note {
    let lanes = (Lane::Client, Lane::Backend);
    if !trip.is_home {
        let note = Note::new(trip.view.flow, lanes, "Open a page of the app", ARCHITECTURE);
        return note.says("The web view opens a page, with the cookies that the client keeps for this user.");
    }
    let note = Note::new(trip.view.flow, lanes, "Open the Home URL", CONTEXT);
    let contexts = trip.sent.get_all("x-zoom-app-context").iter().count();
    note.says(match contexts {
        0 => "The client opens the app without x-zoom-app-context: a fault is on.",
        _ => {
            "The client opens the app. The header x-zoom-app-context says who and where the user is, encrypted with the \
             SHA-256 of your client secret; your backend opens it and knows the user."
        }
    })
}
