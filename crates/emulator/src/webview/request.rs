//! What the client sends: the browser's request in the desktop client's dress, or as the web client's browser sends it.

use axum::body::Body;
use axum::extract::Request;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, UPGRADE,
    USER_AGENT,
};
use http::{Method, Uri, Version};
use hyper::upgrade::OnUpgrade;
use url::form_urlencoded;

use super::WebView;
use super::context::Claims;
use crate::fault::{Effect, Endpoint, Fault, Twist};
use crate::world::views::{Surface, View};

/// The User-Agent of Zoom's client, the same on every system.
const ZOOM_USER_AGENT: HeaderValue =
    HeaderValue::from_static("Mozilla/5.0 ZoomWebKit/537.36 (KHTML, like Gecko) ZoomApps/1.0");

/// A document must not come compressed: it is looked into.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// No context is shorter, in characters.
const MIN_CONTEXT: usize = 100;

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
    /// A page hands over the context that the client gave it.
    pub(super) has_context: bool,
    /// What is wrong with the context that the client sends, on purpose.
    pub(super) fault: Option<&'static Fault>,
    /// The headers as they went to the app, for the diagram.
    pub(super) sent: HeaderMap,
}

impl Trip {
    /// Whether the diagram shows it: pages, and what brings the context. Other parts of a page are too many.
    pub(super) fn is_step(&self) -> bool {
        self.is_document || self.has_context
    }
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
        let (has_context, fault) = match web.surface {
            Surface::Client => {
                dress(web, &mut parts.headers, is_document);
                put_on_cookies(web, view, &mut parts.headers, parts.uri.path());
                (false, if is_home { put_on_context(web, view, &mut parts.headers) } else { None })
            }
            Surface::Web => {
                leave_as_it_is(web, &mut parts.headers, is_document);
                (carries_context(web, &parts.headers, &parts.uri), None)
            }
        };
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let uri: Uri = target.parse().expect("it was a request target a moment ago");
        parts.uri = format!("{}{target}", web.app).parse().expect("an origin and a request target make a URI");
        parts.version = Version::HTTP_11;
        let method = parts.method.clone();
        let sent = parts.headers.clone();
        let trip = Trip { view: view.clone(), method, uri, is_document, is_home, has_context, fault, sent };
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

/// Removes what belongs to the browser's connection.
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
}

/// Removes the connection's own fields from an answer.
pub(super) fn strip_answer(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The desktop client's own headers, and none that only it may send.
fn dress(web: &WebView, headers: &mut HeaderMap, is_document: bool) {
    headers.remove(COOKIE);
    headers.remove(CONTEXT);
    headers.insert(USER_AGENT, ZOOM_USER_AGENT);
    for name in [ORIGIN, REFERER] {
        if let Some(value) = headers.remove(&name).and_then(|value| web.own_address(&value)) {
            headers.insert(name, value);
        }
    }
    if !is_document {
        return;
    }
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    if headers.get(SEC_FETCH_DEST).is_some_and(|dest| dest == "iframe") {
        headers.insert(SEC_FETCH_DEST, HeaderValue::from_static("document"));
    }
    // What the emulator's page began, the client began by itself.
    if headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin") {
        headers.insert(SEC_FETCH_SITE, HeaderValue::from_static("none"));
        headers.remove(SEC_FETCH_USER);
    }
}

/// The web client adds nothing: what the app gets is what the browser sends for a frame on another site, at the app's
/// address. A foreign `Origin` stays, because the app has to refuse it.
fn leave_as_it_is(web: &WebView, headers: &mut HeaderMap, is_document: bool) {
    for name in [ORIGIN, REFERER] {
        if let Some(value) = headers.get(&name).and_then(|value| web.own_address(value)) {
            headers.insert(name, value);
        }
    }
    let emulator = [&web.platform.addresses.zoom, &web.platform.addresses.web_client()];
    let tells_of_emulator = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| emulator.iter().any(|origin| text.starts_with(origin.as_str())))
    };
    if headers.get(REFERER).is_some_and(tells_of_emulator) {
        headers.remove(REFERER);
    }
    if is_document {
        headers.insert(ACCEPT_ENCODING, IDENTITY);
    }
    web.platform.world().frame_cookies.send(headers);
}

/// Whether a page hands over a context: in whatever header or parameter its backend wants it.
fn carries_context(web: &WebView, headers: &HeaderMap, uri: &Uri) -> bool {
    let is_context = |text: &str| text.len() >= MIN_CONTEXT && web.platform.context_key.decrypt(text).is_ok();
    let in_header = headers.values().filter_map(|value| value.to_str().ok()).any(is_context);
    in_header || form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).any(|(_, value)| is_context(&value))
}

impl WebView {
    /// A URL of this listener, as one of the app's; none if it is somewhere else.
    fn own_address(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let rest = value.to_str().ok()?.strip_prefix(self.origin.as_str())?;
        let is_own = rest.is_empty() || rest.starts_with('/');
        HeaderValue::try_from(format!("{}{rest}", self.app)).ok().filter(|_| is_own)
    }
}

fn put_on_cookies(web: &WebView, view: &View, headers: &mut HeaderMap, path: &str) {
    let cookies = web.platform.world().jars.get(&view.user).and_then(|jar| jar.header(path, web.platform.now()));
    if let Some(cookies) = cookies.and_then(|cookies| HeaderValue::try_from(cookies).ok()) {
        headers.insert(COOKIE, cookies);
    }
}

/// A fresh context, or what the fault that is on makes of it; returns that fault.
fn put_on_context(web: &WebView, view: &View, headers: &mut HeaderMap) -> Option<&'static Fault> {
    let mut world = web.platform.world();
    let claims = Claims::of_view(&web.platform, view, &world.place);
    let of_header = |effect| matches!(effect, Effect::Twisted(twist) if twist != Twist::LinkTooOld);
    let fault = world.faults.strike_when(Endpoint::Client, of_header);
    drop(world);
    for context in claims.headers(&web.platform, fault.and_then(Fault::twist)) {
        headers.append(CONTEXT, HeaderValue::try_from(context).expect("base64url is visible ASCII"));
    }
    fault
}
