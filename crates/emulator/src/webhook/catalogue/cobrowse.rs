//! Cobrowse sessions. Roles are texts here, and numbers in tokens.

use serde_json::{Value, json};

use super::{Event, Product, Scene, id};
use crate::entropy;

const fn event(name: &'static str, sentence: &'static str, members: fn(&Scene) -> Value) -> Event {
    Event { name, product: Product::Cobrowse, sentence, members }
}

pub(super) const EVENTS: &[Event] = &[
    event("cobrowse.session_started", "The first user comes into a session.", |scene| {
        with(scene, json!({"start_url": "https://www.example.com/checkout", "start_time": scene.seconds(0)}))
    }),
    event("cobrowse.session_user_joined", "A user comes into a session.", |scene| {
        with(scene, json!({"user_connection_id": id(), "join_time": scene.seconds(0)}))
    }),
    event("cobrowse.session_user_left", "A user leaves a session.", |scene| {
        let left = json!({
            "user_connection_id": id(), "leave_time": scene.seconds(0), "leave_reason": "Left the session",
        });
        with(scene, left)
    }),
    event("cobrowse.session_ended", "A session is over.", |scene| {
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
