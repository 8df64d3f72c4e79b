//! Meetings and webinars.

use serde_json::{Value, json};

use super::{Event, Product, Scene, id, number_of};
use crate::entropy;

/// How long ago the meeting of an event began, in seconds.
const BEGAN_S: i64 = -1800;

const fn event(name: &'static str, sentence: &'static str, members: fn(&Scene) -> Value) -> Event {
    Event { name, product: Product::Meetings, sentence, members }
}

pub(super) const EVENTS: &[Event] = &[
    event("meeting.started", "A meeting begins.", |scene| json!({"payload": payload(scene, &object(scene, 0))})),
    event("meeting.ended", "A meeting is over.", |scene| {
        let mut object = object(scene, BEGAN_S);
        object["end_time"] = json!(scene.seconds(0));
        json!({"payload": with_operator(scene, &object)})
    }),
    event("meeting.participant_joined", "Somebody comes into a meeting.", |scene| {
        let mut participant = participant(scene);
        participant["date_time"] = json!(scene.seconds(0));
        with_participant(scene, participant)
    }),
    event("meeting.participant_left", "Somebody leaves a meeting.", |scene| {
        let mut participant = participant(scene);
        participant["date_time"] = json!(scene.seconds(0));
        participant["leave_time"] = json!(scene.seconds(0));
        let reason = format!("{} left the meeting.<br>Reason: Host ended the meeting.", scene.person.name);
        participant["leave_reason"] = json!(reason);
        with_participant(scene, participant)
    }),
    event("meeting.sharing_started", "Somebody shares a screen.", |scene| {
        let mut participant = participant(scene);
        participant["sharing_details"] = json!({
            "link_source": "in_meeting", "file_link": "", "source": "dropbox", "date_time": scene.seconds(0),
            "content": "application",
        });
        with_participant(scene, participant)
    }),
    event("meeting.created", "Somebody schedules a meeting.", |scene| {
        let mut object = object(scene, 3600);
        object["join_url"] = json!(format!("https://zoom.us/j/{}", object["id"]));
        object["settings"] = json!({"use_pmi": false, "alternative_hosts": ""});
        let mut payload = with_operator(scene, &object);
        payload["operation"] = json!("single");
        json!({"payload": payload})
    }),
    event("meeting.updated", "Somebody changes a meeting.", |scene| {
        let now = object(scene, 0);
        let mut payload = with_operator(scene, &json!({"id": now["id"], "topic": now["topic"]}));
        payload["old_object"] = json!({"id": now["id"], "topic": "Before it was renamed"});
        payload["time_stamp"] = json!(scene.now);
        json!({"payload": payload})
    }),
    event(
        "meeting.deleted",
        "Somebody deletes a meeting.",
        |scene| json!({"payload": with_operator(scene, &object(scene, 3600))}),
    ),
    event("webinar.started", "A webinar begins.", |scene| json!({"payload": payload(scene, &webinar(scene, 0))})),
    event("webinar.ended", "A webinar is over.", |scene| {
        let mut object = webinar(scene, BEGAN_S);
        object["end_time"] = json!(scene.seconds(0));
        json!({"payload": payload(scene, &object)})
    }),
];

/// The meeting that the client is in, or any; begun `offset_s` seconds from now.
pub(super) fn object(scene: &Scene, offset_s: i64) -> Value {
    let uuid = scene.place.meeting.clone().unwrap_or_else(entropy::uuid);
    json!({
        "id": number_of(&uuid).to_string(),
        "uuid": uuid,
        "host_id": scene.person.id,
        "topic": scene.place.topic.as_deref().unwrap_or("Standup"),
        "type": 2,
        "start_time": scene.seconds(offset_s),
        "timezone": "UTC",
        "duration": 30,
    })
}

fn webinar(scene: &Scene, offset_s: i64) -> Value {
    let mut object = object(scene, offset_s);
    object["type"] = json!(5);
    object
}

fn payload(scene: &Scene, object: &Value) -> Value {
    json!({"account_id": scene.account, "object": object})
}

fn with_operator(scene: &Scene, object: &Value) -> Value {
    json!({
        "account_id": scene.account,
        "operator": scene.person.email,
        "operator_id": scene.person.id,
        "object": object,
    })
}

fn participant(scene: &Scene) -> Value {
    json!({
        "user_id": "16778240",
        "user_name": scene.person.name,
        "id": scene.person.id,
        "participant_uuid": id(),
        "email": scene.person.email,
    })
}

fn with_participant(scene: &Scene, participant: Value) -> Value {
    let mut object = object(scene, BEGAN_S);
    object["participant"] = participant;
    json!({"payload": payload(scene, &object)})
}
