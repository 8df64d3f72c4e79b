use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use serde_json::Value;
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use crate::fault::{Canned, Delivery, Effect, Fault};
use crate::platform::Platform;
use crate::world::World;
use crate::world::journal::Note;

/// How late a delayed answer comes.
const DELAY: Duration = Duration::from_secs(2);

/// How long an answer hangs that never comes.
const HANG: Duration = Duration::from_mins(10);

/// What is done once the answer has been written down: steps that follow from it.
type After = Box<dyn FnOnce(&mut World, UnixMillis) + Send>;

/// What Zoom's side answers, what it means, and how it arrives.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) note: Note,
    pub(crate) delivery: Delivery,
    after: Option<After>,
}

impl Answer {
    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>, note: Note) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body: body.into(), note, delivery: Delivery::Normal, after: None }
    }

    pub(crate) fn json(status: StatusCode, body: &Value, note: Note) -> Self {
        Self::new(status, "application/json;charset=UTF-8", body.to_string(), note)
    }

    /// A page of the emulator.
    pub(crate) fn page(status: StatusCode, html: String, platform: &Platform, note: Note) -> Self {
        let mut answer = Self::new(status, "text/html; charset=utf-8", html, note);
        platform.page_policy.apply(&mut answer.headers);
        answer
    }

    pub(crate) fn redirect(location: &Url, note: Note) -> Self {
        let mut answer = Self::new(StatusCode::FOUND, "text/plain", Bytes::new(), note);
        let location = HeaderValue::try_from(location.as_str()).expect("a parsed URL is visible ASCII");
        answer.headers.insert(LOCATION, location);
        answer
    }

    fn canned(canned: Canned, note: Note) -> Self {
        let status = StatusCode::from_u16(canned.status).expect("the catalogue holds valid statuses");
        let mut answer = Self::new(status, canned.content_type, canned.body, note);
        if let Some(seconds) = canned.retry_after {
            answer.headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        answer
    }

    /// Nothing is answered.
    fn unanswered(note: Note) -> Self {
        let mut answer = Self::new(StatusCode::GATEWAY_TIMEOUT, "text/plain", Bytes::new(), note);
        answer.delivery = Delivery::Hang;
        answer
    }

    /// What a fault answers instead of anything; none if the answer is to be made all the same.
    pub(crate) fn instead(fault: &Fault, note: &Note) -> Option<Self> {
        let failed = || note.clone().failed(fault.problem());
        match fault.effect {
            Effect::Canned(canned) => Some(Self::canned(canned, failed())),
            Effect::Unanswered => Some(Self::unanswered(failed())),
            Effect::Delivered(_) | Effect::Twisted(_) => None,
        }
    }

    pub(crate) fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Does this once the step is written down, so that what follows comes after it in the diagram.
    pub(crate) fn then(mut self, after: impl FnOnce(&mut World, UnixMillis) + Send + 'static) -> Self {
        self.after = Some(Box::new(after));
        self
    }

    pub(crate) fn take_after(&mut self) -> Option<After> {
        self.after.take()
    }

    /// Sends the answer the way it is meant to arrive.
    pub(crate) async fn deliver(self, platform: &Platform) -> Response {
        let Self { status, mut headers, body, delivery, .. } = self;
        let body = match delivery {
            Delivery::Normal => Body::from(body),
            Delivery::Delayed => late(DELAY, body, platform).await,
            Delivery::Hang => late(HANG, body, platform).await,
            Delivery::Drip => drip(body, platform),
            Delivery::Truncated => cut(&body, body.len() / 2, &mut headers),
            Delivery::Lost => cut(&body, 0, &mut headers),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// The whole answer, unless the emulator stops before.
async fn late(pause: Duration, body: Bytes, platform: &Platform) -> Body {
    wait(pause, platform).await;
    Body::from(body)
}

/// Waits for as long as an answer hangs.
pub(crate) async fn hang(platform: &Platform) {
    wait(HANG, platform).await;
}

async fn wait(pause: Duration, platform: &Platform) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = platform.stopping.cancelled() => {}
    }
}

/// One byte a second.
fn drip(body: Bytes, platform: &Platform) -> Body {
    let stopped = platform.stopping.clone().cancelled_owned();
    let bytes = stream::iter(0..body.len()).then(move |at| {
        let byte = body.slice(at..=at);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(byte)
        }
    });
    Body::from_stream(bytes.take_until(stopped))
}

/// The first bytes of a body that was announced in full length, then an error that ends the connection.
fn cut(body: &Bytes, length: usize, headers: &mut HeaderMap) -> Body {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let first = (length > 0).then(|| Ok(body.slice(..length)));
    let end = Err(io::Error::new(io::ErrorKind::ConnectionReset, "the emulator cuts this answer off"));
    // The pause lets what came before reach the caller first.
    let parts = stream::iter(first.into_iter().chain([end])).then(|part| async move {
        if part.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        part
    });
    Body::from_stream(parts)
}
