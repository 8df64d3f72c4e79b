//! Calls of the REST API that the emulator does not play, and methods that an endpoint does not have.

use http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use super::bearer::ApiError;
use super::call::Call;
use crate::platform::Platform;
use crate::world::docs::{API, OAUTH};
use crate::world::journal::{Lane, Note, Problem};

pub(super) fn unknown(platform: &Platform, _: &Call) -> Answer {
    let flow = platform.world().journal.calls(platform.now());
    let note = Note::new(flow, (Lane::Backend, Lane::Zoom), "Another call of the API", API)
        .says("Your backend calls the REST API with the user's token.");
    let problem = Problem::new(
        "The emulator does not play this call. Zoom may.",
        "Answer it from a fake of your own, or try it against Zoom.",
    );
    let message = "This API endpoint is not recognized.".into();
    ApiError { status: StatusCode::NOT_FOUND, code: 2300, message, field: None, problem }.answer(note)
}

/// `/oauth/token` and `/oauth/revoke` with another method than POST.
pub(super) fn only_post(platform: &Platform, _: &Call) -> Answer {
    let flow = platform.world().journal.calls(platform.now());
    let note = Note::new(flow, (Lane::Backend, Lane::Zoom), "A wrong method", OAUTH)
        .says("Zoom gives and ends tokens by POST alone.");
    let problem =
        Problem::new("This request is no POST.", "Send a POST, with the parameters in its body and not in the URL.");
    let body = json!({"reason": "Method not allowed", "error": "invalid_request"});
    Answer::json(StatusCode::METHOD_NOT_ALLOWED, &body, note.failed(problem))
}
