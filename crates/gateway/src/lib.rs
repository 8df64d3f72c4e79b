//! HTTP in and out: the routes of Stagedoor, the app behind its gate, and the client for calls to Zoom.
//!
//! A request meets the edge first (its id, its admission, later its security headers), then a route of ours or the
//! app. Handlers extract, call one method of a flow, and encode; what Stagedoor itself has to say is a notice, which the
//! edge writes as a page or as a problem.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use futures_util::future::{BoxFuture, OptionFuture};
use prometheus_client::metrics::gauge::Gauge;
use stagedoor_flows::assertion::Assertions;
use stagedoor_flows::authorize::Authorize;
use stagedoor_flows::cobrowse::Cobrowse;
use stagedoor_flows::connect::Connect;
use stagedoor_flows::consumer::Consumer;
use stagedoor_flows::install::Install;
use stagedoor_flows::installation::Installations;
use stagedoor_flows::launch::Launch;
use stagedoor_flows::reseal::Reseal;
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::session::Sessions;
use stagedoor_flows::tokens::Tokens;
use stagedoor_flows::vault::Vault;
use stagedoor_protocol::loopback::is_loopback;
use tokio::net::TcpListener;
use tower::{ServiceExt, service_fn};

mod admin;
pub mod admission;
mod api;
mod app;
mod authorize;
mod body;
mod caller;
mod client;
mod cobrowse;
mod config;
mod connect;
mod consumer;
mod context;
pub mod cookie;
mod cors;
mod edge;
mod files;
mod flights;
pub mod headers;
mod install;
mod metrics;
mod notice;
mod origin;
mod progress;
mod proxy;
mod relay;
mod route;
mod routes;
mod server;
mod session;
mod skew;
mod system;
mod upkeep;
mod webhook;
pub mod wire;

pub use client::{HttpClient, OutboundLimits};
pub use config::{
    App, AppSource, Browsers, Config, ConfigError, HeaderConfig, InvalidNetwork, Limits, Network, SessionConfig,
};
pub use flights::{Errands, Flights};
pub use relay::RelayLimits;
pub use system::{SystemClock, SystemEntropy};
pub use webhook::WebhookFlows;

use admin::Admin;
use app::{Public, Source};
use cobrowse::CobrowseTokens;
use connect::Claims;
use consumer::ConsumerTokens;
use edge::{Edge, RequestIds};
use files::Files;
use headers::SecurityHeaders;
use metrics::Metrics;
use notice::Places;
use origin::Origin;
use proxy::{Identity, Proxy, Tunnels};
use route::Route;
use routes::{Handlers, Shared, routes};
use server::Stop;
use upkeep::Renewal;

/// The flows that the routes call. A part that is `None` has no routes.
pub struct Flows {
    /// Is asked whether it is ready, and cleaned up.
    pub vault: Vault,
    /// Knows whose sessions are over.
    pub revocations: Arc<Revocations>,
    /// Carries the refreshes of all grants.
    pub flights: Arc<Flights>,
    /// A Zoom App.
    pub zoom: Option<ZoomFlows>,
    /// Tells Contact Center who the visitor of a website is.
    pub consumer: Option<Consumer>,
    /// Lets customers and agents into Cobrowse sessions.
    pub cobrowse: Option<Cobrowse>,
}

/// The flows of a Zoom App.
pub struct ZoomFlows {
    /// Adds the app.
    pub install: Install,
    /// Adds the app inside Zoom's client.
    pub authorize: Authorize,
    /// Opens the app.
    pub launch: Launch,
    /// Seals and opens session cookies.
    pub sessions: Sessions,
    /// Says who has added the app.
    pub installations: Installations,
    /// Gives Zoom's tokens, and keeps them good.
    pub tokens: Tokens,
    /// Signs who calls, for an upstream.
    pub assertions: Assertions,
    /// Takes webhooks, where Zoom's secret for them is known.
    pub webhook: Option<WebhookFlows>,
    /// Connects users to third-party providers.
    pub connect: Connect,
}

