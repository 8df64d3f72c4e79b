//! The event subscription of the app, and what was sent to it.

use std::collections::VecDeque;

use axum::body::Bytes;
use serde::{Serialize, Serializer};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::event::Events;
use super::subscription::{Health, Subscription};
use crate::webhook::Ploy;

pub(crate) type DeliveryId = u64;

/// How many deliveries are remembered.
const MAX_DELIVERIES: usize = 500;
/// How long after each attempt the next one comes, in seconds.
const RETRIES_S: [i64; 3] = [5 * 60, 20 * 60, 60 * 60];

/// What goes over the wire: the same bytes at every attempt.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Parcel {
    pub(crate) event: String,
    #[serde(serialize_with = "as_utf8")]
    pub(crate) body: Bytes,
    /// `x-zm-request-timestamp`, in seconds.
    pub(crate) timestamp: String,
    #[serde(skip)]
    pub(crate) signature: Option<String>,
    pub(crate) request_id: String,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    Waiting,
    /// Waits until another delivery was tried.
    Held,
    Sending,
    Delivered,
    /// Comes again.
    Retry {
        at_ms: UnixMillis,
    },
    /// Zoom gave up.
    Lost,
    /// An attack that the backend refused.
    Refused,
    /// An attack that the backend took for an event.
    Taken,
    /// There is no URL, or it has not passed validation.
    NotSent,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) at_ms: UnixMillis,
    pub(crate) took_ms: i64,
    pub(crate) http: Option<u16>,
    pub(crate) sentence: String,
}

/// What an attempt means for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    /// Zoom would try again, if it has not done so often enough.
    TryAgain,
    Lost,
    Refused,
    Taken,
}

/// An event on its way to the app.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    #[serde(flatten)]
    pub(crate) parcel: Parcel,
    #[serde(skip)]
    pub(crate) ploy: Option<Ploy>,
    created_ms: UnixMillis,
    #[serde(flatten)]
    state: State,
    pub(crate) attempts: Vec<Attempt>,
    /// The delivery that has to be tried first.
    #[serde(skip)]
    behind: Option<DeliveryId>,
    /// Attempts that count for the retries.
    #[serde(skip)]
    tries: usize,
}

impl Delivery {
    /// Whether nothing more happens to it by itself for now.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Sending)
    }
}

/// The subscription and its deliveries.
pub(crate) struct Webhooks {
    pub(crate) subscription: Subscription,
    deliveries: VecDeque<Delivery>,
    last: DeliveryId,
    events: Events,
}

impl Webhooks {
    /// A subscription that is validated at once, if there is a URL.
    pub(crate) fn new(url: Option<Url>, now: UnixMillis, events: Events) -> Self {
        Self { subscription: Subscription::quiet(url, now), deliveries: VecDeque::new(), last: 0, events }
    }

    /// Sets the URL, or takes it away.
    pub(crate) fn subscribe(&mut self, url: Option<Url>, now: UnixMillis) {
        self.subscription = Subscription::of(url, now);
        if self.subscription.url.is_none() {
            self.withhold();
        }
    }

    /// Begins anew with this URL. Numbers of deliveries are not used again.
    pub(crate) fn reset(&mut self, url: Option<Url>, now: UnixMillis) {
        self.deliveries.clear();
        self.subscription = Subscription::quiet(url, now);
    }

    /// Whether the URL has to be validated now: it is due, or something waits to be sent to it.
    pub(crate) fn wants_validation(&self, now: UnixMillis) -> bool {
        let is_waiting = || self.deliveries.iter().any(|delivery| delivery.state == State::Waiting);
        match self.subscription.health {
            Health::Unset | Health::Disabled => false,
            Health::Unvalidated => self.subscription.is_due(now) || is_waiting(),
            Health::Valid => self.subscription.is_due(now),
        }
    }

    /// Ends a validation, with the sentence about what is wrong.
    pub(crate) fn validated(&mut self, outcome: Result<(), String>, now: UnixMillis) {
        self.subscription.validated(outcome, now);
        if self.subscription.health != Health::Valid {
            self.withhold();
        }
    }

    /// What waits is not sent: there is no URL, or it has not passed validation.
    fn withhold(&mut self) {
        for delivery in &mut self.deliveries {
            if matches!(delivery.state, State::Waiting | State::Held | State::Retry { .. }) {
                delivery.state = State::NotSent;
                self.events.tell("delivery", delivery);
            }
        }
    }

