//! The gateway's end of the line: starts the process that does the refreshes when there is something to do, and lets it
//! end when there is not.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io::{self, PipeWriter, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stagedoor_flows::grant::{Answer, Done, Errand};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::line::{Lines, Order, Report, encode};
use super::tally::Tally;

/// How many errands may be under way. Further refreshes are done here.
const ERRANDS: usize = 256;

/// What a pipe takes at once or not at all, on every system (POSIX, `PIPE_BUF`).
const AT_ONCE: usize = 512;

/// How long refreshes are done here after the process could not be started, or died.
const REST: Duration = Duration::from_mins(5);

/// A process that does refreshes, at most one at a time.
pub(super) struct Helper(Arc<Shared>);

/// What starts the process.
type Start = Box<dyn Fn() -> Command + Send + Sync>;

struct Shared {
    start: Start,
    /// How long it is kept with nothing to do.
    idle: Duration,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    process: Option<Process>,
    /// None is started before.
    rests_until: Option<Instant>,
}

struct Process {
    /// Where orders go in; `None` once it was let go.
    input: Option<PipeWriter>,
    orders: u64,
    waiting: HashMap<u64, oneshot::Sender<Done>>,
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Helper(…)")
    }
}

impl Helper {
    pub(super) fn new((start, idle): (Start, Duration), tally: Arc<Tally>) -> Self {
        Self(Arc::new(Shared { start, idle, tally, state: Mutex::default() }))
    }

    /// Hands an errand over, without waiting; `None` where it has to be done here.
    pub(super) fn hand_over(&self, errand: &Errand) -> Option<Answer> {
        let mut state = self.0.state();
        if state.process.is_none() {
            self.0.start(&mut state);
        }
        let answer = state.process.as_mut()?.hand_over(errand)?;
        self.0.tally.handed_over.inc();
        Some(answer)
    }
}

impl Process {
    fn hand_over(&mut self, errand: &Errand) -> Option<Answer> {
        let input = self.input.as_mut()?;
        let order = encode(&Order { number: self.orders, errand: errand.clone() });
        if self.waiting.len() >= ERRANDS || order.len() > AT_ONCE {
            return None;
        }
        // The pipe is the queue. One that is full, or has no reader any more, holds up nobody.
        input.write_all(&order).ok()?;
        let (answer, answered) = oneshot::channel();
        self.waiting.insert(self.orders, answer);
        self.orders += 1;
        Some(Box::pin(async { answered.await.ok() }))
    }
}

impl Shared {
    fn start(self: &Arc<Self>, state: &mut State) {
        if state.rests_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        match spawn(&mut (self.start)()) {
            Ok((child, input, output)) => {
                tracing::debug!(pid = child.id(), "started a process for refreshes");
                state.process = Some(Process { input: Some(input), orders: 0, waiting: HashMap::new() });
                tokio::spawn(Arc::clone(self).listen(child, output));
            }
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, "the process for refreshes cannot be started; they are done here");
                state.rests_until = Some(Instant::now() + REST);
            }
        }
    }

    /// Hears what the process says, until it has ended.
    async fn listen(self: Arc<Self>, mut child: Child, output: pipe::Receiver) {
        let mut lines = Lines::new(output);
        loop {
            match timeout(self.idle, lines.next()).await {
                Ok(Some(Report::Landed { outcome, cause })) => {
                    self.tally.landed(outcome, cause.as_ref().map(|cause| cause as &dyn Error));
                }
                Ok(Some(Report::Done { number, done })) => {
                    let waiting = self.state().process.as_mut().and_then(|process| process.waiting.remove(&number));
                    // Who asked may not wait any more.
                    waiting.map(|waiting| waiting.send(done));
                }
                Ok(None) => break,
                Err(_) => self.let_go(),
            }
        }
        self.ended();
        // Takes it off the system's table of processes; it is about to end, if it has not.
        while let Ok(None) = child.try_wait() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Closes the input of a process that has nothing to do, by which it ends.
    fn let_go(&self) {
        if let Some(process) = self.state().process.as_mut().filter(|process| process.waiting.is_empty()) {
            process.input = None;
        }
    }

    /// Tells everybody who waits that nobody does it any more, by dropping what they wait for.
    fn ended(&self) {
        let mut state = self.state();
        let was_let_go = state.process.take().is_some_and(|process| process.input.is_none());
        if !was_let_go {
            tracing::warn!("the process for refreshes has ended; they are done here for a while");
            state.rests_until = Some(Instant::now() + REST);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// Starts it in a process group of its own, so that what a terminal sends to the gateway's group does not reach it.
fn spawn(command: &mut Command) -> io::Result<(Child, PipeWriter, pipe::Receiver)> {
    let mut child = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (input, output) = child.stdin.take().zip(child.stdout.take()).expect("both are pipes");
    let input = pipe::Sender::from_owned_fd(OwnedFd::from(input))?.into_nonblocking_fd()?;
    Ok((child, PipeWriter::from(input), pipe::Receiver::from_owned_fd(OwnedFd::from(output))?))
}
