//! The edge: the one layer around everything. A request gets its id and is admitted; an answer gets its notice
//! written, its security headers and its id; both are counted and logged.
//!
//! One layer instead of a chain, because a chain of layers costs a third of the throughput.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::{Router, extract::Request};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use stagedoor_flows::port::Entropy;
use tower::ServiceExt;

use crate::admission::{self, Refused};
use crate::app::{App, CONTEXT};
use crate::cobrowse::{self, CobrowseTokens};
use crate::consumer::ConsumerTokens;
use crate::headers::{Author, SecurityHeaders};
use crate::metrics::Metrics;
use crate::notice::{Audience, Notice, Places};
use crate::route::Route;
use crate::system::SystemEntropy;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The layer, with what it is around.
pub(crate) struct Edge {
    pub(crate) prefix: String,
    /// `None` where there is only what the gateway does itself.
    pub(crate) app: Option<App>,
    pub(crate) consumer: Option<ConsumerTokens>,
    pub(crate) cobrowse: Option<CobrowseTokens>,
    /// Whatever is asked for less often: a router costs as much as everything else here.
    pub(crate) routes: Router,
    pub(crate) headers: SecurityHeaders,
    pub(crate) places: Places,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ids: RequestIds,
    /// Whether Cobrowse tokens are also issued at the root, as Zoom's sample does.
    pub(crate) cobrowse_at_root: bool,
    /// Set when the gateway stops: every answer then closes its connection.
    pub(crate) stopping: Arc<AtomicBool>,
}

/// What the edge knows of a request, for those inside.
pub(crate) struct Arrival {
    pub(crate) id: RequestId,
    pub(crate) peer: IpAddr,
    pub(crate) audience: Audience,
}

/// What a call of an API is logged as: the rule that allows it, because a path names people. Comes with the answer.
#[derive(Clone, Debug)]
pub(crate) struct Called(pub(crate) Arc<str>);

impl Edge {
    /// Answers a request.
    pub(crate) async fn answer(self: Arc<Self>, peer: IpAddr, request: Request) -> Result<Response, Infallible> {
        let started = Instant::now();
        let (method, version) = (request.method().clone(), request.version());
        let route = self.route(&request);
        let path = (route == Route::App && tracing::enabled!(target: "access", tracing::Level::INFO))
            .then(|| request.uri().path().to_owned());
        let is_visited = route.is_visited() || request.headers().contains_key(CONTEXT);
        let otherwise = if is_visited { Audience::Person } else { Audience::Program };
        let audience = Audience::of(&method, request.headers(), otherwise);
        let arrival = Arrival { id: self.ids.next(), peer, audience };

        let admitted = admission::admit(&method, request.uri(), version, request.headers());
        let mut response = match admitted {
            Ok(()) => self.inside(route, request, &arrival).await,
            Err(refused) => refuse(refused),
        };

        let author = self.write_notice(&mut response, &arrival, route);
        let called = response.extensions_mut().remove::<Called>();
        let status = response.status();
        let headers = response.headers_mut();
        self.headers.complete(author, status, headers);
        headers.insert(REQUEST_ID, arrival.id.to_header());
        if self.stopping.load(Ordering::Relaxed)
            && version < Version::HTTP_2
            && status != StatusCode::SWITCHING_PROTOCOLS
        {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }

        let took = started.elapsed();
        self.metrics.answered(route, &method, status, took);
        tracing::info!(
            target: "access",
            request = arrival.id.as_str(),
            method = method_name(&method),
            route = route.name(),
            path = path.as_deref(),
            call = called.as_ref().map(|called| &*called.0),
            status = status.as_u16(),
            ms = took.as_secs_f64() * 1000.0,
        );
        Ok(response)
    }

    fn route(&self, request: &Request) -> Route {
        let path = request.uri().path();
        if self.cobrowse_at_root && cobrowse::is_of_the_sample(request.method(), path, request.headers()) {
            return Route::Cobrowse;
        }
        Route::of(path, &self.prefix)
    }

    /// A panic inside is one failed request, not a dead connection.
    async fn inside(&self, route: Route, request: Request, arrival: &Arrival) -> Response {
        let answered = async {
            match route {
                Route::App if let Some(app) = &self.app => app.answer(request, arrival).await,
                Route::Consumer if let Some(consumer) = &self.consumer => consumer.answer(request).await,
                Route::Cobrowse if let Some(cobrowse) = &self.cobrowse => cobrowse.answer(request, arrival).await,
                _ => self.routes.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
            }
        };
        let answered = AssertUnwindSafe(answered).catch_unwind().await;
        answered.unwrap_or_else(|_| Notice::internal("Try again in a minute.").into_response())
    }

    /// Writes the notice, if the answer is one, and says who wrote the answer.
    fn write_notice(&self, response: &mut Response, arrival: &Arrival, route: Route) -> Author {
        let Some(notice) = response.extensions_mut().remove::<Notice>() else {
            return if route == Route::App { Author::App } else { Author::Stagedoor };
        };
        log(&notice, arrival, route);
        let (kind, body) = notice.write(arrival.audience, arrival.id.as_str(), &self.places);
        let headers = response.headers_mut();
        // Of the empty body that the notice came with.
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.body_mut() = Body::from(body);
        if notice.is_boot { Author::BootPage } else { Author::Stagedoor }
    }
}

/// Only here does the cause of a failure meet the log.
fn log(notice: &Notice, arrival: &Arrival, route: Route) {
    let (request, route, code) = (arrival.id.as_str(), route.name(), notice.code);
    let (status, cause) = (notice.status.as_u16(), notice.cause.as_deref());
    if notice.status.is_server_error() {
        tracing::error!(request, route, code, status, cause, "request failed");
    } else if cause.is_some() {
        tracing::info!(request, route, code, status, cause, "request refused");
    }
}

fn refuse(refused: Refused) -> Response {
    let code = match refused {
        Refused::Host => "host_invalid",
        Refused::Character | Refused::Path | Refused::Form => "path_invalid",
    };
    let sentence = "This request could be understood in more than one way, so it is not answered.";
    let notice = Notice::problem(StatusCode::BAD_REQUEST, code, sentence, "Check the address.").because(&refused);
    ([(header::CONNECTION, "close")], notice).into_response()
}

/// A client can make methods up; a log gets none of them.
fn method_name(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

/// The id of a request, in hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct RequestId([u8; 16]);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("hexadecimal digits are a header value")
    }
}

/// Gives out request ids: 64 bits that look random and never repeat within a process.
pub(crate) struct RequestIds {
    start: u64,
    given: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut start = [0; 8];
        SystemEntropy.fill(&mut start);
        Self { start: u64::from_le_bytes(start), given: AtomicU64::new(0) }
    }

    fn next(&self) -> RequestId {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        let id = mix(self.start.wrapping_add(self.given.fetch_add(1, Ordering::Relaxed))).to_be_bytes();
        RequestId(std::array::from_fn(|at| digit((id[at / 2] >> (4 - 4 * (at % 2))) & 15)))
    }
}

/// The finaliser of SplitMix64: a bijection, so different numbers stay different.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Whether a header comes at most once; `Err` where it comes more often.
pub(crate) fn at_most_one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        _ => Err(()),
    }
}
