//! What carries refreshes in tests: the runtime of the test, until the process is killed.

use std::sync::Mutex;

use stagedoor_flows::grant::{Cause, Driver, Errand, Outcome, Work};
use tokio::task::JoinHandle;

use crate::world::World;

#[derive(Default)]
pub(crate) struct Carried {
    works: Mutex<Vec<JoinHandle<()>>>,
    outcomes: Mutex<Vec<Outcome>>,
    outliving: Mutex<Option<World>>,
}

impl Carried {
    /// What has landed so far.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.outcomes.lock().unwrap().clone()
    }

    /// From now on `other` does what this process is to refresh.
    pub(crate) fn hand_over_to(&self, other: World) {
        *self.outliving.lock().unwrap() = Some(other);
    }

    /// What `kill -9` does to a process.
    pub(crate) fn kill(&self) {
        for work in self.works.lock().unwrap().drain(..) {
            work.abort();
        }
    }

    /// Waits for everything that is under way, as a process does that stops in order.
    pub(crate) async fn settle(&self) {
        loop {
            let Some(work) = self.works.lock().unwrap().pop() else { return };
            work.await.unwrap();
        }
    }
}

impl Driver for Carried {
    fn drive(&self, work: Work) {
        self.works.lock().unwrap().push(tokio::spawn(work));
    }

    fn landed(&self, outcome: Outcome, _: Option<&Cause>) {
        self.outcomes.lock().unwrap().push(outcome);
    }

    fn hand_over(&self, errand: &Errand) -> bool {
        let Some(other) = self.outliving.lock().unwrap().clone() else { return false };
        let errand = errand.clone();
        tokio::spawn(async move { other.tokens.run_errand(&errand).await });
        true
    }
}
