use std::collections::{BTreeSet, VecDeque};

use stagedoor_protocol::time::UnixMillis;

use super::World;
use super::grants::Challenge;
use super::journal::{FlowId, Kind, StepId};
use crate::entropy;

/// An authorization request that waits for the user's decision.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) flow: FlowId,
}

/// The install that is going on, as the diagram tells it.
#[derive(Clone)]
pub(crate) struct Install {
    pub(crate) flow: FlowId,
    /// Begun by the Marketplace: Zoom itself built the authorize URL.
    pub(crate) marketplace: bool,
    /// Who consented in this install; a Marketplace add does not ask a second time.
    pub(crate) consented: Option<String>,
    /// The step to the landing URL, until the browser arrives at the authorize page.
    pub(crate) landing: Option<StepId>,
    /// The step that took a code without state to the backend.
    pub(crate) stateless_callback: Option<StepId>,
}

/// Installs: the one going on, those that wait for a decision, and who removed the app.
#[derive(Default)]
pub(crate) struct Installs {
    pub(crate) current: Option<Install>,
    waiting: VecDeque<(String, Authorization)>,
    removed: BTreeSet<String>,
}

/// How many authorization requests wait for a decision at most.
const MAX_WAITING: usize = 200;
/// After this long without a step an install is over, in milliseconds.
const MAX_QUIET_MS: i64 = 600_000;

impl Installs {
    /// Lets an authorization request wait; returns the name under which the consent page answers it.
    pub(crate) fn wait(&mut self, authorization: Authorization) -> String {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        let name = entropy::base64url(32);
        self.waiting.push_back((name.clone(), authorization));
        name
    }

    /// Takes a waiting authorization request: it is decided once.
    pub(crate) fn take(&mut self, name: &str) -> Option<Authorization> {
        let place = self.waiting.iter().position(|(known, _)| known == name)?;
        self.waiting.remove(place).map(|(_, authorization)| authorization)
    }

    /// Whether Zoom knows the user as somebody who has the app. The emulator forgets installs when it stops and a
    /// backend does not, so everybody counts as known until they remove the app.
    pub(crate) fn knows(&self, user: &str) -> bool {
        !self.removed.contains(user)
    }

    /// Removes the app for a user; false if they had removed it before.
    pub(crate) fn remove(&mut self, user: &str) -> bool {
        self.removed.insert(user.into())
    }

    pub(crate) fn add(&mut self, user: &str) {
        self.removed.remove(user);
    }
}

impl World {
    /// Begins an install, whatever was going on before.
    pub(crate) fn begin_install(&mut self, marketplace: bool, now: UnixMillis) -> FlowId {
        let title = if marketplace { "Install from the Marketplace" } else { "Install" };
        let flow = self.journal.open(Kind::Install, title, now);
        self.installs.current =
            Some(Install { flow, marketplace, consented: None, landing: None, stateless_callback: None });
        flow
    }

    /// The install that is going on, or a new one: what failed or fell asleep is not continued.
    pub(crate) fn install(&mut self, now: UnixMillis) -> FlowId {
        let current = self.installs.current.as_ref().map(|install| install.flow);
        let awake = |flow: &FlowId| {
            self.journal.is_sound(*flow) && self.journal.quiet_ms(*flow, now).is_some_and(|quiet| quiet < MAX_QUIET_MS)
        };
        match current.filter(awake) {
            Some(flow) => flow,
            None => self.begin_install(false, now),
        }
    }

    /// Ends an install: what comes next is a flow of its own.
    pub(crate) fn end_install(&mut self, flow: FlowId) {
        self.installs.current.take_if(|install| install.flow == flow);
    }

    /// The flow that a call with a user's token belongs to: the install that the token comes from, while that goes on.
    pub(crate) fn flow_of_call(&mut self, granted_in: Option<FlowId>, now: UnixMillis) -> FlowId {
        let current = self.installs.current.as_ref().map(|install| install.flow);
        match (current, granted_in) {
            (Some(current), Some(granted)) if current == granted => current,
            _ => self.journal.calls(now),
        }
    }
}
