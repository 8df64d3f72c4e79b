use http::StatusCode;
use serde_json::json;

use crate::world::journal::{Note, Problem};
use crate::zoom::Answer;

/// An error of an endpoint that programs call (RFC 6749 section 5.2, RFC 6750 section 3.1).
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    problem: Problem,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: &'static str, sentence: &str, fix: &str) -> Self {
        Self { status, error, problem: Problem::new(sentence, fix) }
    }

    pub(super) fn grant(sentence: &str, fix: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", sentence, fix)
    }

    pub(super) fn answer(self, note: Note) -> Answer {
        Answer::json(self.status, &json!({"error": self.error}), note.failed(self.problem))
    }
}
