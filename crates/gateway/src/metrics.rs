//! Metrics, with labels from fixed sets only.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::flights::Tally;
use crate::route::Route;
use crate::webhook::Gauges;

const METHODS: [&str; 4] = ["get", "head", "write", "other"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];

/// What came of a call of an API that a page or the upstream asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The API did it.
    Answered,
    /// The API refused it.
    Refused,
    /// The API asks for patience.
    RateLimited,
    /// The API gave no answer that can be passed on, or there was no token.
    Failed,
    /// It was not allowed, or not proven whose it is.
    Denied,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Vec<Histogram>,
    /// The counters of `requests`, found without hashing.
    cells: [[[OnceLock<Counter>; STATUSES.len()]; METHODS.len()]; Route::ALL.len()],
    calls: [Counter; Outcome::ALL.len()],
    /// Open connections.
    pub(crate) connections: Gauge<i64, AtomicI64>,
    /// Open WebSockets to the upstream.
    pub(crate) tunnels: Gauge<i64, AtomicI64>,
    /// Records that a previous secret has sealed; not a number before all of them have been looked at.
    pub(crate) outdated: Gauge<f64, AtomicU64>,
    /// What is counted of webhooks.
    pub(crate) webhook: Gauges,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl Outcome {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Answered, "answered"),
        (Self::Refused, "refused"),
        (Self::RateLimited, "rate_limited"),
        (Self::Failed, "failed"),
        (Self::Denied, "denied"),
    ];
}

impl Metrics {
    pub(crate) fn new(refreshes: &Tally) -> Self {
        let mut registry = Registry::with_prefix("stagedoor");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let seconds = Family::<RouteLabel, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        registry.register_with_unit(
            "http_request_duration",
            "Time from the request to the head of its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        let calls = Family::<OutcomeLabel, Counter>::default();
        registry.register("api_calls", "Calls of Zoom's API for pages and the upstream", calls.clone());
        let calls = Outcome::ALL.map(|(_, outcome)| calls.get_or_create(&OutcomeLabel { outcome }).clone());
        let (connections, tunnels) = (Gauge::default(), Gauge::default());
        registry.register("http_connections", "Open connections", connections.clone());
        refreshes.register(&mut registry);
        registry.register("websockets", "Open WebSockets to the upstream", tunnels.clone());
        let outdated = Gauge::default();
        outdated.set(f64::NAN);
        registry.register("records_outdated", "Records that only a previous secret opens", outdated.clone());
        let webhook = Gauges::new(&mut registry);
        let seconds =
            Route::ALL.iter().map(|route| seconds.get_or_create(&RouteLabel { route: route.name() }).clone()).collect();
        Self { registry, requests, seconds, cells: Default::default(), calls, connections, tunnels, outdated, webhook }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, route: Route, method: &Method, status: StatusCode, took: Duration) {
        let class = match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE => 2,
            _ => 3,
        };
        let status = usize::from(status.as_u16() / 100 - 1).min(STATUSES.len() - 1);
        let labels = || RequestLabels { route: route.name(), method: METHODS[class], status: STATUSES[status] };
        let cell = &self.cells[route as usize][class][status];
        cell.get_or_init(|| self.requests.get_or_create(&labels()).clone()).inc();
        self.seconds[route as usize].observe(took.as_secs_f64());
    }

    /// Counts a call of an API.
    pub(crate) fn called(&self, outcome: Outcome) {
        self.calls[outcome as usize].inc();
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("a String takes any text");
        text
    }
}
