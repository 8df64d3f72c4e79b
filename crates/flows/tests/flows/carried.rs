//! What carries refreshes in tests: the runtime of the test, until the process is killed.

use std::sync::Mutex;

use stagedoor_flows::connect::Connection;
use stagedoor_flows::grant::{Answer, Cause, Driver, Errand, Outcome, Work};
use stagedoor_flows::installation::Installation;
use tokio::task::JoinHandle;

use crate::world::World;

#[derive(Default)]
pub(crate) struct Carried {
    works: Mutex<Vec<JoinHandle<()>>>,
    outcomes: Mutex<Vec<Outcome>>,
    outliving: Mutex<Option<Outliving>>,
}

/// The process beside this one.
#[derive(Clone)]
enum Outliving {
    Working(Box<World>),
    Hanging,
}

impl Carried {
    /// What has landed so far.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.outcomes.lock().unwrap().clone()
    }

    /// From now on `other` does what this process is to refresh.
    pub(crate) fn hand_over_to(&self, other: World) {
        *self.outliving.lock().unwrap() = Some(Outliving::Working(Box::new(other)));
    }

    /// From now on a process that does nothing is asked to do what this one is to refresh.
    pub(crate) fn hand_over_in_vain(&self) {
        *self.outliving.lock().unwrap() = Some(Outliving::Hanging);
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

    fn hand_over(&self, errand: &Errand) -> Option<Answer> {
        let Outliving::Working(other) = self.outliving.lock().unwrap().clone()? else {
            return Some(Box::pin(std::future::pending()));
        };
        let errand = errand.clone();
        let running = tokio::spawn(async move {
            if errand.is_of::<Installation>() {
                other.tokens.run_errand(&errand).await
            } else {
                assert!(errand.is_of::<Connection>(), "{errand:?}");
                other.connect.run_errand(&errand).await
            }
        });
        // As it goes over a pipe.
        Some(Box::pin(async {
            let done = serde_json::to_string(&running.await.ok()?).unwrap();
            Some(serde_json::from_str(&done).unwrap())
        }))
    }
}
