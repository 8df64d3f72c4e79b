//! Bodies of requests: JSON that is named as JSON, not too much of it, and not for ever.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use tokio::time::timeout;

use crate::edge::at_most_one;
use crate::notice::Notice;

/// How long a body may take. Those that are read here are small.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a JSON body of at most `limit` bytes. It must be named as JSON, because forms of other sites cannot be.
pub(crate) async fn json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Notice> {
    if !is_json(headers) {
        let sentence = "This address takes JSON.";
        let advice = "Send it with Content-Type: application/json.";
        return Err(Notice::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_required", sentence, advice));
    }
    read(body, limit).await
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Notice> {
    read_within(PATIENCE, body, limit).await
}

async fn read_within(patience: Duration, body: Body, limit: usize) -> Result<Bytes, Notice> {
    let read = timeout(patience, axum::body::to_bytes(body, limit)).await.map_err(|_| too_slow())?;
    read.map_err(|error| too_large().because(&error))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = at_most_one(headers, &header::CONTENT_TYPE).ok().flatten();
    let essence = kind.map(|kind| kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/json"))
}

fn too_slow() -> Notice {
    let sentence = "The content of this request did not come in time.";
    Notice::problem(StatusCode::REQUEST_TIMEOUT, "body_slow", sentence, "Send it again.")
}

fn too_large() -> Notice {
    let sentence = "The content of this request is too long or broke off.";
    Notice::problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", sentence, "Send less.")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test]
    async fn mn_33_a_body_that_drips_is_not_waited_for() {
        let drip = stream::unfold((), async |()| {
            sleep(Duration::from_millis(10)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
        });
        let began = Instant::now();
        let read = read_within(Duration::from_millis(100), Body::from_stream(drip), 1_000_000).await;
        assert_eq!(read.map_err(|notice| (notice.status.as_u16(), notice.code)), Err((408, "body_slow")));
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
