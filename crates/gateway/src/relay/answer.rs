//! The body of an answer on its way out: in time, not too large, and without the token.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use stagedoor_flows::port::BoxError;
use tokio::time::{Instant, Sleep};

use super::Bearer;
use super::gate::Pass;
use super::guard::Guard;

/// A body that is watched.
pub(super) struct Answer {
    body: Body,
    guard: Guard,
    /// How much may still come, in bytes.
    left: u64,
    deadline: Pin<Box<Sleep>>,
    has_ended: bool,
    _pass: Pass,
}

impl Answer {
    pub(super) fn new(body: Body, token: Bearer, limit: u64, ends: Instant, pass: Pass) -> Self {
        let deadline = Box::pin(tokio::time::sleep_until(ends));
        Self { body, guard: Guard::new(token), left: limit, deadline, has_ended: false, _pass: pass }
    }

    fn take(&mut self, data: Bytes) -> Result<Bytes, BoxError> {
        self.left = self.left.checked_sub(data.len() as u64).ok_or("the answer is too large")?;
        Ok(self.guard.pass(data)?)
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            self.has_ended = true;
            return Poll::Ready(Some(Err("the answer did not come in time".into())));
        }
        loop {
            let data = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(data),
                    // Trailers.
                    Err(_) => continue,
                },
                Some(Err(error)) => Err(error.into()),
                None => {
                    self.has_ended = true;
                    let rest = self.guard.end();
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                }
            };
            match data {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(error) => {
                    tracing::warn!(error = &*error as &dyn std::error::Error, "an answer of an API was cut off");
                    self.has_ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.body.is_end_stream() && self.guard.held() == 0
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, held) = (self.body.size_hint(), self.guard.held() as u64);
        let mut adjusted = SizeHint::new();
        adjusted.set_lower(hint.lower() + held);
        if let Some(upper) = hint.upper() {
            adjusted.set_upper(upper + held);
        }
        adjusted
    }
}
