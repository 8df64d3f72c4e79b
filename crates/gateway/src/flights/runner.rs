//! The other end of the line: does what a gateway asks for, and goes on where the gateway dies.

use std::error::Error;
use std::future::Future;
use std::pin::pin;

use stagedoor_flows::connect::{Connect, Connection};
use stagedoor_flows::grant::{Cause, Done, Driver, Errand, Outcome, Told, Work};
use stagedoor_flows::installation::Installation;
use stagedoor_flows::tokens::Tokens;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::line::{Lines, Order, Report, encode};
use super::tally::Tally;

/// Refreshes that a gateway has handed over. Flows get it when they are built.
#[derive(Debug)]
pub struct Errands {
    tasks: TaskTracker,
    reports: UnboundedSender<Report>,
    reporting: TaskTracker,
    /// There will be no further report.
    over: CancellationToken,
}

impl Errands {
    /// Says on `output` what comes of the errands; on the runtime that it is called on.
    pub fn new(output: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        let (reports, queue) = unbounded_channel();
        let (reporting, over) = (TaskTracker::new(), CancellationToken::new());
        reporting.spawn(report(queue, over.clone(), output));
        Self { tasks: TaskTracker::new(), reports, reporting, over }
    }

    /// Does what `input` asks for, with flows that have this driver, until it has closed or `ended` completes, and
    /// everything that was begun is done and told.
    pub async fn run(&self, (tokens, connect): (Tokens, Connect), input: impl AsyncRead, ended: impl Future) {
        let (input, mut ended) = (pin!(input), pin!(ended));
        let mut lines = Lines::new(input);
        loop {
            let order: Option<Order> = tokio::select! {
                order = lines.next() => order,
                _ = ended.as_mut() => None,
            };
            let Some(Order { number, errand }) = order else { break };
            let (tokens, connect, reports) = (tokens.clone(), connect.clone(), self.reports.clone());
            self.tasks.spawn(async move {
                let done = run(&errand, &tokens, &connect).await;
                let _ = reports.send(Report::Done { number, done });
            });
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.over.cancel();
        self.reporting.close();
        self.reporting.wait().await;
    }
}

impl Driver for Errands {
    fn drive(&self, work: Work) {
        self.tasks.spawn(work);
    }

    fn landed(&self, outcome: Outcome, cause: Option<&Cause>) {
        let cause = cause.map(Told::new);
        let _ = self.reports.send(Report::Landed { outcome, cause });
    }
}

async fn run(errand: &Errand, tokens: &Tokens, connect: &Connect) -> Done {
    if errand.is_of::<Installation>() {
        tokens.run_errand(errand).await
    } else if errand.is_of::<Connection>() {
        connect.run_errand(errand).await
    } else {
        tracing::warn!("an errand of an unknown kind is not run");
        Done::default()
    }
}

/// Writes reports. Where the gateway is gone, what it would have logged is logged here.
async fn report(mut queue: UnboundedReceiver<Report>, over: CancellationToken, mut output: impl AsyncWrite + Unpin) {
    let alone = Tally::default();
    loop {
        let next = over.run_until_cancelled(queue.recv()).await.flatten();
        let Some(report) = next.or_else(|| queue.try_recv().ok()) else { return };
        if output.write_all(&encode(&report)).await.is_err()
            && let Report::Landed { outcome, cause } = &report
        {
            alone.landed(*outcome, cause.as_ref().map(|cause| cause as &dyn Error));
        }
    }
}
