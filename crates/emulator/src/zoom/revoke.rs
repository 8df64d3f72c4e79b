//! `POST /oauth/revoke`: the app gives a user's tokens back.

use http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use super::call::Call;
use super::client_auth::is_app;
use crate::platform::Platform;
use crate::world::docs::OAUTH;
use crate::world::journal::{Lane, Note, Problem};

pub(super) fn revoke(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    let flow = world.journal.calls(now);
    let note = Note::new(flow, (Lane::Backend, Lane::Zoom), "Give the tokens back", OAUTH)
        .says("Your backend ends the user's grant. All its tokens are dead from now on.");
    let form = call.form();
    if !is_app(platform, call, &form) {
        let problem =
            Problem::new("The client id or the client secret is wrong, or missing.", "Send them with HTTP Basic.");
        let body = json!({"reason": "Invalid client_id or client_secret", "error": "invalid_client"});
        return Answer::json(StatusCode::BAD_REQUEST, &body, note.failed(problem.with_setting("zoom.client_secret")));
    }
    let Some(token) = form.get("token").filter(|_| call.is_form()) else {
        let problem =
            Problem::new("There is no token in the body.", "Send token=… as application/x-www-form-urlencoded.");
        let body = json!({"reason": "Missing token", "error": "invalid_request"});
        return Answer::json(StatusCode::BAD_REQUEST, &body, note.failed(problem));
    };
    let user = world.grants.revoke(token);
    let note = match user.and_then(|user| world.people.find(&user).cloned()) {
        Some(person) => {
            world.installs.remove(&person.id);
            platform.tell_deauthorized(&mut world, &person);
            note
        }
        // A token that is dead already is revoked already (RFC 7009 section 2.2).
        None => {
            note.warned(Problem::new("No live grant has this token: nothing ended.", "Send the newest access token."))
        }
    };
    Answer::json(StatusCode::OK, &json!({"status": "success"}), note)
}
