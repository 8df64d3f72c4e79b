//! Cobrowse sessions. Roles are texts here, and numbers in tokens.

use serde_json::{Value, json};
use stagedoor_protocol::time::UnixMillis;

use super::{Event, Product, Scene, id, time};
use crate::entropy;
use crate::world::cobrowse::{Joined, Member, Session};

const fn event(name: &'static str, sentence: &'static str, members: fn(&Scene) -> Value) -> Event {
    Event { name, product: Product::Cobrowse, sentence, members }
}

const STARTED: &str = "cobrowse.session_started";
const JOINED: &str = "cobrowse.session_user_joined";
const LEFT: &str = "cobrowse.session_user_left";
const ENDED: &str = "cobrowse.session_ended";

pub(super) const EVENTS: &[Event] = &[
    event(STARTED, "The first user comes into a session.", |scene| {
        with(scene, json!({"start_url": "https://www.example.com/checkout", "start_time": scene.seconds(0)}))
    }),
    event(JOINED, "A user comes into a session.", |scene| {
        with(scene, json!({"user_connection_id": id(), "join_time": scene.seconds(0)}))
    }),
    event(LEFT, "A user leaves a session.", |scene| {
        let left = json!({
            "user_connection_id": id(), "leave_time": scene.seconds(0), "leave_reason": "Left the session",
        });
        with(scene, left)
    }),
    event(ENDED, "A session is over.", |scene| {
        let ended = json!({
            "session_pin": format!("{:06}", entropy::below(1_000_000)),
            "start_time": scene.seconds(-600),
            "end_time": scene.seconds(0),
            "end_reason": "The session ended",
        });
        with(scene, ended)
    }),
];

fn with(scene: &Scene, mut object: Value) -> Value {
    object["session_id"] = json!(entropy::uuid());
    object["user_id"] = json!(id());
    object["user_name"] = json!("Katherine Johnson");
    object["role_type"] = json!("customer");
    json!({"payload": {"account_id": scene.account, "object": object}})
}

/// The account that an event is of, and its time.
type Stamp<'a> = (&'a str, UnixMillis);

fn seconds(at: UnixMillis) -> String {
    time(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// A session of the emulator's own begins.
pub(crate) fn started(stamp: Stamp<'_>, Joined { session, member }: &Joined, url: &str) -> Value {
    of(STARTED, stamp, session, member, json!({"start_url": url, "start_time": seconds(stamp.1)}))
}

/// Somebody comes into it.
pub(crate) fn joined(stamp: Stamp<'_>, Joined { session, member }: &Joined) -> Value {
    of(
        JOINED,
        stamp,
        session,
        member,
        json!({"user_connection_id": member.connection_id(), "join_time": seconds(stamp.1)}),
    )
}

/// Somebody leaves it.
pub(crate) fn left(stamp: Stamp<'_>, session: &Session, member: &Member, reason: &str) -> Value {
    let more = json!({
        "user_connection_id": member.connection_id(), "leave_time": seconds(stamp.1), "leave_reason": reason,
    });
    of(LEFT, stamp, session, member, more)
}

/// It is over.
pub(crate) fn ended(stamp: Stamp<'_>, session: &Session, member: &Member) -> Value {
    let more = json!({
        "session_pin": session.pin,
        "start_time": seconds(session.started),
        "end_time": seconds(stamp.1),
        "end_reason": "The session ended",
    });
    of(ENDED, stamp, session, member, more)
}

fn of(event: &str, (account, now): Stamp<'_>, session: &Session, member: &Member, mut object: Value) -> Value {
    object["session_id"] = json!(session.id);
    object["user_id"] = json!(member.user_id);
    object["user_name"] = json!(member.user_name);
    object["role_type"] = json!(member.role_type);
    json!({"event": event, "event_ts": now, "payload": {"account_id": account, "object": object}})
}
