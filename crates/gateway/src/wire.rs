//! One connection as it is read: strictly, and not for ever.
//!
//! hyper reads requests a little more kindly than we want: it takes a bare LF for the end of a line, cuts a fragment off
//! a target, and resolves the conflict between Content-Length and Transfer-Encoding, all before anybody else sees the
//! request. [`Wire`] sits below hyper and looks at the bytes first ([`scan`]); an offending byte becomes a NUL, which
//! hyper answers with 400, closing the connection; it is told that the head ends there, or it would wait for more of it.
//! It also knows whether a connection is idle, in the middle of a head, or busy, and ends it in time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as _, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::config::Limits;

pub mod scan;

use scan::{Scan, Stage};

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A TCP stream below hyper.
pub(crate) struct Wire {
    stream: TcpStream,
    scan: Scan,
    activity: Arc<Activity>,
    limits: Limits,
    /// What hyper reads before anything else that arrives.
    ahead: &'static [u8],
    /// Whether bytes went in or out since the timer was set.
    moved: bool,
    /// Whether the client does not take what is sent.
    is_blocked: bool,
    /// Which head is being read, and since when.
    head: Option<(u64, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>, limits: Limits) -> Self {
        Self {
            stream,
            scan: Scan::default(),
            activity,
            limits,
            ahead: b"",
            moved: false,
            is_blocked: false,
            head: None,
            timer: None,
        }
    }

    fn arrived(&mut self, bytes: &mut [u8]) {
        if self.activity.switched.load(Ordering::Acquire) {
            self.scan.stop();
        }
        let was_refused = self.scan.is_refused();
        self.scan.check(bytes);
        if self.scan.is_refused() && !was_refused {
            self.ahead = END_OF_HEAD;
        }
        self.moved = true;
        let heads = self.scan.heads();
        if self.scan.stage() == Stage::InHead && self.head.is_none_or(|(head, _)| head != heads) {
            self.head = Some((heads, Instant::now()));
        }
    }

    fn wrote(&mut self, written: &Poll<io::Result<usize>>) {
        self.is_blocked = written.is_pending();
        self.moved |= written.is_ready();
    }

    /// When the head that is being read must be complete.
    fn head_deadline(&self) -> Option<Instant> {
        let (_, since) = self.head.filter(|_| self.scan.stage() == Stage::InHead)?;
        Some(since + self.limits.head)
    }

    fn is_idle(&mut self) -> bool {
        let moved = std::mem::take(&mut self.moved);
        let answering = self.scan.stage() == Stage::Between && self.activity.is_answering();
        // An answer that nobody takes is no answer under way.
        !moved && (!answering || self.is_blocked) && !self.activity.switched.load(Ordering::Relaxed)
    }

    /// A head has its own time. For the rest, the timer is not moved with every request: when it rings and the
    /// connection has not been idle, it is set again. So an idle connection ends after one to two idle times.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let idle = self.limits.idle;
        let mut timer = self.timer.take().unwrap_or_else(|| Box::pin(tokio::time::sleep(idle)));
        if let Some(deadline) = self.head_deadline().filter(|deadline| timer.deadline() > *deadline) {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if self.head_deadline().map_or_else(|| self.is_idle(), |deadline| deadline <= Instant::now()) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(self.head_deadline().unwrap_or_else(|| Instant::now() + idle));
        }
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let (now, later) = self.ahead.split_at(self.ahead.len().min(buf.remaining()));
            buf.put_slice(now);
            self.ahead = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                self.arrived(&mut buf.filled_mut()[before..]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_timer(cx),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a connection is doing, as those above hyper know it.
#[derive(Default)]
pub(crate) struct Activity {
    /// Requests without a complete answer.
    answering: AtomicUsize,
    /// Whether it speaks another protocol from now on.
    switched: AtomicBool,
}

impl Activity {
    fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed) > 0
    }

    /// A request has arrived.
    pub(crate) fn begin(self: &Arc<Self>) -> Answering {
        self.answering.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }
}

/// An answer under way.
pub(crate) struct Answering(Arc<Activity>);

impl Answering {
    /// The head of the answer is there; it is complete when its body is.
    pub(crate) fn head(self, response: Response) -> Response {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.0.switched.store(true, Ordering::Release);
        }
        // A body that is in memory is as good as sent.
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        response.map(|body| Body::new(Streaming { body, _answering: self }))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Streaming {
    body: Body,
    _answering: Answering,
}

impl http_body::Body for Streaming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
