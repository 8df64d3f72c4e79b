use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::error::ControlError;

/// The longest body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A JSON body. Its types refuse unknown members. An empty body counts as `{}`, so that calls without arguments need none.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ControlError> {
        let media_type = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default().to_owned());
        let is_json = |kind: &str| {
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        };
        let too_large = |_| ControlError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 64 KiB.");
        let bytes = to_bytes(request.into_body(), MAX_BODY).await.map_err(too_large)?;
        if !media_type.map_or(bytes.is_empty(), |kind| is_json(&kind)) {
            let sentence = "Send content-type: application/json.";
            return Err(ControlError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
        }
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let parsed =
            serde_json::from_slice(bytes).map_err(|error| ControlError::bad(format!("The body is wrong: {error}.")));
        parsed.map(Self)
    }
}
