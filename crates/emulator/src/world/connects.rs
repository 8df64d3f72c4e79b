//! Third-party sign-ins, as the diagram tells them: Zoom's thirteen steps, of which the emulator sees some and knows the
//! others by what follows from them.

use std::collections::VecDeque;

use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::World;
use super::docs::{ARCHITECTURE, CONTEXT};
use super::journal::{FlowId, Kind, Lane, Note, Seen, Status, StepId};
use super::views::View;

/// How many sign-ins are remembered.
const MAX: usize = 100;
/// After this long without a step a sign-in is over, in milliseconds.
const MAX_QUIET_MS: i64 = 600_000;

/// The steps of Zoom's page about the architecture, by the titles that they have here.
const NUMBERS: [(&str, &str); 12] = [
    ("Begin the sign-in", "1"),
    ("Open the browser", "2–3"),
    ("Sign in and consent", "4"),
    ("Back with a code", "5"),
    ("Back without a code", "5"),
    ("Whose attempt is it?", "6"),
    ("Ask for a deep link", "7–8"),
    ("Follow the deep link", "9"),
    ("The client opens", "10"),
    ("Open the Home URL", "11"),
    ("The same session and user?", "12"),
    ("Code for tokens", "13"),
];

/// The launch that brings the action.
const LAUNCHED: &str = "11";

/// The number that a step of a sign-in has on Zoom's page.
pub(super) fn number(title: &str) -> Option<&'static str> {
    NUMBERS.iter().find(|(known, _)| *known == title).map(|(_, number)| *number)
}

struct Connecting {
    /// The `state` of the authorization request.
    state: String,
    flow: FlowId,
    /// Who asked, at Zoom.
    user: Option<String>,
    /// The step that brings the code to the backend, until that is known to have arrived.
    callback: Option<StepId>,
    is_claimed: bool,
    /// The launch that is being answered while the backend exchanges the code.
    launch: Option<StepId>,
}

/// The sign-ins.
#[derive(Default)]
pub(crate) struct Connects(VecDeque<Connecting>);

impl Connects {
    fn begin(&mut self, state: &str, flow: FlowId, user: Option<&str>) {
        if self.0.len() >= MAX {
            self.0.pop_front();
        }
        let user = user.map(Into::into);
        self.0.push_back(Connecting {
            state: state.into(),
            flow,
            user,
            callback: None,
            is_claimed: false,
            launch: None,
        });
    }

    fn find(&mut self, state: &str) -> Option<&mut Connecting> {
        self.0.iter_mut().rev().find(|known| known.state == state)
    }

    /// The step of the launch that has been told before its answer came.
    pub(crate) fn take_launch(&mut self, flow: FlowId) -> Option<StepId> {
        self.0.iter_mut().find(|known| known.flow == flow)?.launch.take()
    }

    /// The browser goes back to the backend; `step` is the arrow that waits for a sign of it.
    pub(crate) fn returned(&mut self, state: &str, step: Option<StepId>) {
        if let Some(known) = self.find(state) {
            known.callback = step;
        }
    }
}

impl World {
    /// The app opens an address in the browser. If it is an authorization request, a sign-in begins.
    pub(crate) fn opened_in_browser(&mut self, url: &Url, view: &View, now: UnixMillis) {
        let value = |name| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        let (Some("code"), Some(state)) = (value("response_type").as_deref(), value("state")) else { return };
        let flow = self.journal.open(Kind::Connect, format!("Connect to {}", url.authority()), now);
        self.connects.begin(&state, flow, Some(&view.user));
        let begin = Note::new(flow, (Lane::Client, Lane::Backend), "Begin the sign-in", ARCHITECTURE).says(
            "The page asked your backend to connect. Your backend keeps a new state with the user, the session and a PKCE \
             verifier. The emulator knows it by the next step.",
        );
        self.journal.add(begin, "connect".into(), now, Seen::default());
        let open = Note::new(flow, (Lane::Client, Lane::Browser), "Open the browser", ARCHITECTURE).says(
            "The page opens the authorization request in the external browser with zoomSdk.openUrl. No cookie of the \
             client goes along.",
        );
        self.journal.add(open, format!("openUrl {}", url.authority()), now, Seen::default());
    }

    /// The flow of an authorization request that arrives at the bundled provider.
    pub(crate) fn connecting(&mut self, state: &str, now: UnixMillis) -> FlowId {
        let known = self.connects.find(state).map(|known| known.flow);
        known.unwrap_or_else(|| {
            let flow = self.journal.open(Kind::Connect, "Connect to Acme", now);
            self.connects.begin(state, flow, None);
            flow
        })
    }

    /// The sign-in that a backend asks a deep link for: the action names its state, or this user's code has just arrived.
    pub(crate) fn link_of_sign_in(&mut self, user: &str, action: Option<&str>, now: UnixMillis) -> Option<FlowId> {
        let named = |known: &Connecting| action.is_some_and(|action| action.contains(&known.state));
        let arrived =
            |known: &Connecting| known.callback.is_some() && known.user.as_deref().is_none_or(|asked| asked == user);
        let at = self.connects.0.iter().rposition(|known| named(known) || arrived(known))?;
        let known = &mut self.connects.0[at];
        let (flow, callback) = (known.flow, known.callback.take());
        self.journal.quiet_ms(flow, now).filter(|quiet| *quiet < MAX_QUIET_MS)?;
        if let Some(step) = callback {
            self.journal.settle(step, None, now);
        }
        let look = Note::new(flow, (Lane::Backend, Lane::Backend), "Whose attempt is it?", ARCHITECTURE)
            .says("By the state your backend knows which Zoom user began, and takes that user's Zoom token.");
        self.journal.add(look, "state → user".into(), now, Seen::default());
        Some(flow)
    }

    /// A code of a sign-in is exchanged: the backend has let the launch of the Home URL count.
    pub(crate) fn claimed(&mut self, flow: FlowId, home: &Url, now: UnixMillis) -> FlowId {
        let known = self.connects.0.iter_mut().find(|known| known.flow == flow && !known.is_claimed);
        if let Some(known) = known {
            known.is_claimed = true;
            if !self.journal.has_number(flow, LAUNCHED) {
                let open = Note::new(flow, (Lane::Client, Lane::Backend), "Open the Home URL", CONTEXT).says(
                    "The client opens the app with the action in the context. The answer waits for the exchange.",
                );
                let open = Note { status: Status::Pending, ..open };
                known.launch = Some(self.journal.add(open, format!("GET {}", home.path()), now, Seen::default()));
            }
            let check = Note::new(flow, (Lane::Backend, Lane::Backend), "The same session and user?", ARCHITECTURE)
                .says("Handle and state of the action, the session of the cookie and the user of the context all fit.");
            self.journal.add(check, "compare".into(), now, Seen::default());
        }
        flow
    }
}
