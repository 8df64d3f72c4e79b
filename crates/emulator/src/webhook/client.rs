//! The HTTP client that plays Zoom's.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Url;

use crate::entropy;
use crate::platform::Platform;
use crate::redact::Redactor;
use crate::world::journal::{Seen, ShownAnswer, ShownRequest};

/// How long Zoom waits for an answer.
pub(super) const LIMIT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-zm-request-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-zm-signature");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-zm-request-id");
const TRACKING_ID: HeaderName = HeaderName::from_static("x-zm-trackingid");
const CLIENT_ID: HeaderName = HeaderName::from_static("clientid");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

#[derive(Clone)]
pub(super) struct Client(legacy::Client<HttpConnector, Body>);

/// What one request says.
pub(super) struct Letter<'a> {
    pub(super) body: &'a Bytes,
    pub(super) timestamp: &'a str,
    pub(super) signature: Option<&'a str>,
    pub(super) request_id: &'a str,
}

/// What came of a request.
pub(super) enum Outcome {
    Answered(StatusCode, HeaderMap, Bytes),
    /// Nothing came within three seconds.
    TimedOut,
    /// There is no connection, or it broke.
    Unreachable,
}

impl Outcome {
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answered(status, ..) => Some(*status),
            Self::TimedOut | Self::Unreachable => None,
        }
    }
}

impl Client {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Posts a letter; returns what came of it, and the exchange as the diagram shows it.
    pub(super) async fn post(&self, platform: &Platform, url: &Url, letter: &Letter<'_>) -> (Outcome, Seen) {
        let headers = headers(platform, letter);
        let mut redactor = Redactor::new(platform);
        let shown = show_request(redactor.url(url.as_str()), &headers, letter.body);
        let mut request = Request::new(Body::from(letter.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.as_str().parse().expect("an http URL with a host is a URI");
        *request.headers_mut() = headers;
        let started = Instant::now();
        let outcome = tokio::time::timeout(LIMIT, self.exchange(request)).await.unwrap_or(Outcome::TimedOut);
        let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let http = outcome.status().map(|status| status.as_u16());
        let answer = match &outcome {
            Outcome::Answered(status, headers, body) => Some(ShownAnswer {
                status: status.as_u16(),
                headers: redactor.headers(headers),
                body: redactor.body(headers, body),
            }),
            Outcome::TimedOut | Outcome::Unreachable => None,
        };
        let (request, answer) = redactor.sweep(shown, answer);
        (outcome, Seen { took_ms: Some(took_ms), http, request: Some(request), answer })
    }

    async fn exchange(&self, request: Request<Body>) -> Outcome {
        let Ok(response) = self.0.request(request).await else { return Outcome::Unreachable };
        let (parts, body) = response.into_parts();
        match to_bytes(Body::new(body), MAX_ANSWER).await {
            Ok(body) => Outcome::Answered(parts.status, parts.headers, body),
            Err(_) => Outcome::Unreachable,
        }
    }
}

fn headers(platform: &Platform, letter: &Letter<'_>) -> HeaderMap {
    let own = |text: String| HeaderValue::try_from(text).expect("ids and numbers are visible ASCII");
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static("Zoom Marketplace/1.0a"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(AUTHORIZATION, own(platform.post.verification_token.clone()));
    headers.insert(CLIENT_ID, own(platform.config.client_id.to_string()));
    headers.insert(TRACE_PARENT, own(format!("00-{}-{}-01", entropy::hex(), &entropy::hex()[..16])));
    if let Some(signature) = letter.signature {
        headers.insert(TIMESTAMP, own(letter.timestamp.into()));
        headers.insert(SIGNATURE, own(signature.into()));
    }
    headers.insert(REQUEST_ID, own(letter.request_id.into()));
    headers.insert(TRACKING_ID, own(format!("v=2.0;clid=us04;rid=WEB_{}", entropy::hex())));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers
}

/// The emulator made all of it, so that all of it can be shown, but for the verification token and what is in the URL.
fn show_request(url: String, headers: &HeaderMap, body: &Bytes) -> ShownRequest {
    let shown = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        [name.to_string(), if name == AUTHORIZATION { "‹the verification token›".into() } else { value }]
    };
    ShownRequest {
        method: Method::POST.to_string(),
        url,
        headers: headers.iter().map(shown).collect(),
        body: Some(String::from_utf8_lossy(body).into_owned()),
    }
}