/// The gateway, ready to serve.
pub struct Gateway {
    edge: Arc<Edge>,
    admin: Arc<Admin>,
    revocations: Arc<Revocations>,
    renewal: Option<Renewal>,
    limits: Limits,
    stop: Stop,
    webhooks: Option<webhook::Background>,
}

impl Gateway {
    /// Checks the settings and builds the gateway.
    pub fn new(config: Config, mut flows: Flows) -> Result<Self, ConfigError> {
        check(&config)?;
        let stop = Stop::new(flows.flights.tasks.clone());
        let metrics = Arc::new(Metrics::new(&flows.flights.tally));
        let place = |route: Route| format!("{}{}", config.prefix, route.path().unwrap_or_default());
        let install_url = config.public_url.join(&place(Route::Install)).expect("a checked path joins an origin");
        let (install, style, boot) = (place(Route::Install), place(Route::Style), place(Route::Boot));
        let places = Places { install, install_url: install_url.into(), style, boot };
        let app = app(&config, flows.zoom.as_ref(), &metrics, &stop)?;
        let admin = Arc::new(Admin {
            vault: flows.vault.clone(),
            metrics: Arc::clone(&metrics),
            stopping: Arc::clone(&stop.stopping),
            revocations_known: Arc::default(),
        });
        let revocations = Arc::clone(&flows.revocations);
        let (handlers, webhooks) = webhook_part(&config, &mut flows, &metrics, &stop).unzip();
        let handlers = handlers.unwrap_or_default();
        let per_second = config.renew_per_second;
        let renewal = flows.zoom.as_ref().map(|zoom| Renewal {
            tokens: zoom.tokens.clone(),
            connect: zoom.connect.clone(),
            per_second,
        });
        let consumer = flows.consumer.take().map(|consumer| ConsumerTokens::new(consumer, &config));
        let zoom = flows.zoom.as_ref().map(cobrowse::Zoom::of);
        let cobrowse = flows.cobrowse.take().map(|cobrowse| CobrowseTokens::new(cobrowse, zoom, &config));
        let edge = Arc::new(Edge {
            cobrowse_at_root: config.cobrowse_at_root && cobrowse.is_some(),
            routes: routes(&config, flows.zoom, handlers, &places, &Shared { stop: &stop, metrics: &metrics })?,
            headers: SecurityHeaders::new(&config)?,
            prefix: config.prefix,
            app,
            consumer,
            cobrowse,
            places,
            metrics,
            ids: RequestIds::new(),
            stopping: Arc::clone(&stop.stopping),
        });
        Ok(Self { edge, admin, revocations, renewal, limits: config.limits, stop, webhooks })
    }

    /// The public routes as one router, without a listener: for tests. Every request comes from 127.0.0.1.
    pub fn router(&self) -> Router {
        let edge = Arc::clone(&self.edge);
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        Router::new().fallback_service(service_fn(move |request| Arc::clone(&edge).answer(here, request)))
    }

    /// The admin routes as one router, without a listener: for tests.
    pub fn admin_router(&self) -> Router {
        admin::router(Arc::clone(&self.admin))
    }

