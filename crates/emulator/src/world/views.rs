use std::collections::VecDeque;

use serde::Serialize;
use stagedoor_protocol::time::UnixMillis;

use super::journal::FlowId;

/// How many views are remembered.
const MAX_VIEWS: usize = 100;
/// How many checks one view shows.
const MAX_CHECKS: usize = 16;

/// The action of a deep link, as long as it reaches the app.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) action: String,
    pub(crate) until: UnixMillis,
}

/// Something that was looked at in what the app answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) id: &'static str,
    pub(crate) ok: bool,
    pub(crate) title: &'static str,
    pub(crate) sentence: String,
}

/// Why the client shows nothing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Blank {
    pub(crate) sentence: String,
    pub(crate) missing: Vec<&'static str>,
}

/// The app, open in the client of one user.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) guest: bool,
    pub(crate) opened: UnixMillis,
    pub(crate) flow: FlowId,
    pub(crate) by_deep_link: bool,
    pub(crate) action: Option<Opened>,
    pub(crate) blank: Option<Blank>,
    checks: Vec<Check>,
}

/// What opens a view.
pub(crate) struct Opening {
    pub(crate) user: String,
    pub(crate) guest: bool,
    pub(crate) flow: FlowId,
    pub(crate) by_deep_link: bool,
    pub(crate) action: Option<Opened>,
}

impl View {
    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Notes the outcome of a check. Of the same check the newest outcome counts.
    pub(crate) fn check(&mut self, check: Check) {
        if let Some(known) = self.checks.iter_mut().find(|known| known.id == check.id) {
            *known = check;
        } else if self.checks.len() < MAX_CHECKS {
            self.checks.push(check);
        }
    }
}

/// The views that were opened.
#[derive(Default)]
pub(crate) struct Views {
    all: VecDeque<View>,
    last: u64,
}

impl Views {
    /// Opens the app; returns the name of the view.
    pub(crate) fn open(&mut self, opening: Opening, now: UnixMillis) -> String {
        if self.all.len() >= MAX_VIEWS {
            self.all.pop_front();
        }
        self.last += 1;
        let id = format!("v{}", self.last);
        let Opening { user, guest, flow, by_deep_link, action } = opening;
        self.all.push_back(View {
            id: id.clone(),
            user,
            guest,
            opened: now,
            flow,
            by_deep_link,
            action,
            blank: None,
            checks: Vec::new(),
        });
        id
    }

    pub(crate) fn find(&self, id: &str) -> Option<&View> {
        self.all.iter().find(|view| view.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut View> {
        self.all.iter_mut().find(|view| view.id == id)
    }

    /// The view that the client shows: the newest.
    pub(crate) fn newest(&self) -> Option<&View> {
        self.all.back()
    }

    pub(crate) fn forget(&mut self) {
        self.all.clear();
    }
}
