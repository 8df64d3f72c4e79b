//! Bodies of requests: JSON that is named as JSON, not too much of it, and not for ever.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
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
    // Who announces too much is not waited for.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
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
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures_util::stream;
    use http_body::{Frame, SizeHint};
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn mn_33_a_body_that_drips_is_not_waited_for() {
        let drip = stream::unfold((), async |()| {
            sleep(Duration::from_millis(10)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), ()))
        });
        let began = Instant::now();
        let read = read_within(Duration::from_millis(100), Body::from_stream(drip), 1_000_000).await;
        assert_eq!(read.map_err(|notice| (notice.status.as_u16(), notice.code)), Err((408, "body_slow")));
        assert_eq!(began.elapsed(), Duration::from_millis(100));
    }

    /// A body of so many bytes, none of which ever comes.
    struct Announced(u64);

    impl http_body::Body for Announced {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test]
    async fn mn_33_a_body_that_is_announced_as_too_long_is_refused_at_once() {
        let refused = |announced| async move {
            let read = read_within(Duration::from_millis(100), Body::new(Announced(announced)), 10).await;
            read.map_err(|notice| notice.code)
        };
        assert_eq!(refused(11).await, Err("body_too_large"));
        assert_eq!(refused(10).await, Err("body_slow"), "as long as it may be, it is waited for");
    }
}
