//! The loop that delivers: what has just come in, and what waits from before.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use stagedoor_flows::port::HttpError;
use stagedoor_flows::vault::VaultError;
use stagedoor_flows::webhook::{Archive, Delivery, Erasure, Failed, Step, Subject};
use stagedoor_protocol::id::ZoomUserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Gauges;
use crate::upkeep::Trouble;

/// How many subjects are delivered at once.
const AT_ONCE: usize = 16;

/// How long the inbox is left alone once all of it has been looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long it is left alone between two pages in which nothing was due: a large inbox takes little of the processor.
const BREATH: Duration = Duration::from_millis(100);

/// How often the inbox is counted and the archive trimmed.
const COUNT: Duration = Duration::from_mins(1);

/// How long an upstream that cannot be reached is left alone, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// Delivers events, from this process.
#[derive(Clone)]
pub(crate) struct Deliveries {
    delivery: Delivery,
    archive: Archive,
    gauges: Gauges,
    free: Arc<Semaphore>,
    pause: Arc<Mutex<Pause>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// When the upstream is tried again.
struct Pause {
    until: Instant,
    length: Duration,
}

impl Deliveries {
    /// Deliveries that are part of `tasks` and begin nothing new once `stopping` is cancelled.
    pub(crate) fn new(
        delivery: Delivery,
        archive: Archive,
        gauges: Gauges,
        (tasks, stopping): (TaskTracker, CancellationToken),
    ) -> Self {
        let pause = Arc::new(Mutex::new(Pause { until: Instant::now(), length: PAUSE.0 }));
        Self { delivery, archive, gauges, free: Arc::new(Semaphore::new(AT_ONCE)), pause, tasks, stopping }
    }

    /// Delivers until the stop.
    pub(crate) async fn run(self, woken: mpsc::Receiver<Subject>) {
        let all = async { tokio::join!(self.follow(woken), self.sweep(), self.count()) };
        self.stopping.run_until_cancelled(all).await;
    }

    /// Delivers what has just come in.
    async fn follow(&self, mut woken: mpsc::Receiver<Subject>) {
        while let Some(subject) = woken.recv().await {
            let free = self.turn().await;
            if self.resumes() <= Instant::now() {
                self.deliver(subject, free);
            }
        }
    }

    /// Looks at the inbox over and over, for what failed before, and for what another process has left.
    async fn sweep(&self) {
        let mut trouble = Trouble::new("the webhooks that wait cannot be read");
        let (mut after, mut oldest, mut unreadable) = (None, None, 0);
        loop {
            sleep_until(self.resumes()).await;
            let swept = self.delivery.sweep(after).await;
            trouble.note(swept.as_ref().err());
            let Ok(swept) = swept else {
                sleep(LOOK).await;
                continue;
            };
            oldest = oldest.into_iter().chain(swept.oldest).min();
            unreadable += swept.unreadable;
            let is_idle = swept.due.is_empty();
            for subject in swept.due {
                let free = self.turn().await;
                if self.resumes() <= Instant::now() {
                    self.deliver(subject, free);
                }
            }
            after = swept.next;
            if after.is_none() {
                self.gauges.swept(self.delivery.age(oldest.take()), std::mem::take(&mut unreadable));
                sleep(LOOK).await;
            } else if is_idle {
                sleep(BREATH).await;
            }
        }
    }

    async fn count(&self) {
        let mut counting = Trouble::new("the webhooks that wait cannot be counted");
        let mut trimming = Trouble::new("the archive of webhooks cannot be trimmed");
        loop {
            let counted = self.delivery.count().await;
            counting.note(counted.as_ref().err());
            if let Ok(events) = counted {
                self.gauges.inbox(events);
            }
            trimming.note(self.archive.trim().await.err().as_ref());
            sleep(COUNT).await;
        }
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.free).acquire_owned().await.expect("nobody closes the semaphore")
    }

    fn deliver(&self, subject: Subject, free: OwnedSemaphorePermit) {
        let this = self.clone();
        self.tasks.spawn(async move {
            if let Err(error) = this.pursue(subject).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a delivery has to wait for the store");
            }
            drop(free);
        });
    }

    /// Delivers a subject as far as it goes.
    async fn pursue(&self, subject: Subject) -> Result<(), VaultError> {
        let Some(mut turn) = self.delivery.begin(subject).await? else { return Ok(()) };
        let ended = loop {
            match turn.step().await.map(|step| self.note(step)) {
                Ok(true) if !self.stopping.is_cancelled() => (),
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        turn.end().await?;
        ended
    }

    /// Counts and logs a step; says whether the turn goes on.
    fn note(&self, step: Step) -> bool {
        match step {
            Step::Delivered { .. } => {
                self.gauges.delivered("delivered");
                self.lock().length = PAUSE.0;
            }
            Step::Duplicate => self.gauges.delivered("duplicate"),
            Step::Erased(erasure) => record(&erasure),
            Step::Failed(Failed { id, name, attempts, failure }) => {
                self.gauges.delivered("failed");
                let cause = failure.source().map(tracing::field::display);
                tracing::warn!(event = %id, name = %name, attempts, reason = %failure, cause, "an event was not taken");
                return false;
            }
            Step::Buried(Failed { id, name, attempts, failure }) => {
                self.gauges.delivered("dead");
                tracing::error!(event = %id, name = %name, attempts, reason = %failure, "an event is a dead letter now");
            }
            Step::Unreachable(error) => {
                self.gauges.delivered("unreachable");
                self.rest(&error);
                return false;
            }
            Step::NotYet | Step::Empty | Step::Lost => return false,
        }
        true
    }

    /// Leaves the upstream alone for a while, for longer each time.
    fn rest(&self, error: &HttpError) {
        let mut pause = self.lock();
        let now = Instant::now();
        // Of several that failed together, the first one counts.
        if pause.until <= now {
            if pause.length == PAUSE.0 {
                tracing::warn!(error = error as &dyn std::error::Error, "the upstream for webhooks cannot be reached");
            }
            pause.until = now + pause.length;
            pause.length = (pause.length * 2).min(PAUSE.1);
        }
    }

    fn resumes(&self) -> Instant {
        self.lock().until
    }

    fn lock(&self) -> MutexGuard<'_, Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down that a user was erased: the evidence. It names the user by a hash that anybody who has the id can make
/// again (`printf %s ID | sha256sum`), and that leads nobody to the id.
fn record(erasure: &Erasure) {
    match erasure {
        Erasure::Complete { user, records } => {
            let user_sha256 = sha256(user);
            tracing::info!(target: "audit", action = "user_erased", reason = "app_deauthorized", user_sha256, records);
        }
        Erasure::AddedAgain { user } => {
            let user_sha256 = sha256(user);
            tracing::info!(target: "audit", action = "user_kept", reason = "app_added_again_since", user_sha256);
        }
    }
}

fn sha256(user: &ZoomUserId) -> String {
    let digest = digest(&SHA256, user.as_str().as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes any text");
        hex
    })
}
