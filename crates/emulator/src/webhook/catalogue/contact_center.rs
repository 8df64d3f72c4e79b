//! Contact Center: engagements, and the agents who work on them.

use serde_json::{Value, json};

use super::{Event, Product, Scene, id};
use crate::world::engagement::Channel;

const fn event(name: &'static str, sentence: &'static str, members: fn(&Scene) -> Value) -> Event {
    Event { name, product: Product::ContactCenter, sentence, members }
}

pub(super) const EVENTS: &[Event] = &[
    event("contact_center.engagement_started", "A consumer reaches a flow.", |scene| of_flow(scene, json!({}))),
    event("contact_center.engagement_ended", "An engagement is over.", |scene| of_flow(scene, json!({}))),
    event("contact_center.engagement_user_answered", "An agent answers.", |scene| of_agent(scene, json!({}))),
    event("contact_center.engagement_user_hold", "An agent puts the consumer on hold.", |scene| {
        of_agent(scene, json!({}))
    }),
    event("contact_center.engagement_user_unhold", "An agent comes back.", |scene| of_agent(scene, json!({}))),
    event("contact_center.engagement_user_ended", "An agent leaves the engagement.", |scene| {
        of_agent(scene, json!({}))
    }),
    event("contact_center.engagement_consumer_ended", "The consumer leaves the engagement.", |scene| {
        of_agent(scene, json!({}))
    }),
    event("contact_center.engagement_consumer_sent_message", "The consumer writes.", |scene| {
        of_agent(scene, json!({"message_text": "Where is my order? 📦"}))
    }),
    event("contact_center.engagement_disposition_added", "An agent says how it went.", |scene| {
        let disposition = json!({
            "disposition_id": id(),
            "disposition_name": "Solved",
            "disposition_description": "The consumer has what they wanted.",
            "status": "active",
            "last_modified_time": scene.seconds(0),
            "modified_by": scene.person.id,
        });
        of_agent(scene, disposition)
    }),
    event("contact_center.engagement_messaging_transcript_completed", "A chat can be read.", |scene| {
        let url = "https://api.zoom.us/v2/contact_center/engagements/transcripts/download/";
        of_flow(scene, json!({"transcript_url": format!("{url}{}", scene.engagement.id)}))
    }),
    event("contact_center.user_status_changed", "An agent becomes ready, or not.", |scene| {
        let object = json!({
            "user_id": scene.person.id,
            "display_name": scene.person.name,
            "user_email": scene.person.email,
            "previous_status_id": "1",
            "previous_status_name": "Ready",
            "current_status_id": "2",
            "current_status_name": "Not Ready",
            "current_sub_status_id": "21",
            "current_sub_status_name": "Meal",
            "date_time_ms": scene.millis(),
        });
        json!({"payload": {"account_id": scene.account, "object": object}})
    }),
];

/// What every event of an engagement tells.
fn of_flow(scene: &Scene, more: Value) -> Value {
    let engagement = &scene.engagement;
    let mut object = json!({
        "engagement_id": engagement.id,
        "engagement_direction": "inbound",
        "channel": engagement.channel,
        "flow_id": "ZWWC0A840C726C2CE3ACF01041CB8CFD8B9",
        "flow_name": "Orders and returns",
        "date_time_ms": scene.millis(),
    });
    let source = match engagement.channel {
        Channel::Messaging => Some("web_chat"),
        Channel::Video => Some("in_app_video"),
        Channel::Voice | Channel::Email => None,
    };
    if let Some(source) = source {
        object["channel_source"] = json!(source);
    }
    add(&mut object, more);
    json!({"payload": {"account_id": scene.account, "object": object}})
}

/// What the events of an agent and a consumer tell besides.
fn of_agent(scene: &Scene, more: Value) -> Value {
    let engagement = &scene.engagement;
    let mut with_agent = json!({
        "cc_queue_id": engagement.queue_id(),
        "queue_name": engagement.queue,
        "user_id": scene.person.id,
        "user_display_name": scene.person.name,
        "consumer_id": engagement.consumer_id(),
        "consumer_display_name": engagement.consumer,
    });
    add(&mut with_agent, more);
    of_flow(scene, with_agent)
}

fn add(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
