//! Work that outlives the request that began it, and that a gateway waits for when it stops.

use stagedoor_flows::grant::{Cause, Driver, Outcome, Work};
use tokio_util::task::TaskTracker;

/// Carries refreshes to their end. Give it to the flows and to the gateway: clones share the work.
#[derive(Clone, Debug, Default)]
pub struct Background(TaskTracker);

impl Background {
    /// What is under way.
    pub(crate) fn tasks(&self) -> TaskTracker {
        self.0.clone()
    }
}

impl Driver for Background {
    fn drive(&self, work: Work) {
        self.0.spawn(work);
    }

    fn landed(&self, outcome: Outcome, cause: Option<&Cause>) {
        match cause {
            None => tracing::info!(outcome = outcome.name(), "a token was refreshed"),
            Some(cause) => {
                let cause = cause as &dyn std::error::Error;
                tracing::warn!(outcome = outcome.name(), error = cause, "a token was not refreshed");
            }
        }
    }
}
