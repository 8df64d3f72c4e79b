//! A website, as the flows call it: it answers as it is told, and remembers who asked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use stagedoor_flows::port::{Http, HttpError};
use tokio::sync::Notify;

#[derive(Clone, Debug)]
pub(crate) enum Says {
    Status(u16, String),
    Refused,
    Timeout,
    Broken,
    TooLarge,
}

pub(crate) struct Site {
    says: Mutex<Says>,
    requests: Mutex<Vec<Request<Bytes>>>,
    held: AtomicBool,
    released: Notify,
}

impl Site {
    pub(crate) fn saying(status: u16, body: &Value) -> Self {
        let says = Mutex::new(Says::Status(status, body.to_string()));
        Self { says, requests: Mutex::default(), held: AtomicBool::new(false), released: Notify::new() }
    }

    pub(crate) fn now_says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// Answers wait until they are released.
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    pub(crate) fn release(&self) {
        self.held.store(false, Ordering::SeqCst);
        self.released.notify_waiters();
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.requests().len()
    }
}

#[async_trait::async_trait]
impl Http for Site {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap().to_owned();
        self.requests.lock().unwrap().push(request);
        let released = self.released.notified();
        if self.held.load(Ordering::SeqCst) {
            released.await;
        }
        match self.says.lock().unwrap().clone() {
            Says::Status(status, body) => Ok(Response::builder().status(status).body(body.into()).unwrap()),
            Says::Refused => Err(HttpError::Connect { host, source: "refused".into() }),
            Says::Timeout => Err(HttpError::Timeout { host }),
            Says::Broken => Err(HttpError::Broken { host, source: "reset".into() }),
            Says::TooLarge => Err(HttpError::TooLarge { host }),
        }
    }
}
