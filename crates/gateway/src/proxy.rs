//! The app as an upstream: requests go in with the user's identity, answers come out, both as streams.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stagedoor_flows::session::Session;
use url::Url;

use crate::app::is_websocket;
use crate::client::{Connector, Spoken};
use crate::config::{Config, ConfigError, Limits, Network};
use crate::cookie;
use crate::edge::{Arrival, REQUEST_ID};
use crate::notice::Notice;
use crate::progress::Progress;

mod fields;
mod identity;
mod tunnel;

pub(crate) use identity::{ASSERTION, Identity};
pub(crate) use tunnel::Tunnels;

/// How long an unused connection to the upstream is kept. Shorter than servers keep theirs (Node: 5 s), so that a
/// request seldom meets a connection that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(4);

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The way to an upstream.
pub(crate) struct Proxy {
    client: Client<Connector, Body>,
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
    forwarded_proto: HeaderValue,
    forwarded_host: HeaderValue,
    trusted: Vec<Network>,
    identity: Identity,
    tunnels: Tunnels,
    limits: Limits,
}

impl Proxy {
    /// Prepares the way to `upstream`.
    pub(crate) fn new(
        upstream: &Url,
        config: &Config,
        identity: Identity,
        tunnels: Tunnels,
    ) -> Result<Self, ConfigError> {
        let refused = || ConfigError::Upstream(upstream.clone());
        let scheme = match upstream.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(refused()),
        };
        let is_origin = upstream.path() == "/"
            && upstream.query().is_none()
            && upstream.fragment().is_none()
            && upstream.username().is_empty()
            && upstream.password().is_none();
        let authority = is_origin.then(|| authority(upstream)).flatten().ok_or_else(refused)?;
        let public = || ConfigError::PublicUrl(config.public_url.clone());
        let forwarded_host = self::authority(&config.public_url).ok_or_else(public)?;
        // HTTP/1.1 only: WebSockets need it, and next to the gateway HTTP/2 gains nothing.
        let connector = Connector::new(config.limits.upstream_connect, Spoken::Http1).map_err(ConfigError::Tls)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(256)
            .http1_max_buf_size(64 * 1024)
            .set_host(false)
            .build(connector);
        Ok(Self {
            client,
            scheme,
            host: value(authority.as_str()),
            authority,
            forwarded_proto: value(config.public_url.scheme()),
            forwarded_host: value(forwarded_host.as_str()),
            trusted: config.trusted_proxies.clone(),
            identity,
            tunnels,
            limits: config.limits,
        })
    }

    /// Sends a request to the upstream and gives back its answer.
    pub(crate) async fn forward(&self, mut request: Request, arrival: &Arrival, session: Option<&Session>) -> Response {
        let upgrade = is_websocket(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let address = client_address(&self.trusted, arrival.peer, request.headers());
        self.rewrite(request.headers_mut(), address, session);
        if upgrade.is_some() {
            fields::ask_for_websocket(request.headers_mut());
        }
        request.headers_mut().insert(REQUEST_ID, arrival.id.to_header());
        let mut target = std::mem::take(request.uri_mut()).into_parts();
        target.scheme = Some(self.scheme.clone());
        target.authority = Some(self.authority.clone());
        // The path and the query are those that were admitted, byte by byte.
        *request.uri_mut() = Uri::from_parts(target).expect("a target of ours with a scheme and an authority");
        *request.version_mut() = Version::HTTP_11;
        request.extensions_mut().clear();
        match self.send(request).await {
            Ok(response) => self.accept(response, upgrade),
            Err(notice) => notice.into_response(),
        }
    }

    /// Takes away what nobody but us may say, then says it.
    fn rewrite(&self, headers: &mut HeaderMap, address: IpAddr, session: Option<&Session>) {
        fields::remove_hop_by_hop(headers);
        fields::remove_reserved(headers);
        cookie::strip(headers);
        headers.insert(header::HOST, self.host.clone());
        headers.insert(FORWARDED_PROTO, self.forwarded_proto.clone());
        headers.insert(FORWARDED_HOST, self.forwarded_host.clone());
        headers.insert(FORWARDED_FOR, value(&address.to_string()));
        if let Some(session) = session {
            self.identity.write(headers, session);
        }
    }

    /// Waits for the head of the answer for as long as the request's body moves, and then a while.
    async fn send(&self, request: Request) -> Result<Response<Incoming>, Notice> {
        let (request, progress) = if request.body().is_end_stream() {
            (request, None)
        } else {
            let (parts, body) = request.into_parts();
            let (body, progress) = Progress::watch(body);
            (Request::from_parts(parts, Body::new(body)), Some(progress))
        };
        let mut answer = std::pin::pin!(self.client.request(request));
        let mut moved = 0;
        loop {
            match tokio::time::timeout(self.limits.upstream_answer, answer.as_mut()).await {
                Ok(answer) => return answer.map_err(|error| failed(&error)),
                Err(_) => match progress.as_ref().map(Progress::bytes) {
                    Some(bytes) if bytes > moved => moved = bytes,
                    _ => return Err(slow()),
                },
            }
        }
    }

    fn accept(&self, mut response: Response<Incoming>, upgrade: Option<OnUpgrade>) -> Response {
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let upstream = switched.then(|| hyper::upgrade::on(&mut response));
        let (mut parts, body) = response.into_parts();
        fields::remove_hop_by_hop(&mut parts.headers);
        cookie::refuse(&mut parts.headers);
        match (upgrade, upstream) {
            (_, None) => Response::from_parts(parts, Body::new(body)),
            (Some(client), Some(upstream)) => match self.tunnels.join(client, upstream) {
                Ok(()) => {
                    fields::ask_for_websocket(&mut parts.headers);
                    Response::from_parts(parts, Body::empty())
                }
                Err(notice) => notice.into_response(),
            },
            // Nobody asked for another protocol.
            (None, Some(_)) => broken().into_response(),
        }
    }
}

