//! Calls of the REST API that the emulator does not play.

use http::StatusCode;

use super::answer::Answer;
use super::bearer::ApiError;
use super::call::Call;
use crate::platform::Platform;
use crate::world::docs::API;
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
