//! What came of refreshes: counted, and logged.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use stagedoor_flows::grant::{Ending, Outcome};

/// What is counted of refreshes, wherever they are done.
#[derive(Debug)]
pub(crate) struct Tally {
    refreshes: Family<OutcomeLabel, Counter>,
    ended: Family<ReasonLabel, Counter>,
    /// Refreshes that another process was asked to do.
    pub(super) handed_over: Counter,
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

impl Default for Tally {
    fn default() -> Self {
        let tally = Self {
            refreshes: Family::default(),
            ended: Family::default(),
            handed_over: Counter::default(),
            in_trouble: AtomicBool::default(),
        };
        for reason in [Ending::Refused, Ending::AnswerLost] {
            tally.count_ended(reason, 0);
        }
        tally
    }
}

impl Tally {
    /// Shows what is counted.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("refreshes", "Refreshes of grants, by what came of them", self.refreshes.clone());
        registry.register("grants_ended", "Grants whose users have to authorize anew, by reason", self.ended.clone());
        let handed_over = "Refreshes that were handed over to the process that outlives this one";
        registry.register("refreshes_handed_over", handed_over, self.handed_over.clone());
    }

    /// Counts what came of a refresh, and logs what somebody may want to know.
    pub(super) fn landed(&self, outcome: Outcome, cause: Option<&(dyn Error + 'static)>) {
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

    fn count_ended(&self, reason: Ending, by: u64) {
        self.ended.get_or_create(&ReasonLabel { reason: reason.name() }).inc_by(by);
    }

    fn trouble(&self, outcome: Outcome, cause: Option<&(dyn Error + 'static)>) {
        let outcome = outcome.name();
        if self.in_trouble.swap(true, Ordering::Relaxed) {
            tracing::debug!(outcome, error = cause, "a grant was not refreshed");
        } else {
            tracing::warn!(outcome, error = cause, "a grant was not refreshed; it is kept, and tried again");
        }
    }
}