/// The client's address: the peer, or behind trusted proxies what the nearest of them was told.
pub(crate) fn client_address(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.to_canonical();
    if !is_trusted(address) {
        return address;
    }
    let fields = headers.get_all(FORWARDED_FOR).iter().rev();
    for hop in fields.flat_map(|field| field.to_str().unwrap_or("?").rsplit(',')) {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        address = hop.to_canonical();
        if !is_trusted(address) {
            break;
        }
    }
    address
}

/// Host and port as they stand in `Host`.
fn authority(url: &Url) -> Option<Authority> {
    let host = url.host_str()?;
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    authority.parse().ok()
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("schemes, hosts and addresses are visible ASCII")
}

fn failed(error: &Error) -> Notice {
    if error.is_connect() {
        let sentence = "The app behind this gateway cannot be reached.";
        let advice = "Try again in a minute; if this stays, the app is not running where app.upstream says.";
        return Notice::problem(StatusCode::BAD_GATEWAY, "upstream_unreachable", sentence, advice).because(error);
    }
    // The error that our own sending of the body met is the client's.
    if error.source().and_then(|source| source.downcast_ref::<hyper::Error>()).is_some_and(hyper::Error::is_user) {
        let sentence = "The content of this request broke off or makes no sense.";
        return Notice::problem(StatusCode::BAD_REQUEST, "body_broken", sentence, "Send it again.").because(error);
    }
    broken().because(error)
}

fn broken() -> Notice {
    let sentence = "The app behind this gateway gave no complete answer.";
    Notice::problem(StatusCode::BAD_GATEWAY, "upstream_broken", sentence, "Try again in a minute.")
}

fn slow() -> Notice {
    let sentence = "The app behind this gateway did not answer in time.";
    Notice::problem(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", sentence, "Try again in a minute.")
}
