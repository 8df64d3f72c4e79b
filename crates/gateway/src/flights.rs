//! What carries refreshes of grants: the runtime drives them, a stop waits for them, metrics count what came of them, and
//! a process beside this one may do them.

use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use stagedoor_flows::grant::{Answer, Cause, Driver, Errand, Outcome, Work};
use tokio_util::task::TaskTracker;

mod helper;
mod line;
mod runner;
mod tally;

pub use runner::Errands;

use helper::Helper;
pub(crate) use tally::Tally;

/// Drives refreshes on the runtime that it is called on. Flows get it when they are built, and the gateway that serves
/// them gets it too, to wait for what is under way when it stops.
#[derive(Debug, Default)]
pub struct Flights {
    pub(crate) tasks: TaskTracker,
    pub(crate) tally: Arc<Tally>,
    helper: Option<Helper>,
}

impl Flights {
    /// Nothing under way yet; every refresh dies with this process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refreshes are done by the process that `command` starts, which runs [`Errands`] and outlives this one where this
    /// one dies. It is started when there is something to refresh, and let go when there has been nothing for as long as
    /// `idle`. Where it cannot be started, or dies, refreshes are done here.
    pub fn outliving(command: impl Fn() -> Command + Send + Sync + 'static, idle: Duration) -> Self {
        let tally = Arc::default();
        let helper = Helper::new((Box::new(command), idle), Arc::clone(&tally));
        Self { tasks: TaskTracker::new(), tally, helper: Some(helper) }
    }
}

impl Driver for Flights {
    fn drive(&self, work: Work) {
        self.tasks.spawn(work);
    }

    fn landed(&self, outcome: Outcome, cause: Option<&Cause>) {
        self.tally.landed(outcome, cause.map(|cause| cause as &dyn Error));
    }

    fn hand_over(&self, errand: &Errand) -> Option<Answer> {
        self.helper.as_ref()?.hand_over(errand)
    }
}
