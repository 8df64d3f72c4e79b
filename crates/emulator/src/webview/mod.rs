//! The app as the emulated client shows it, as an origin for each surface.
//!
//! A normal browser shows it in a frame. For the desktop client this is the web view: what it asks for goes on to the
//! app, dressed as the client's request, and what the app answers is looked at as the client looks at it. For the web
//! client it is the web frame: requests are the browser's own and cookies are, too.

mod answer;
pub(crate) mod context;
mod csp;
mod html;
mod look;
mod notices;
mod pwa;
mod record;
mod request;
mod socket;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use http::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Position;

use self::request::Outbound;
use crate::guard::{Names, only_ours};
use crate::platform::Platform;
use crate::world::Sdk;
use crate::world::views::{Surface, View};
use crate::zoom::site;

/// How long connecting to the app may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The web view, or the web frame, and its way to the app.
pub(crate) struct WebView {
    platform: Arc<Platform>,
    surface: Surface,
    /// The origin under which browsers know the app here.
    origin: String,
    client: Client<HttpConnector, Body>,
    /// The app's origin, such as `http://localhost:3000`.
    app: String,
    /// The cookie that binds a browser to a view. It holds the port: cookies do not keep ports apart.
    cookie: String,
}

/// The second listener and the fourth.
pub(crate) fn router(platform: &Arc<Platform>, surface: Surface) -> Router {
    let origin = match surface {
        Surface::Client => &platform.addresses.web_view,
        Surface::Web => &platform.addresses.web_frame,
    };
    let names = Names::of(origin);
    let port = origin.rsplit(':').next().unwrap_or_default();
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    let web_view = WebView {
        client: Client::builder(TokioExecutor::new()).build(connector),
        app: platform.config.home_url.origin().ascii_serialization(),
        cookie: format!("emulator-view-{port}"),
        platform: Arc::clone(platform),
        surface,
        origin: origin.clone(),
    };
    let routes = match surface {
        Surface::Client => Router::new().route("/~emulator/launch/{view}", get(launch)),
        Surface::Web => Router::new(),
    };
    routes
        .route(html::STAND_IN, get(sdk))
        .fallback(pass_on)
        .with_state(Arc::new(web_view))
        .layer(from_fn_with_state(names, only_ours))
}

/// Binds the browser to a view and sends it to the Home URL.
async fn launch(State(web): State<Arc<WebView>>, Path(view): Path<String>) -> Response {
    if web.platform.world().views.find(&view).is_none() {
        return notices::closed(&web.platform);
    }
    let home = &web.platform.config.home_url;
    let cookie = format!("{}={view}; Path=/; HttpOnly; SameSite=Lax", web.cookie);
    let headers = [
        (SET_COOKIE, HeaderValue::try_from(cookie).expect("the name of a view is a letter and digits")),
        (LOCATION, HeaderValue::try_from(&home[Position::BeforePath..]).expect("a parsed URL is visible ASCII")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::FOUND, headers).into_response()
}

/// The stand-in for Zoom's SDK.
async fn sdk() -> Response {
    let mut response = site::find(site::SDK).expect("the stand-in is embedded");
    response.headers_mut().insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// Everything else belongs to the app.
async fn pass_on(State(web): State<Arc<WebView>>, request: Request) -> Response {
    // The web client frames the app from another site, so anybody can, and the app has to tell them apart.
    let is_foreign = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if web.surface == Surface::Client && is_foreign {
        return notices::from_elsewhere(&web.platform);
    }
    if !request.uri().path().starts_with('/') {
        return (StatusCode::BAD_REQUEST, "The target of a request begins with a slash.").into_response();
    }
    let Some(view) = web.view_of(request.headers()) else { return notices::closed(&web.platform) };
    let started = Instant::now();
    let outbound = Outbound::plan(&web, &view, request);
    let (trip, request, upgrade) = outbound.into_parts();
    match web.client.request(request).await {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            socket::join(&web.platform, upgrade, response)
        }
        Ok(response) => answer::receive(&web, trip, response, started).await,
        Err(_) => answer::unreachable(&web, &trip, started),
    }
}

impl WebView {
    /// The view that a browser is bound to. The web client shows one, whoever asks: a cookie might be blocked there.
    fn view_of(&self, headers: &HeaderMap) -> Option<View> {
        if self.surface == Surface::Web {
            return self.platform.world().views.newest_in_web_client().cloned();
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, view) = pairs.find(|(name, _)| *name == self.cookie)?;
        self.platform.world().views.find(view).cloned()
    }

    /// Whether a path is that of the Home URL.
    fn is_home(&self, uri: &Uri) -> bool {
        uri.path() == self.platform.config.home_url.path()
    }

    fn stand_in(&self) -> bool {
        self.platform.world().sdk == Sdk::StandIn
    }
}
