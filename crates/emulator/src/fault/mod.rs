//! The faults that can be switched on, one for each endpoint.

mod catalogue;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::catalogue::CATALOGUE;
use crate::provider;
use crate::webhook::Ploy;
use crate::website;
use crate::world::journal::Problem;

/// What a fault strikes. One fault of each can be on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Endpoint {
    Authorize,
    Token,
    Me,
    Api,
    Deeplink,
    Client,
    Sdk,
    Webhook,
    Provider,
    Website,
}

/// How an answer reaches the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Normal,
    /// Whole, after two seconds.
    Delayed,
    /// No byte for ten minutes.
    Hang,
    /// One byte a second.
    Drip,
    /// The first half, then the connection ends.
    Truncated,
    /// The head, then the connection ends.
    Lost,
}

/// An answer that is always the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static str,
    /// Seconds in `Retry-After`.
    pub(crate) retry_after: Option<&'static str>,
}

/// What becomes different in an answer that is otherwise right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    Deny,
    StateMangled,
    StateDropped,
    /// Zoom's page with this error code.
    ErrorPage(u16, &'static str),
    /// The error of 2021, which repeats the code.
    EchoedCode,
    NoRefreshToken,
    ForeignApiUrl,
    NoScope,
    /// The limit of a day is used up.
    DailyLimit,
    /// 201 instead of 200.
    Created,
    /// This instead of a deep link; `{}` stands for the token of the real one.
    Link(&'static str),
    ContextExpired,
    ContextOtherApp,
    ContextOtherSecret,
    ContextMissing,
    ContextTwice,
    LinkTooOld,
    /// A webhook, or a URL validation, with something unusual about it.
    Webhook(Ploy),
    /// Something that the bundled third-party provider gets wrong.
    Provider(provider::Ploy),
    /// A session token of the website that no backend may believe.
    Website(website::Forgery),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// Answered so, and nothing happens.
    Canned(Canned),
    /// It happens, and the answer arrives so.
    Delivered(Delivery),
    /// Nothing happens and no answer comes.
    Unanswered,
    /// It happens with a difference.
    Twisted(Twist),
}

/// One entry of the catalogue.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) endpoint: Endpoint,
    /// The id: the endpoint, a dot, a name.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) effect: Effect,
}

impl Fault {
    /// What becomes different, if it is a difference.
    pub(crate) fn twist(&self) -> Option<Twist> {
        match self.effect {
            Effect::Twisted(twist) => Some(twist),
            Effect::Canned(_) | Effect::Delivered(_) | Effect::Unanswered => None,
        }
    }

    /// What the diagram says of an answer that the fault gives instead of the right one.
    pub(crate) fn problem(&self) -> Problem {
        let fix = match self.effect {
            Effect::Unanswered => "Your backend must give up after a while.",
            Effect::Canned(_) | Effect::Delivered(_) | Effect::Twisted(_) => "Your backend must cope with it.",
        };
        Problem::new(format!("The emulator plays a fault: {}", self.sentence), fix)
    }
}

/// The faults that are on.
#[derive(Default)]
pub(crate) struct Faults(BTreeMap<Endpoint, Active>);

/// A fault that is on.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Active {
    pub(crate) id: &'static str,
    /// How often it will still strike; none: until it is switched off.
    pub(crate) times: Option<u32>,
}

impl Faults {
    /// The effect of the fault that is on for an endpoint; it counts as one time.
    pub(crate) fn strike(&mut self, endpoint: Endpoint) -> Option<&'static Fault> {
        let active = self.0.get_mut(&endpoint)?;
        let fault = find(active.id);
        match &mut active.times {
            None => {}
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => {
                self.0.remove(&endpoint);
            }
        }
        fault
    }

    /// The same, if the effect is of this kind; others stay for later.
    pub(crate) fn strike_when(&mut self, endpoint: Endpoint, kind: impl Fn(Effect) -> bool) -> Option<&'static Fault> {
        let fault = find(self.0.get(&endpoint)?.id)?;
        if kind(fault.effect) { self.strike(endpoint) } else { None }
    }

    pub(crate) fn set(&mut self, fault: &'static Fault, times: Option<u32>) {
        self.0.insert(fault.endpoint, Active { id: fault.id, times });
    }

    pub(crate) fn clear(&mut self, endpoint: Endpoint) {
        self.0.remove(&endpoint);
    }

    pub(crate) fn active(&self) -> Vec<Active> {
        self.0.values().copied().collect()
    }
}

/// The fault with this id.
pub(crate) fn find(id: &str) -> Option<&'static Fault> {
    CATALOGUE.iter().find(|fault| fault.id == id)
}
