//! WebSockets: two upgraded connections joined, without a look at their frames.

use std::sync::Arc;

use http::StatusCode;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::notice::Notice;

/// The buffer of each direction, in bytes. Small, because most WebSockets are idle most of the time.
const BUFFER: usize = 2048;

/// The open WebSockets.
#[derive(Clone)]
pub(crate) struct Tunnels {
    tasks: TaskTracker,
    cut: CancellationToken,
    free: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Tunnels {
    /// At most `limit` at once; `cut` ends them all.
    pub(crate) fn new(limit: usize, tasks: TaskTracker, cut: CancellationToken, metrics: Arc<Metrics>) -> Self {
        Self { tasks, cut, free: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))), metrics }
    }

    /// Joins two connections as soon as both have been upgraded.
    pub(crate) fn join(&self, client: OnUpgrade, upstream: OnUpgrade) -> Result<(), Notice> {
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(|_| full())?;
        let (cut, metrics) = (self.cut.clone(), Arc::clone(&self.metrics));
        self.tasks.spawn(async move {
            metrics.tunnels.inc();
            // However it ends, both connections are closed, and nobody is left to be told.
            let _ = cut.run_until_cancelled(relay(client, upstream)).await;
            metrics.tunnels.dec();
            drop(permit);
        });
        Ok(())
    }
}

async fn relay(client: OnUpgrade, upstream: OnUpgrade) -> Result<(), hyper::Error> {
    let (client, upstream) = futures_util::try_join!(client, upstream)?;
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    let _ = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER).await;
    Ok(())
}

fn full() -> Notice {
    let sentence = "There are too many open connections.";
    Notice::problem(StatusCode::SERVICE_UNAVAILABLE, "too_many_websockets", sentence, "Try again in a minute.")
}
