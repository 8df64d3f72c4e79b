//! What the desktop client sends: the browser's request in the client's dress.

use axum::body::Body;
use axum::extract::Request;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, UPGRADE,
    USER_AGENT,
};
use http::{Method, Uri, Version};
use hyper::upgrade::OnUpgrade;

use super::WebView;
use super::context::Claims;
use crate::fault::{Effect, Endpoint, Twist};
use crate::world::views::View;

/// The User-Agent of Zoom's client, the same on every system.
const ZOOM_USER_AGENT: HeaderValue =
    HeaderValue::from_static("Mozilla/5.0 ZoomWebKit/537.36 (KHTML, like Gecko) ZoomApps/1.0");

const CONTEXT: HeaderName = HeaderName::from_static("x-zoom-app-context");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_USER: HeaderName = HeaderName::from_static("sec-fetch-user");

/// Fields that belong to one connection (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What has to be known of a request when its answer comes.
pub(super) struct Trip {
    pub(super) view: View,
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: Uri,
    /// A page, not a part of one.
    pub(super) is_document: bool,
    pub(super) is_home: bool,
    /// The headers as they went to the app, for the diagram.
    pub(super) sent: HeaderMap,
}

/// A request on its way to the app.
pub(super) struct Outbound {
    trip: Trip,
    request: Request,
    upgrade: Option<OnUpgrade>,
}

impl Outbound {
    pub(super) fn plan(web: &WebView, view: &View, mut request: Request) -> Self {
        let upgrade = request.headers().get(UPGRADE).cloned();
        let on_upgrade = upgrade.as_ref().map(|_| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let is_document = is_document(&parts.method, &parts.headers);
        let is_home = is_document && parts.method == Method::GET && web.is_home(&parts.uri);
        strip(&mut parts.headers);
        if let Some(protocol) = upgrade {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, protocol);
        }
        dress(web, &mut parts.headers, is_document);
        put_on_cookies(web, view, &mut parts.headers, parts.uri.path());
        if is_home {
            put_on_context(web, view, &mut parts.headers);
        }
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let uri: Uri = target.parse().expect("it was a request target a moment ago");
        parts.uri = format!("{}{target}", web.app).parse().expect("an origin and a request target make a URI");
        parts.version = Version::HTTP_11;
        let method = parts.method.clone();
        let trip = Trip { view: view.clone(), method, uri, is_document, is_home, sent: parts.headers.clone() };
        parts.extensions.clear();
        Self { trip, request: Request::from_parts(parts, body), upgrade: on_upgrade }
    }

    pub(super) fn into_parts(self) -> (Trip, http::Request<Body>, Option<OnUpgrade>) {
        (self.trip, self.request, self.upgrade)
    }
}

/// A navigation. Browsers say so; of others an `Accept` for HTML is taken as a sign.
fn is_document(method: &Method, headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get(SEC_FETCH_MODE) {
        return mode == "navigate";
    }
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    method == Method::GET && accepts.contains("text/html")
}

/// Removes what belongs to the browser's connection, and what only the client may say.
fn strip(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in listed {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(HOST);
    headers.remove(COOKIE);
    headers.remove(CONTEXT);
}

/// Removes the connection's own fields from an answer.
pub(super) fn strip_answer(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn dress(web: &WebView, headers: &mut HeaderMap, is_document: bool) {
    headers.insert(USER_AGENT, ZOOM_USER_AGENT);
    for name in [ORIGIN, REFERER] {
        let Some(value) = headers.remove(&name) else { continue };
        let inside = value.to_str().ok().and_then(|text| text.strip_prefix(web.platform.addresses.web_view.as_str()));
        let own = inside.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(value) = own.and_then(|rest| HeaderValue::try_from(format!("{}{rest}", web.app)).ok()) {
            headers.insert(name, value);
        }
    }
    if !is_document {
        return;
    }
    // The document is looked into, so it must not come compressed.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if headers.get(SEC_FETCH_DEST).is_some_and(|dest| dest == "iframe") {
        headers.insert(SEC_FETCH_DEST, HeaderValue::from_static("document"));
    }
    // What the emulator's page began, the client began by itself.
    if headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin") {
        headers.insert(SEC_FETCH_SITE, HeaderValue::from_static("none"));
        headers.remove(SEC_FETCH_USER);
    }
}

fn put_on_cookies(web: &WebView, view: &View, headers: &mut HeaderMap, path: &str) {
    let cookies = web.platform.world().jars.get(&view.user).and_then(|jar| jar.header(path, web.platform.now()));
    if let Some(cookies) = cookies.and_then(|cookies| HeaderValue::try_from(cookies).ok()) {
        headers.insert(COOKIE, cookies);
    }
}

/// A fresh context, or what the fault that is on makes of it.
fn put_on_context(web: &WebView, view: &View, headers: &mut HeaderMap) {
    let mut world = web.platform.world();
    let claims = Claims::of_view(&web.platform, view, &world.place);
    let of_header = |effect| matches!(effect, Effect::Twisted(twist) if twist != Twist::LinkTooOld);
    let fault = world.faults.strike_when(Endpoint::Client, of_header).map(|fault| fault.effect);
    drop(world);
    let twist = match fault {
        Some(Effect::Twisted(twist)) => Some(twist),
        _ => None,
    };
    for context in claims.headers(&web.platform, twist) {
        headers.append(CONTEXT, HeaderValue::try_from(context).expect("base64url is visible ASCII"));
    }
}