    /// Serves until `shutdown` completes, then stops: accepts nothing more, finishes what is in flight, and cuts what is
    /// left after [`Limits::stop`]. Returns when everything has ended.
    pub fn serve<'a>(
        self,
        public: TcpListener,
        admin: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'a,
    ) -> BoxFuture<'a, io::Result<()>> {
        self.run(public, admin, Box::pin(shutdown))
    }

    /// Neither generic nor an `async fn`: so the way of a request is compiled here, and not again by who awaits it, perhaps
    /// for size instead of speed.
    fn run(
        self,
        public: TcpListener,
        admin: TcpListener,
        shutdown: BoxFuture<'_, ()>,
    ) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let Self { edge, admin: admin_state, revocations, renewal, limits, stop, webhooks } = self;
            let connections = edge.metrics.connections.clone();
            let known = Arc::clone(&admin_state.revocations_known);
            let vault = admin_state.vault.clone();
            let (reseal, outdated) = (Reseal::new(&vault), edge.metrics.outdated.clone());
            let admin_routes = admin::router(admin_state);
            let answer = move |peer: IpAddr, request: Request| Arc::clone(&edge).answer(peer, request);
            let answer_admin = move |_: IpAddr, request: Request| admin_routes.clone().oneshot(request);

            let upkeep = stop.finish.clone();
            let serving = async {
                tokio::join!(
                    server::accept(public, answer, limits, connections, stop.clone()),
                    server::accept(admin, answer_admin, limits, Gauge::default(), stop.clone()),
                    upkeep.run_until_cancelled(upkeep::refresh(revocations, known)),
                    upkeep.run_until_cancelled(upkeep::purge(vault)),
                    upkeep.run_until_cancelled(upkeep::reseal(reseal, outdated)),
                    upkeep.run_until_cancelled(upkeep::renew(renewal)),
                    OptionFuture::from(webhooks.map(|webhooks| Box::pin(webhooks.run()))),
                )
            };
            let stopping = async {
                shutdown.await;
                stop.stop(limits.stop).await;
            };
            tokio::join!(serving, stopping);
            Ok(())
        })
    }
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let url = &config.public_url;
    let is_origin = matches!(url.scheme(), "https" | "http")
        && (url.scheme() == "https" || is_loopback(url))
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_origin {
        return Err(ConfigError::PublicUrl(url.clone()));
    }
    let prefix = &config.prefix;
    let is_plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_'));
    let is_path = prefix.len() > 1 && prefix.starts_with('/') && !prefix.ends_with('/');
    if !is_path || !is_plain || admission::path(prefix).is_err() {
        return Err(ConfigError::Prefix(prefix.clone()));
    }
    Ok(())
}

/// The app behind its gate. It belongs to a Zoom App, whose launches open the gate.
fn app(
    config: &Config,
    zoom: Option<&ZoomFlows>,
    metrics: &Arc<Metrics>,
    stop: &Stop,
) -> Result<Option<app::App>, ConfigError> {
    let (app, zoom) = match (&config.app, zoom) {
        (None, _) => return Ok(None),
        (Some(_), None) => return Err(ConfigError::AppWithoutZoom),
        (Some(app), Some(zoom)) => (app, zoom),
    };
    let source = match &app.source {
        AppSource::Root(root) => Source::Files(Files::directory(root.clone())?),
        AppSource::Embedded(files) => Source::Files(Files::embedded(files)),
        AppSource::Upstream(upstream) => {
            let (tasks, cut) = (stop.tasks.clone(), stop.cut.clone());
            let tunnels = Tunnels::new(config.limits.connections, tasks, cut, Arc::clone(metrics));
            let identity = Identity::new(zoom.assertions.clone());
            Source::Upstream(Box::new(Proxy::new(upstream, config, identity, tunnels)?))
        }
    };
    Ok(Some(app::App {
        source,
        launch: zoom.launch.clone(),
        claims: Claims { connect: zoom.connect.clone(), exchanges: stop.tasks.clone() },
        sessions: zoom.sessions.clone(),
        session_config: config.session,
        pwa: config.pwa,
        browsers: app.browsers,
        public: Public::parse(&app.public)?,
        origin: Origin::new(&config.public_url),
    }))
}

/// The routes of webhooks and what runs beside them, where there are webhooks.
fn webhook_part(
    config: &Config,
    flows: &mut Flows,
    metrics: &Metrics,
    stop: &Stop,
) -> Option<(Handlers, webhook::Background)> {
    let zoom = flows.zoom.as_mut()?;
    let origin = Origin::new(&config.public_url);
    Some(webhook::part(zoom.webhook.take()?, &zoom.sessions, origin, &metrics.webhook, stop))
}
