//! The HTTP client for calls to Zoom: the `Http` port, with limits on everything.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stagedoor_flows::port::{Clock as _, Deadline, Http, HttpError};

use crate::skew::Skew;
use crate::system::SystemClock;

mod connector;

pub(crate) use connector::{Connector, Spoken};

/// Limits on one call.
#[derive(Clone, Copy, Debug)]
pub struct OutboundLimits {
    /// Until there is a connection (without TLS).
    pub connect: Duration,
    /// For the whole exchange, where a request brings no [`Deadline`].
    pub total: Duration,
    /// The largest answer, in bytes.
    pub body: usize,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(8), body: 1024 * 1024 }
    }
}

/// Sends requests over HTTP/1.1 or HTTP/2, with TLS verified against the roots of the operating system, or Mozilla's
/// where it has none. Follows no redirect and takes no proxy from the environment.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
    limits: OutboundLimits,
    skew: Arc<Skew>,
}

impl HttpClient {
    /// Builds a client.
    pub fn new(limits: OutboundLimits) -> Result<Self, rustls::Error> {
        let connector = Connector::new(limits.connect, Spoken::Http2)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(8)
            .http1_max_buf_size(64 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .build(connector.clone());
        Ok(Self { client, connector, limits, skew: Arc::default() })
    }

    /// The certificate of a server, verified, in DER (RFC 5280); `None` where there is no TLS or no connection. Asks nothing
    /// over the connection that it makes.
    pub async fn certificate(&self, uri: Uri) -> Option<Bytes> {
        let connected = tokio::time::timeout(self.limits.total, self.connector.connect(uri)).await;
        let MaybeHttpsStream::Https(stream) = connected.ok()?.ok()? else { return None };
        let (_, tls) = stream.inner().get_ref();
        tls.peer_certificates()?.first().map(|certificate| Bytes::copy_from_slice(certificate))
    }

    async fn exchange(&self, request: Request<Bytes>, host: &str) -> Result<Response<Bytes>, HttpError> {
        let sent = self.client.request(request.map(Full::new)).await;
        let (parts, body) = sent.map_err(|error| unsent(error, host))?.into_parts();
        self.skew.note(host, &parts.headers, SystemClock.now());
        let body = Limited::new(body, self.limits.body).collect().await.map_err(|source| {
            if source.is::<LengthLimitError>() {
                HttpError::TooLarge { host: host.to_owned() }
            } else {
                HttpError::Broken { host: host.to_owned(), source }
            }
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

#[async_trait]
impl Http for HttpClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = host_of(request.uri());
        let total = request.extensions().get().map_or(self.limits.total, |Deadline(total)| *total);
        tokio::time::timeout(total, self.exchange(request, &host))
            .await
            .unwrap_or_else(|_| Err(HttpError::Timeout { host }))
    }
}

fn unsent(error: hyper_util::client::legacy::Error, host: &str) -> HttpError {
    let host = host.to_owned();
    if error.is_connect() {
        HttpError::Connect { host, source: Box::new(error) }
    } else if error
        .source()
        .and_then(|source| source.downcast_ref::<hyper::Error>())
        .is_some_and(hyper::Error::is_timeout)
    {
        HttpError::Timeout { host }
    } else {
        HttpError::Broken { host, source: Box::new(error) }
    }
}

/// The host alone: a path or query may hold a secret.
fn host_of(uri: &Uri) -> String {
    uri.host().unwrap_or("nowhere").to_owned()
}
