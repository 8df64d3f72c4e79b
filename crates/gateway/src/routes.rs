//! Which route is answered by whom, and by which methods.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, any, get, post};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::ZoomFlows;
use crate::api::{self, Callers, ZoomApi};
use crate::authorize::{self, Authorizing};
use crate::config::{Config, ConfigError};
use crate::connect::{self, Claims, Connecting, ProviderApis};
use crate::context::{self, HandOver};
use crate::install::{self, Installing};
use crate::metrics::Metrics;
use crate::notice::{Notice, Places};
use crate::origin::Origin;
use crate::relay::Relay;
use crate::route::Route;
use crate::server::Stop;
use crate::session::{self, SessionPage};

/// What several routes share.
pub(crate) struct Shared<'a> {
    pub(crate) stop: &'a Stop,
    pub(crate) metrics: &'a Arc<Metrics>,
}

/// Routes of the gateway and who answers them.
pub(crate) type Handlers = Vec<(Route, MethodRouter)>;

/// The gateway's own routes; each has just the flow that it calls.
pub(crate) fn routes(
    config: &Config,
    zoom: Option<ZoomFlows>,
    mut handlers: Handlers,
    places: &Places,
    shared: &Shared<'_>,
) -> Result<Router, ConfigError> {
    handlers.extend([
        (Route::Client, fixed(SCRIPT, "public, max-age=300", CLIENT.into())),
        (Route::Boot, fixed(SCRIPT, "public, max-age=300", BOOT.into())),
        (Route::Style, fixed("text/css; charset=utf-8", "public, max-age=3600", STYLE.into())),
    ]);
    let router = Router::new().fallback(not_found);
    if let Some(zoom) = zoom {
        handlers.extend(zoom_routes(config, zoom, places, shared)?);
    }
    Ok(handlers.into_iter().fold(router, |router, (route, handler)| {
        router.route(&format!("{}{}", config.prefix, route.path().unwrap_or_default()), handler)
    }))
}

/// The routes of a Zoom App.
fn zoom_routes(
    config: &Config,
    flows: ZoomFlows,
    places: &Places,
    shared: &Shared<'_>,
) -> Result<Handlers, ConfigError> {
    let stop = shared.stop;
    let relay = Arc::new(Relay::new(config.relay).map_err(ConfigError::Tls)?);
    let api = zoom_api(config, &flows, &relay, shared.metrics);
    let apis = provider_apis(config, &flows, relay);
    let installing = Arc::new(Installing {
        install: flows.install,
        begin_url: HeaderValue::from_str(&places.install_url).expect("a URL is visible ASCII"),
        exchanges: stop.tasks.clone(),
    });
    let page = Arc::new(SessionPage {
        sessions: flows.sessions,
        installations: flows.installations,
        connect: flows.connect.clone(),
        config: config.session,
    });
    let origin = Origin::new(&config.public_url);
    let authorizing = Arc::new(Authorizing {
        authorize: flows.authorize,
        page: Arc::clone(&page),
        origin: origin.clone(),
        exchanges: stop.tasks.clone(),
    });
    let connecting = Arc::new(Connecting {
        connect: flows.connect.clone(),
        page: Arc::clone(&page),
        origin: origin.clone(),
        exchanges: stop.tasks.clone(),
    });
    let claims = Claims { connect: flows.connect, exchanges: stop.tasks.clone() };
    let handing = Arc::new(HandOver { launch: flows.launch, claims, page: Arc::clone(&page), origin });
    let jwks = serde_json::to_vec(&flows.assertions.jwks()).expect("keys are plain structs");
    Ok(vec![
        (Route::Install, get_only(install::begin).with_state(Arc::clone(&installing))),
        (Route::Callback, get_only(install::finish).with_state(installing)),
        (Route::Context, get_only(context::hand_over).with_state(handing)),
        (Route::Authorize, post_only(authorize::begin).with_state(Arc::clone(&authorizing))),
        (Route::Authorized, post_only(authorize::finish).with_state(authorizing)),
        (Route::Api, any(api::call).with_state(api)),
        (
            Route::Connect,
            get(connect::show)
                .post(connect::begin)
                .delete(connect::disconnect)
                .fallback(async || ([(header::ALLOW, "GET, POST, DELETE")], refused_method("Use GET, POST or DELETE.")))
                .with_state(Arc::clone(&connecting)),
        ),
        (Route::ConnectCallback, get_only(connect::returned).with_state(connecting)),
        (Route::ConnectApi, any(connect::call).with_state(apis)),
        (Route::Session, get(session::show).fallback(not_allowed).with_state(page)),
        (Route::Jwks, fixed("application/json", "public, max-age=300", jwks.into())),
    ])
}

/// Zoom's API for pages and the upstream.
fn zoom_api(config: &Config, flows: &ZoomFlows, relay: &Arc<Relay>, metrics: &Arc<Metrics>) -> Arc<ZoomApi> {
    Arc::new(ZoomApi {
        relay: Arc::clone(relay),
        tokens: flows.tokens.clone(),
        allow: config.api_allow.clone(),
        callers: callers(config, flows),
        place: format!("{}/api", config.prefix),
        metrics: Arc::clone(metrics),
    })
}

/// The APIs of third-party providers, by the same way.
fn provider_apis(config: &Config, flows: &ZoomFlows, relay: Arc<Relay>) -> Arc<ProviderApis> {
    Arc::new(ProviderApis {
        relay,
        connect: flows.connect.clone(),
        callers: callers(config, flows),
        place: format!("{}/connect", config.prefix),
    })
}

fn callers(config: &Config, flows: &ZoomFlows) -> Callers {
    let (sessions, assertions) = (flows.sessions.clone(), flows.assertions.clone());
    Callers { sessions, assertions, origin: Origin::new(&config.public_url) }
}

/// A route that acts: GET, and not HEAD, by which link checkers would begin or end installs.
pub(crate) fn get_only<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let refused = async || ([(header::ALLOW, "GET")], not_allowed().await);
    get(handler).on(MethodFilter::HEAD, refused).fallback(refused)
}

/// A route that changes something.
pub(crate) fn post_only<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    post(handler).fallback(async || ([(header::ALLOW, "POST")], refused_method("Use POST.")))
}

/// A route that always answers the same.
fn fixed(kind: &'static str, cache: &'static str, content: Bytes) -> MethodRouter {
    let [kind, cache] = [kind, cache].map(HeaderValue::from_static);
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)];
    get(async move || (headers, content)).fallback(not_allowed)
}

async fn not_allowed() -> Notice {
    refused_method("Use GET.")
}

pub(crate) fn refused_method(advice: &'static str) -> Notice {
    let sentence = "This address cannot be used in this way.";
    Notice::problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", sentence, advice)
}

async fn not_found() -> Notice {
    let sentence = "There is nothing at this address.";
    Notice::problem(StatusCode::NOT_FOUND, "not_found", sentence, "Check the address.")
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What an app's pages import; the npm package of the same file is tested there.
const CLIENT: &str = include_str!("../../../packages/client/client.js");

/// The script of the boot page. A file and not a part of the page: its policy allows no other.
const BOOT: &str = include_str!("../templates/boot.js");

/// The style of our own pages. A file and not a part of the page: Zoom's client blocks styles inside a page.
const STYLE: &str = include_str!("../templates/style.css");
