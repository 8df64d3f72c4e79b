//! What the REST API checks before it does anything.

use http::StatusCode;
use serde_json::json;
use stagedoor_protocol::time::UnixMillis;

use super::answer::Answer;
use super::call::Call;
use crate::world::World;
use crate::world::grants::Access;
use crate::world::journal::{FlowId, Note, Problem};

/// Whom a call is made for.
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) flow: FlowId,
    scopes: Vec<String>,
}

/// An error of the REST API: `{"code","message"}`.
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: u16,
    pub(super) message: String,
    /// The member that is wrong, where one is.
    pub(super) field: Option<&'static str>,
    pub(super) problem: Problem,
}

impl ApiError {
    pub(super) fn bad_request(code: u16, message: impl Into<String>, problem: Problem) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into(), field: None, problem }
    }

    /// Code 300: a parameter or member has not the form that it must have.
    pub(super) fn invalid(field: &'static str, fix: &str) -> Self {
        let problem = Problem::new(format!("{field} is not what Zoom takes."), fix);
        Self { field: Some(field), ..Self::bad_request(300, "Validation Failed.", problem) }
    }

    /// Code 124. Most calls answer it with 401, the deep link's page documents 400.
    fn invalid_token(message: &str, problem: Problem) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: 124, message: message.into(), field: None, problem }
    }

    pub(super) fn answer(self, note: Note) -> Answer {
        let mut body = json!({"code": self.code, "message": self.message});
        if let Some(field) = self.field {
            body["errors"] = json!([{"field": field, "message": "Invalid field."}]);
        }
        Answer::json(self.status, &body, note.failed(self.problem))
    }
}

/// The user whose token the call carries, in `Authorization: Bearer` and nowhere else.
pub(super) fn caller(world: &World, call: &Call, now: UnixMillis) -> Result<Caller, ApiError> {
    let Some(token) = call.authorization("Bearer") else {
        let (message, sentence) = if call.query().get("access_token").is_some() {
            let message = "Invalid access token, this access token is not supported as query parameter string";
            (message, "The access token is in the URL. Zoom has not taken it there since February 2023.")
        } else {
            ("Invalid access token.", "There is no access token.")
        };
        let problem = Problem::new(sentence, "Send it as Authorization: Bearer <token>.");
        return Err(ApiError::invalid_token(message, problem));
    };
    match world.grants.access(token, now) {
        Access::Live(grant) => Ok(Caller { user: grant.user.clone(), flow: grant.flow, scopes: grant.scopes.clone() }),
        Access::Expired => {
            let problem = Problem::new("The access token is more than an hour old.", "Refresh it before it expires.");
            Err(ApiError::invalid_token("Access token is expired.", problem))
        }
        Access::Unknown => {
            let problem = Problem::new(
                "Zoom does not know this access token, or a newer authorization or a revocation has ended it.",
                "Use the token of the newest answer; if there is none, ask the user to install again.",
            );
            Err(ApiError::invalid_token("Invalid access token.", problem))
        }
    }
}

impl Caller {
    /// Checks that one of the scopes was granted.
    pub(super) fn needs(&self, any_of: &[&str]) -> Result<(), ApiError> {
        if any_of.iter().any(|scope| self.scopes.iter().any(|granted| granted == scope)) {
            return Ok(());
        }
        let scope = any_of.first().copied().unwrap_or_default();
        let problem = Problem::new(
            format!("The token lacks the scope {scope}."),
            "Add the scope to the app in the Marketplace and let the user install again.",
        );
        let message = format!("Invalid access token, does not contain scopes:[{scope}].");
        Err(ApiError::bad_request(4711, message, problem.with_setting("zoom.required_scopes")))
    }
}
