//! Contact Center: the engagement that the agent works on, as the Apps SDK tells it. The app has it from the page alone;
//! nothing of it is authenticated.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Refused, tell};
use crate::control::error::ControlError;
use crate::control::json::Body;
use crate::control::settings::{change, check_text};
use crate::platform::Platform;
use crate::webhook::catalogue::{self, Scene};
use crate::world::World;
use crate::world::engagement::{Change, Engagement, Progress};
use crate::world::people::Typ;

/// What the calls of an engagement answer.
pub(super) fn answer(world: &World, api: &str, data: &Value) -> Result<Value, Refused> {
    let refused = |code, message: &str| Refused { code, message: message.into() };
    if world.place.typ != Typ::ContactCenter {
        return Err(refused("10242", "Method not available outside Zoom Contact Center"));
    }
    if api == "getAppVariableList" {
        return Ok(json!({"variables": [
            {"id": "consumer-name", "name": "Consumer name", "type": "globalSystem", "dataType": "string"},
            {"id": "queue-name", "name": "Queue name", "type": "globalSystem", "dataType": "string"},
        ]}));
    }
    let asked = data.get("engagementId").and_then(Value::as_str);
    let engagement = world.engagement.as_ref().filter(|engagement| asked.is_none_or(|asked| asked == engagement.id));
    let engagement = engagement.ok_or_else(|| refused("10243", "Method not available outside Engagement context"))?;
    Ok(match api {
        "getEngagementContext" => json!({"engagementContext": engagement.context()}),
        _ => status(world, engagement),
    })
}

fn status(world: &World, engagement: &Engagement) -> Value {
    let agent = world.people.seated();
    json!({"engagementStatus": engagement.status((&agent.id, &agent.name))})
}

/// `PUT /control/engagement`: starts one where there is none or the last one has ended, changes the one that goes on, or
/// takes it away (`null`). The open app is told by events, its backend by webhooks.
pub(in crate::control) async fn put(
    State(platform): State<Arc<Platform>>,
    Body(wanted): Body<Option<Change>>,
) -> Result<Json<Value>, ControlError> {
    for (name, text) in wanted.iter().flat_map(|wanted| [("consumer", &wanted.consumer), ("queue", &wanted.queue)]) {
        text.as_deref().map_or(Ok(()), |text| check_text(name, text))?;
    }
    let now = platform.now();
    change(&platform, |world| {
        let goes_on = world.engagement.take().filter(|engagement| engagement.state != Progress::End);
        let before = goes_on.as_ref().map(|engagement| engagement.state);
        let engagement = match (wanted, goes_on) {
            (Some(wanted), None) => Some(Engagement::start(wanted, now)),
            (Some(wanted), Some(mut engagement)) => {
                engagement.change(wanted, now);
                Some(engagement)
            }
            (None, None) => None,
            (None, Some(mut engagement)) => {
                let end = Change { state: Some(Progress::End), ..Change::default() };
                engagement.change(end, now);
                tell(&platform, world, "onEngagementStatusChange", status(world, &engagement));
                tell_backend(&platform, world, &engagement, before);
                None
            }
        };
        if let Some(engagement) = &engagement {
            if before.is_none() {
                let context = json!({"engagementContext": engagement.context()});
                tell(&platform, world, "onEngagementContextChange", context);
            }
            tell(&platform, world, "onEngagementStatusChange", status(world, engagement));
            tell_backend(&platform, world, engagement, before);
        }
        world.engagement = engagement;
        Ok(())
    })
}

/// Sends the webhooks of a change, if the app has a webhook URL.
fn tell_backend(platform: &Platform, world: &mut World, engagement: &Engagement, before: Option<Progress>) {
    let agent = world.people.seated().clone();
    let scene = Scene::of(world, &platform.config, &agent, platform.clock.machine());
    let scene = Scene { engagement: engagement.clone(), ..scene };
    for what in webhooks_of(before, engagement.state) {
        let event = catalogue::find(&format!("contact_center.engagement_{what}")).expect("the catalogue has them all");
        platform.send_event(world, &event.body(&scene));
    }
}

/// What happened when an engagement came from one state, or from none, to another.
fn webhooks_of(before: Option<Progress>, after: Progress) -> &'static [&'static str] {
    use Progress::{Active, End, Inactive, WrapUp};
    match (before, after) {
        (None, End) => &["started", "user_answered", "user_ended", "ended"],
        (None, _) => &["started", "user_answered"],
        (Some(Active), Inactive) => &["user_hold"],
        (Some(Inactive), Active) => &["user_unhold"],
        (Some(Active | Inactive), WrapUp) => &["consumer_ended"],
        (Some(Active | Inactive | WrapUp), End) => &["user_ended", "ended"],
        _ => &[],
    }
}
