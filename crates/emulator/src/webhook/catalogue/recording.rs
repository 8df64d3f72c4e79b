//! Cloud recordings.

use serde_json::json;

use super::{Event, Product, id, meeting};

pub(super) const EVENTS: &[Event] = &[Event {
    name: "recording.completed",
    product: Product::Meetings,
    sentence: "A recording can be downloaded, with a token beside the payload.",
    members: |scene| {
        let mut object = meeting::object(scene, -1800);
        let file = id();
        object["account_id"] = json!(scene.account);
        object["host_email"] = json!(scene.person.email);
        object["total_size"] = json!(3_328_371);
        object["recording_count"] = json!(1);
        object["share_url"] = json!(format!("https://zoom.us/rec/share/{file}"));
        object["recording_files"] = json!([{
            "id": file,
            "meeting_id": object["uuid"],
            "recording_start": scene.seconds(-1800),
            "recording_end": scene.seconds(0),
            "recording_type": "shared_screen_with_speaker_view",
            "file_type": "MP4",
            "file_size": 3_328_371,
            "file_extension": "MP4",
            "play_url": format!("https://zoom.us/rec/play/{file}"),
            "download_url": format!("https://zoom.us/rec/download/{file}"),
            "status": "completed",
        }]);
        json!({"download_token": id(), "payload": {"account_id": scene.account, "object": object}})
    },
}];
