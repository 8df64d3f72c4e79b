//! Bodies of requests: JSON that is named as JSON, and not too much of it.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::edge::at_most_one;
use crate::notice::Notice;

/// Reads a JSON body of at most `limit` bytes. It must be named as JSON, because forms of other sites cannot be.
pub(crate) async fn json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Notice> {
    if !is_json(headers) {
        let sentence = "This address takes JSON.";
        let advice = "Send it with Content-Type: application/json.";
        return Err(Notice::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_required", sentence, advice));
    }
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        let sentence = "The content of this request is too long or broke off.";
        Notice::problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", sentence, "Send less.").because(&error)
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = at_most_one(headers, &header::CONTENT_TYPE).ok().flatten();
    let essence = kind.map(|kind| kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/json"))
}
