//! Users of the account.

use serde_json::{Value, json};

use super::{Event, Product, Scene};

const fn event(name: &'static str, sentence: &'static str, members: fn(&Scene) -> Value) -> Event {
    Event { name, product: Product::Users, sentence, members }
}

pub(super) const EVENTS: &[Event] = &[
    event("user.created", "The account gets a user.", |scene| {
        let mut payload = payload(scene, &object(scene));
        payload["creation_type"] = json!("create");
        payload["object"]["display_name"] = json!(scene.person.name);
        json!({"payload": payload})
    }),
    event("user.updated", "A user's profile changes.", |scene| {
        let mut payload = payload(scene, &json!({"id": scene.person.id, "email": scene.person.email}));
        payload["old_object"] = json!({"id": scene.person.id, "email": format!("old.{}", scene.person.email)});
        payload["time_stamp"] = json!(scene.now);
        json!({"payload": payload})
    }),
    event("user.activated", "A user may sign in again.", |scene| json!({"payload": payload(scene, &object(scene))})),
    event(
        "user.deactivated",
        "A user may no longer sign in.",
        |scene| json!({"payload": payload(scene, &object(scene))}),
    ),
    event("user.deleted", "The account loses a user.", |scene| json!({"payload": payload(scene, &object(scene))})),
];

fn object(scene: &Scene) -> Value {
    let (first, last) = scene.person.name.split_once(' ').unwrap_or((&scene.person.name, ""));
    json!({"id": scene.person.id, "first_name": first, "last_name": last, "email": scene.person.email, "type": 1})
}

fn payload(scene: &Scene, object: &Value) -> Value {
    json!({
        "account_id": scene.account,
        "operator": "admin@example.com",
        "operator_id": "z8yCxjAdm1nGHfp8uQ0aBc",
        "object": object,
    })
}
