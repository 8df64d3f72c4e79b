//! What carries refreshes of grants: the runtime drives them, a stop waits for them, metrics count what came of them.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use stagedoor_flows::grant::{Cause, Driver, Ending, Outcome, Work};
use tokio_util::task::TaskTracker;

/// Drives refreshes on the runtime that it is called on. Flows get it when they are built, and the gateway that serves
/// them gets it too, to wait for what is under way when it stops.
#[derive(Debug, Default)]
pub struct Flights {
    pub(crate) tasks: TaskTracker,
    refreshes: Family<OutcomeLabel, Counter>,
    ended: Family<ReasonLabel, Counter>,
    /// Whether the last refresh came to nothing, so that a trouble is logged when it begins and when it is over.
    in_trouble: AtomicBool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

impl Flights {
    /// Nothing under way yet.
    pub fn new() -> Self {
        let flights = Self::default();
        for reason in [Ending::Refused, Ending::AnswerLost] {
            flights.count_ended(reason, 0);
        }
        flights
    }

    /// Shows what is counted.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("refreshes", "Refreshes of grants, by what came of them", self.refreshes.clone());
        registry.register("grants_ended", "Grants whose users have to authorize anew, by reason", self.ended.clone());
    }

    fn count_ended(&self, reason: Ending, by: u64) {
        self.ended.get_or_create(&ReasonLabel { reason: reason.name() }).inc_by(by);
    }

    fn trouble(&self, outcome: Outcome, cause: Option<&Cause>) {
        let cause = cause.map(|cause| cause as &dyn Error);
        let outcome = outcome.name();
        if self.in_trouble.swap(true, Ordering::Relaxed) {
            tracing::debug!(outcome, error = cause, "a grant was not refreshed");
        } else {
            tracing::warn!(outcome, error = cause, "a grant was not refreshed; it is kept, and tried again");
        }
    }
}

impl Driver for Flights {
    fn drive(&self, work: Work) {
        self.tasks.spawn(work);
    }

    fn landed(&self, outcome: Outcome, cause: Option<&Cause>) {
        self.refreshes.get_or_create(&OutcomeLabel { outcome: outcome.name() }).inc();
        match outcome {
            Outcome::Renewed | Outcome::Healed => {
                if self.in_trouble.swap(false, Ordering::Relaxed) {
                    tracing::info!("grants are refreshed again");
                }
            }
            Outcome::Ended(reason) => {
                self.count_ended(reason, 1);
                tracing::warn!(reason = reason.name(), "a grant is over; its user has to add the app again");
            }
            Outcome::Refused | Outcome::Limited | Outcome::Unknown => self.trouble(outcome, cause),
            Outcome::Unstored => {
                tracing::error!("new tokens could not be stored; their user may have to add the app again");
            }
        }
    }
}