    /// One that was about to be sent is not: the URL was taken away at that very moment.
    pub(crate) fn not_sent(&mut self, id: DeliveryId) {
        if let Some(delivery) = self.deliveries.iter_mut().find(|delivery| delivery.id == id) {
            delivery.state = State::NotSent;
            self.events.tell("delivery", delivery);
        }
    }

    /// The id that the next delivery will have.
    pub(crate) fn next_id(&self) -> DeliveryId {
        self.last + 1
    }

    /// Adds a delivery, which waits for the one that it comes `behind`.
    pub(crate) fn add(
        &mut self,
        parcel: Parcel,
        ploy: Option<Ploy>,
        behind: Option<DeliveryId>,
        now: UnixMillis,
    ) -> DeliveryId {
        self.last += 1;
        if self.deliveries.len() >= MAX_DELIVERIES {
            self.deliveries.pop_front();
        }
        let state = match (self.subscription.health, behind) {
            (Health::Unset | Health::Disabled, _) => State::NotSent,
            (_, Some(_)) => State::Held,
            (_, None) => State::Waiting,
        };
        let id = self.last;
        let attempts = Vec::new();
        let delivery = Delivery { id, parcel, ploy, created_ms: now, state, attempts, behind, tries: 0 };
        self.events.tell("delivery", &delivery);
        self.deliveries.push_back(delivery);
        id
    }

    /// Takes deliveries whose time has come, `room` at most.
    pub(crate) fn take_due(&mut self, now: UnixMillis, room: usize) -> Vec<Delivery> {
        if self.subscription.health != Health::Valid {
            return vec![];
        }
        let due = self.deliveries.iter_mut().filter(|delivery| match delivery.state {
            State::Waiting => true,
            State::Retry { at_ms } => at_ms <= now,
            _ => false,
        });
        due.take(room)
            .map(|delivery| {
                delivery.state = State::Sending;
                delivery.clone()
            })
            .collect()
    }

    /// When something is to be done next, besides what waits already.
    pub(crate) fn next_due(&self) -> Option<UnixMillis> {
        if self.subscription.health != Health::Valid {
            return None;
        }
        let retries = self.deliveries.iter().filter_map(|delivery| match delivery.state {
            State::Retry { at_ms } => Some(at_ms),
            _ => None,
        });
        retries.chain(self.subscription.due()).min()
    }

    /// Ends an attempt. Whatever was held back behind it may go.
    pub(crate) fn settle(&mut self, id: DeliveryId, attempt: Attempt, verdict: Verdict) {
        let Some(delivery) = self.deliveries.iter_mut().find(|delivery| delivery.id == id) else { return };
        let at = attempt.at_ms;
        delivery.attempts.push(attempt);
        delivery.state = match verdict {
            Verdict::Delivered => State::Delivered,
            Verdict::Lost => State::Lost,
            Verdict::Refused => State::Refused,
            Verdict::Taken => State::Taken,
            Verdict::TryAgain => match RETRIES_S.get(delivery.tries) {
                Some(seconds) => State::Retry { at_ms: at.plus_seconds(*seconds) },
                None => State::Lost,
            },
        };
        delivery.tries += 1;
        self.events.tell("delivery", delivery);
        for held in self.deliveries.iter_mut().filter(|held| held.behind == Some(id) && held.state == State::Held) {
            held.state = State::Waiting;
            self.events.tell("delivery", held);
        }
    }

    /// Sends a delivery again, as it was; false if there is none, if it is on its way, or if nothing is sent at all.
    pub(crate) fn redeliver(&mut self, id: DeliveryId) -> bool {
        if matches!(self.subscription.health, Health::Unset | Health::Disabled) {
            return false;
        }
        let found = self.deliveries.iter_mut().find(|delivery| delivery.id == id && delivery.state != State::Sending);
        let Some(delivery) = found else { return false };
        delivery.state = State::Waiting;
        delivery.tries = 0;
        self.events.tell("delivery", delivery);
        true
    }

    pub(crate) fn find(&self, id: DeliveryId) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.id == id)
    }

    pub(crate) fn deliveries(&self) -> &VecDeque<Delivery> {
        &self.deliveries
    }

    pub(crate) fn forget_deliveries(&mut self) {
        self.deliveries.clear();
    }
}

fn as_utf8<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    String::from_utf8_lossy(bytes).serialize(serializer)
}
