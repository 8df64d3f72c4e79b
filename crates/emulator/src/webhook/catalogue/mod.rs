//! The events that can be triggered: what a Zoom App, Contact Center and Cobrowse are told.
//!
//! Members are those of Zoom's reference (developers.zoom.us/docs/api, "Webhooks" of each product) and of deliveries that
//! the tests of the .NET library ZoomNet keep; nothing is added. Values come from the emulated world.

pub(crate) mod cobrowse;
mod contact_center;
mod deauthorized;
mod meeting;
mod recording;
mod user;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use stagedoor_protocol::time::UnixMillis;

use crate::config::Config;
use crate::entropy;
use crate::world::World;
use crate::world::engagement::{Change, Engagement};
use crate::world::people::{Person, Where};

pub(crate) use self::deauthorized::APP_DEAUTHORIZED;

/// What an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Product {
    #[serde(rename = "Zoom App")]
    App,
    Meetings,
    Users,
    #[serde(rename = "Contact Center")]
    ContactCenter,
    Cobrowse,
}

/// An event of the catalogue.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) product: Product,
    pub(crate) sentence: &'static str,
    /// The members beside `event` and `event_ts`.
    members: fn(&Scene) -> Value,
}

/// What events tell of.
pub(crate) struct Scene {
    pub(crate) account: String,
    pub(crate) client_id: String,
    pub(crate) person: Person,
    pub(crate) place: Where,
    /// The engagement that goes on, or any.
    pub(crate) engagement: Engagement,
    pub(crate) now: UnixMillis,
}

impl Scene {
    /// The world as it is, for one user. `now` is what the event is stamped with.
    pub(crate) fn of(world: &World, config: &Config, person: &Person, now: UnixMillis) -> Self {
        Self {
            account: person.account_id(),
            client_id: config.client_id.to_string(),
            person: person.clone(),
            place: world.place.clone(),
            engagement: world.engagement.clone().unwrap_or_else(|| Engagement::start(Change::default(), now)),
            now,
        }
    }

    /// To the second: `2026-11-22T08:00:00Z`.
    fn seconds(&self, offset_s: i64) -> String {
        time(self.now.plus_seconds(offset_s), "%Y-%m-%dT%H:%M:%SZ")
    }

    /// To the millisecond: `2026-11-22T08:00:00.123Z`.
    fn millis(&self) -> String {
        time(self.now, "%Y-%m-%dT%H:%M:%S.%3fZ")
    }
}

/// An instant in UTC, in a format of `strftime`.
pub(super) fn time(at: UnixMillis, format: &str) -> String {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX).strftime(format).to_string()
}

/// An id as Zoom makes them: 22 characters of base64url.
fn id() -> String {
    entropy::base64url(22)
}

/// A number that stays the same for the same text, such as the id of a meeting for its UUID. Zoom's have 10 or 11 digits.
fn number_of(text: &str) -> i64 {
    9_000_000_000 + i64::from(text.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())))
}

/// Every event there is.
const CATALOGUE: &[&[Event]] =
    &[deauthorized::EVENTS, meeting::EVENTS, recording::EVENTS, user::EVENTS, contact_center::EVENTS, cobrowse::EVENTS];

/// All events, product by product.
pub(crate) fn all() -> impl Iterator<Item = &'static Event> {
    CATALOGUE.iter().copied().flatten()
}

/// The event of this name.
pub(crate) fn find(name: &str) -> Option<&'static Event> {
    all().find(|event| event.name == name)
}

impl Event {
    /// The whole body.
    pub(crate) fn body(&self, scene: &Scene) -> Value {
        let mut body = (self.members)(scene);
        body["event"] = json!(self.name);
        body["event_ts"] = json!(scene.now);
        body
    }
}
