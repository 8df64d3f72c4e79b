use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{PATIENCE, listen};

/// An app: says what it received, streams, upgrades.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) hits: Arc<AtomicUsize>,
    /// What is held back goes as long as there are permits.
    gate: Arc<Semaphore>,
    /// Answers that were given up before their end.
    abandoned: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&hits);
        let (gate, abandoned) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (late_gate, event_gate, large_abandoned) = (Arc::clone(&gate), Arc::clone(&gate), Arc::clone(&abandoned));
        let router = Router::new()
            .route("/events", get(async move || events(event_gate)))
            .route("/socket", get(socket))
            .route("/slow", get(std::future::pending::<()>))
            .route(
                "/late",
                get(async move || {
                    released(&late_gate).await;
                    "late"
                }),
            )
            .route("/count", any(count))
            .route("/large", get(async move || large(large_abandoned)))
            .route("/framed", get(framed))
            .route(
                "/cookies",
                get(async || {
                    (
                        [(header::SET_COOKIE, "__Host-stagedoor=stolen; Path=/; Secure")],
                        [("set-cookie", "theirs=1")],
                        "ok",
                    )
                        .into_response()
                }),
            )
            .route("/nameless", get(async || [(header::SET_COOKIE, "=__Host-stagedoor=stolen; Path=/")]))
            .fallback(echo)
            .layer(axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| {
                counted.fetch_add(1, Ordering::Relaxed);
                next.run(request)
            }));
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, hits, gate, abandoned }
    }

    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }

    /// Lets one answer of `/late`, or the second event of one stream, go.
    pub(crate) fn release(&self) {
        self.gate.add_permits(1);
    }

    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }
}

/// What arrived: method, target, every header field, and what stood behind the body.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let body = body.collect().await.unwrap();
    let trailers = format!("{:?}", body.trailers());
    let said = json!({
        "method": parts.method.as_str(), "target": parts.uri.to_string(), "headers": headers, "trailers": trailers,
        "body": String::from_utf8_lossy(&body.to_bytes()),
    });
    ([(header::CONTENT_TYPE, "application/json")], said.to_string()).into_response()
}

async fn count(request: Request) -> String {
    let mut body = request.into_body().into_data_stream();
    let mut bytes = 0;
    while let Some(Ok(chunk)) = body.next().await {
        bytes += chunk.len();
    }
    bytes.to_string()
}

async fn released(gate: &Semaphore) {
    gate.acquire().await.expect("it is never closed").forget();
}

/// One event at once, and one when it is released.
fn events(gate: Arc<Semaphore>) -> Response {
    let events = stream::unfold(0, move |number| {
        let gate = Arc::clone(&gate);
        async move {
            if number == 1 {
                released(&gate).await;
            }
            (number < 2).then(|| (Ok::<_, std::io::Error>(Bytes::from(format!("data: {number}\n\n"))), number + 1))
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

/// 64 MiB. Where nobody takes them to their end, that is counted.
fn large(abandoned: Arc<AtomicUsize>) -> Body {
    struct Left(usize, Arc<AtomicUsize>);
    impl Iterator for Left {
        type Item = std::io::Result<Bytes>;
        fn next(&mut self) -> Option<Self::Item> {
            self.0 = self.0.checked_sub(1)?;
            Some(Ok(Bytes::from(vec![b'x'; 65_536])))
        }
    }
    impl Drop for Left {
        fn drop(&mut self) {
            self.1.fetch_add(usize::from(self.0 > 0), Ordering::Relaxed);
        }
    }
    Body::from_stream(stream::iter(Left(1024, abandoned)))
}

async fn framed() -> Response {
    let headers = [
        ("content-type", "text/html"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'self'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("referrer-policy", "unsafe-url"),
        ("connection", "x-hop"),
        ("x-hop", "gone"),
    ];
    (headers, "<h1>app</h1>").into_response()
}

/// Echoes bytes after the handshake, in capitals, so that an echo is not mistaken for a mirror in between.
async fn socket(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(upgrade.await.unwrap());
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = io.read(&mut buffer).await {
            buffer[..read].make_ascii_uppercase();
            if io.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    });
    let headers =
        [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Sends bytes and reads until the other side closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = raw_connection(address).await;
    // A server that has refused the beginning may have closed before the end is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // An end that is a reset is one, too.
    let _ = end.unwrap_or_else(|_| panic!("the connection stays open: {}", String::from_utf8_lossy(&answer)));
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) async fn raw_connection(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}
