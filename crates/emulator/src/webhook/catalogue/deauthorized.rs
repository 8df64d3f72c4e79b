//! The end of an installation. Of its beginning Zoom's reference knows no event.

use serde_json::json;

use super::{Event, Product};
use crate::entropy;

pub(crate) const APP_DEAUTHORIZED: Event = Event {
    name: "app_deauthorized",
    product: Product::App,
    sentence: "A user removed the app: everything of theirs has to be erased.",
    members: |scene| {
        json!({"payload": {
            "account_id": scene.account,
            "user_id": scene.person.id,
            // The id of the deauthorization. It cannot be verified.
            "signature": format!("{}{}", entropy::hex(), entropy::hex()),
            "deauthorization_time": scene.millis(),
            "client_id": scene.client_id,
        }})
    },
};

pub(super) const EVENTS: &[Event] = &[APP_DEAUTHORIZED];
