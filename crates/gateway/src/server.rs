//! The accept loop: limits on connections and heads, and a stop that drops nothing.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Limits;
use crate::wire::{Activity, Wire};

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// How many requests one HTTP/2 connection may have in flight.
const MAX_STREAMS: u32 = 128;

/// How many connections the system accepts ahead of us.
const BACKLOG: usize = 1024;

/// How long idle connections stay open when the gateway stops: a request that is on its way still finds an answer, and
/// with it the word that the connection closes.
const LINGER: Duration = Duration::from_secs(1);

/// How a server stops.
#[derive(Clone)]
pub(crate) struct Stop {
    /// Set at the beginning of the stop.
    pub(crate) stopping: Arc<AtomicBool>,
    /// Accepts no more connections.
    pub(crate) accept: CancellationToken,
    /// Closes connections as soon as they are idle.
    pub(crate) finish: CancellationToken,
    /// Ends everything.
    pub(crate) cut: CancellationToken,
    /// What has to end before the process does.
    pub(crate) tasks: TaskTracker,
}

impl Stop {
    /// `tasks` is what a stop waits for; connections join what is there.
    pub(crate) fn new(tasks: TaskTracker) -> Self {
        Self {
            stopping: Arc::default(),
            accept: CancellationToken::new(),
            finish: CancellationToken::new(),
            cut: CancellationToken::new(),
            tasks,
        }
    }

    /// Stops: no new connections, then idle connections, then whatever is left after `deadline`.
    pub(crate) async fn stop(&self, deadline: Duration) {
        self.stopping.store(true, Ordering::Relaxed);
        self.accept.cancel();
        self.tasks.close();
        let all = async {
            let lingered = tokio::time::timeout(LINGER.min(deadline), self.tasks.wait()).await;
            self.finish.cancel();
            if lingered.is_err() {
                self.tasks.wait().await;
            }
        };
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::info!(left = self.tasks.len(), "some connections are cut");
        }
        self.finish.cancel();
        self.cut.cancel();
        // What was cut ends at once; an exchange with Zoom that is still under way dies with the process.
        let _ = tokio::time::timeout(LINGER, self.tasks.wait()).await;
    }
}

/// What the connections of one listener share.
struct Listening<F> {
    answer: F,
    builder: auto::Builder<TokioExecutor>,
    limits: Limits,
    connections: Gauge<i64, AtomicI64>,
    stop: Stop,
}

/// Accepts connections and answers their requests with `answer`, until the stop.
pub(crate) async fn accept<F, A>(
    listener: TcpListener,
    answer: F,
    limits: Limits,
    connections: Gauge<i64, AtomicI64>,
    stop: Stop,
) where
    F: Fn(IpAddr, Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let listening = Arc::new(Listening { answer, builder: builder(), limits, connections, stop: stop.clone() });
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.accept.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => listening.serve(stream, peer.ip(), permit),
            Err(error) => pause_after(&error).await,
        }
    }
    for (stream, peer) in left_over(listener) {
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else { break };
        listening.serve(stream, peer, permit);
    }
}

/// Closes a listener, and gives the connections that the system has accepted for it: closing would reset them. The system
/// is asked itself, because the runtime may not have heard of the last ones yet.
fn left_over(listener: TcpListener) -> Vec<(TcpStream, IpAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok()).take(BACKLOG);
    let usable = |(stream, peer): (std::net::TcpStream, SocketAddr)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer.ip()))
    };
    accepted.filter_map(usable).collect()
}

impl<F, A> Listening<F>
where
    F: Fn(IpAddr, Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    fn serve(self: &Arc<Self>, stream: TcpStream, peer: IpAddr, permit: OwnedSemaphorePermit) {
        let this = Arc::clone(self);
        self.stop.tasks.spawn(async move {
            this.connections.inc();
            this.connection(stream, peer).await;
            this.connections.dec();
            drop(permit);
        });
    }

    async fn connection(&self, stream: TcpStream, peer: IpAddr) {
        // Without it, small answers wait for acknowledgements of earlier ones. A socket that refuses is closing.
        let _ = stream.set_nodelay(true);
        let activity = Arc::new(Activity::default());
        let io = TokioIo::new(Wire::new(stream, Arc::clone(&activity), self.limits));
        let service = service_fn(|request: http::Request<Incoming>| {
            let answering = activity.begin();
            // Boxed once here, instead of being moved into its place three times.
            let answer = Box::pin((self.answer)(peer, request.map(Body::new)));
            async { answer.await.map(|response| answering.head(response)) }
        });
        let mut connection = std::pin::pin!(self.builder.serve_connection_with_upgrades(io, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.finish.cancelled() => {
                connection.as_mut().graceful_shutdown();
                self.stop.cut.run_until_cancelled(connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = &*error as &dyn std::error::Error, "a connection ended early");
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // How long a head may take is the wire's to say.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// Errors of one connection are that client's; others (no free file descriptors) last a while.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(error = error as &dyn std::error::Error, "no connection can be accepted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
