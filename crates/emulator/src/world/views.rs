use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::time::UnixMillis;

use super::journal::FlowId;

/// How many views are remembered.
const MAX_VIEWS: usize = 100;
/// How many checks one view shows.
const MAX_CHECKS: usize = 16;

/// Where the app is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Surface {
    /// The desktop client, whose embedded browser is the web view.
    #[default]
    Client,
    /// The web client (PWA): a frame in a page of another site.
    Web,
}

/// How far the user has come with this app: `status` of the Apps SDK's `getUserContext`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    /// Not signed in to Zoom.
    Unauthenticated,
    /// Signed in, but without the app.
    Authenticated,
    /// Has the app: contexts name the user.
    Authorized,
}

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
    pub(crate) surface: Surface,
    pub(crate) standing: Standing,
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
    pub(crate) surface: Surface,
    pub(crate) standing: Standing,
    pub(crate) flow: FlowId,
    pub(crate) by_deep_link: bool,
    pub(crate) action: Option<Opened>,
}

impl View {
    /// Whether contexts leave the user unnamed.
    pub(crate) fn is_guest(&self) -> bool {
        self.standing != Standing::Authorized
    }

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
    /// Opens the app.
    pub(crate) fn open(&mut self, opening: Opening, now: UnixMillis) -> View {
        if self.all.len() >= MAX_VIEWS {
            self.all.pop_front();
        }
        self.last += 1;
        let id = format!("v{}", self.last);
        let Opening { user, surface, standing, flow, by_deep_link, action } = opening;
        let view = View {
            id,
            user,
            surface,
            standing,
            opened: now,
            flow,
            by_deep_link,
            action,
            blank: None,
            checks: Vec::new(),
        };
        self.all.push_back(view.clone());
        view
    }

    pub(crate) fn find(&self, id: &str) -> Option<&View> {
        self.all.iter().find(|view| view.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut View> {
        self.all.iter_mut().find(|view| view.id == id)
    }

    /// The view that the frame of the web client shows: the newest there.
    pub(crate) fn newest_in_web_client(&self) -> Option<&View> {
        self.all.iter().rev().find(|view| view.surface == Surface::Web)
    }

    /// The view that the client shows: the newest.
    pub(crate) fn newest(&self) -> Option<&View> {
        self.all.back()
    }

    pub(crate) fn forget(&mut self) {
        self.all.clear();
    }
}
