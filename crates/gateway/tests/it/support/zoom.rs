use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use stagedoor_flows::port::{Http, HttpError};
use tokio::sync::Semaphore;

use super::USER;

pub(crate) const DEEP_LINK: &str = "https://zoom.us/launch/chatapp/canary-deep-link";

/// Zoom as a table of answers. What is not set answers as if all were well.
#[derive(Default)]
pub(crate) struct ScriptedZoom {
    answers: Mutex<HashMap<String, Answer>>,
    calls: Mutex<Vec<(String, Bytes)>>,
}

#[derive(Clone)]
enum Answer {
    Body(u16, String),
    Timeout,
    Unreachable,
    Slow(Duration),
    Held(Arc<Semaphore>),
}

/// An answer that Zoom holds back.
pub(crate) struct Held(Arc<Semaphore>);

impl Held {
    /// Lets it go.
    pub(crate) fn release(self) {
        self.0.close();
    }
}

impl ScriptedZoom {
    /// Answers a path with JSON.
    pub(crate) fn answer(&self, path: &str, status: u16, body: &Value) {
        self.set(path, Answer::Body(status, body.to_string()));
    }

    /// Answers a path with any text.
    pub(crate) fn answer_text(&self, path: &str, status: u16, body: &str) {
        self.set(path, Answer::Body(status, body.to_owned()));
    }

    pub(crate) fn time_out(&self, path: &str) {
        self.set(path, Answer::Timeout);
    }

    pub(crate) fn cut_off(&self, path: &str) {
        self.set(path, Answer::Unreachable);
    }

    /// Answers well, but late.
    pub(crate) fn slow_down(&self, path: &str, by: Duration) {
        self.set(path, Answer::Slow(by));
    }

    /// Answers well, but not before what is returned is released.
    pub(crate) fn hold(&self, path: &str) -> Held {
        let gate = Arc::new(Semaphore::new(0));
        self.set(path, Answer::Held(Arc::clone(&gate)));
        Held(gate)
    }

    /// How often a path was called.
    pub(crate) fn calls(&self, path: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(called, _)| *called == path).count()
    }

    /// What a path was last called with.
    pub(crate) fn last_body(&self, path: &str) -> String {
        let calls = self.calls.lock().unwrap();
        let (_, body) = calls.iter().rfind(|(called, _)| *called == path).expect("it was called");
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn set(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }
}

#[async_trait]
impl Http for ScriptedZoom {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let path = request.uri().path().to_owned();
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.calls.lock().unwrap().push((path.clone(), request.body().clone()));
        let answer = self.answers.lock().unwrap().get(&path).cloned();
        let (status, body) = match answer {
            Some(Answer::Body(status, body)) => (status, body),
            Some(Answer::Timeout) => return Err(HttpError::Timeout { host }),
            Some(Answer::Unreachable) => return Err(HttpError::Connect { host, source: "refused".into() }),
            Some(Answer::Slow(by)) => {
                tokio::time::sleep(by).await;
                (200, well(&path))
            }
            Some(Answer::Held(gate)) => {
                // It is closed when the answer may go.
                let _ = gate.acquire().await;
                (200, well(&path))
            }
            None => (200, well(&path)),
        };
        Ok(Response::builder().status(status).body(Bytes::from(body)).unwrap())
    }
}

fn well(path: &str) -> String {
    match path {
        "/oauth/token" => json!({
            "access_token": "canary-access-token", "refresh_token": "canary-refresh-token", "token_type": "bearer",
            "expires_in": 3599, "scope": "user:read:user zoomapp:inmeeting",
        }),
        "/v2/users/me" => json!({ "id": USER, "display_name": "Ada Lovelace", "account_id": "canary-account" }),
        "/acme/token" => json!({
            "access_token": "canary-provider-access", "refresh_token": "canary-provider-refresh", "token_type": "Bearer",
            "expires_in": 3600, "scope": "notes",
        }),
        "/v2/zoomapp/deeplink" => json!({ "deeplink": DEEP_LINK }),
        _ => json!({}),
    }
    .to_string()
}
