//! `POST /v2/zoomapp/deeplink`, with and without a slash at the end: a link that opens the app in the user's client.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::bearer::{ApiError, Caller, caller};
use super::call::Call;
use crate::fault::{Endpoint, Fault, Twist};
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::MARKETPLACE_API;
use crate::world::journal::{FlowId, Lane, Note, Problem};

/// The longest action. Zoom does not say of what unit; bytes are the strictest reading.
const MAX_ACTION: usize = 256;

pub(super) fn deeplink(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    // This page of Zoom's documents 400 for a bad token where the others say 401.
    let caller = caller(&world, call, now).map_err(|error| ApiError { status: StatusCode::BAD_REQUEST, ..error });
    let sign_in = match &caller {
        Ok(caller) => world.link_of_sign_in(&caller.user, read_action(call).ok().flatten().as_deref(), now),
        Err(_) => None,
    };
    let flow = sign_in.unwrap_or_else(|| world.flow_of_call(caller.as_ref().ok().map(|caller| caller.flow), now));
    let note = Note::new(flow, (Lane::Backend, Lane::Zoom), "Ask for a deep link", MARKETPLACE_API).says(
        "Your backend asks for a link that opens the app in the user's client. Whoever follows the link opens it: the \
         action in it proves nothing about the user.",
    );
    let fault = world.faults.strike(Endpoint::Deeplink);
    if let Some(answer) = fault.and_then(|fault| Answer::instead(fault, &note)) {
        return answer;
    }
    match caller.and_then(|caller| make(&mut world, platform, call, (&caller, flow))) {
        Ok(token) => given(platform, &token, fault, note),
        Err(error) => error.answer(note),
    }
}

fn given(platform: &Platform, token: &str, fault: Option<&'static Fault>, note: Note) -> Answer {
    let link = format!("{}/launch/chatapp/{token}", platform.addresses.zoom);
    match fault.and_then(Fault::twist) {
        Some(Twist::Created) => Answer::json(StatusCode::CREATED, &json!({"deeplink": link}), note),
        Some(Twist::Link(hostile)) => {
            let problem =
                Problem::new("The emulator answers with a hostile link: a fault is on.", "Do not redirect to it.");
            let body = json!({"deeplink": hostile.replace("{}", token)});
            Answer::json(StatusCode::OK, &body, note.warned(problem))
        }
        _ => Answer::json(StatusCode::OK, &json!({"deeplink": link}), note),
    }
}

fn make(
    world: &mut World,
    platform: &Platform,
    call: &Call,
    (caller, flow): (&Caller, FlowId),
) -> Result<String, ApiError> {
    caller.needs(&["zoomapp:inmeeting", "app:deeplink:write"])?;
    let action = read_action(call)?;
    Ok(world.links.make(&caller.user, action, (flow, platform.now())))
}

fn read_action(call: &Call) -> Result<Option<String>, ApiError> {
    let body: Option<Map<String, Value>> = serde_json::from_slice(&call.body).ok();
    let Some(body) = body.filter(|_| call.is_json()) else {
        let fix = "Send content-type: application/json and a body such as {\"action\":\"open\"}.";
        let problem = Problem::new("The body is not a JSON object.", fix);
        return Err(ApiError::bad_request(300, "Request Body should be a valid JSON object.", problem));
    };
    let fits = |name: &str, fits: fn(&Value) -> bool| body.get(name).is_none_or(fits);
    if !fits("type", |kind| matches!(kind.as_i64(), Some(1 | 2))) || !fits("user_id", Value::is_string) {
        let problem = Problem::new("type must be 1 or 2, user_id a text.", "Leave both out for a user's own token.");
        return Err(ApiError::bad_request(300, "Validation Failed.", problem));
    }
    match body.get("action") {
        None => Ok(None),
        Some(Value::String(action)) if action.len() <= MAX_ACTION => Ok(Some(action.clone())),
        Some(Value::String(action)) => {
            let problem = Problem::new(
                format!("The action is {} bytes long; {MAX_ACTION} are allowed.", action.len()),
                "Keep what is long on your server and put a short handle into the action.",
            );
            Err(ApiError::bad_request(300, "Invalid action. The maximum length of the value is 256.", problem))
        }
        Some(_) => {
            let problem = Problem::new("The action is not a text.", "Send a string; it may hold JSON.");
            Err(ApiError::bad_request(300, "Validation Failed.", problem))
        }
    }
}
