//! Server-sent events: the state first, then what happens.

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::stage::{PATIENCE, Stage};

/// Reads events until there is one of this name.
pub(crate) struct Watcher(hyper::body::Incoming, String);

impl Watcher {
    pub(crate) async fn new(stage: &Stage) -> Self {
        Self::at(&stage.at.control).await
    }

    pub(crate) async fn at(control: &str) -> Self {
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::get(format!("{control}/control/events")).body(Body::empty()).unwrap();
        let response = client.request(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body(), String::new())
    }

    pub(crate) async fn next(&mut self, name: &str) -> Value {
        let read = async {
            loop {
                while let Some((event, rest)) = self.1.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.1 = rest;
                    let (head, data) = event.split_once('\n').unwrap_or_default();
                    if head == format!("event: {name}") {
                        return serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                    }
                }
                let frame = self.0.frame().await.unwrap().unwrap();
                self.1.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap()
    }

    /// Reads until the stream ends.
    pub(crate) async fn ends(mut self) {
        let end = async { while self.0.frame().await.is_some() {} };
        tokio::time::timeout(PATIENCE, end).await.unwrap();
    }

    /// Reads until the client tells the app an event of this name; returns its data.
    pub(crate) async fn sdk_event(&mut self, name: &str) -> Value {
        loop {
            let event = self.next("sdk-event").await;
            if event["name"] == name {
                return event["data"].clone();
            }
        }
    }
}

#[tokio::test]
async fn events_begin_with_the_state_and_go_on_with_what_happens() {
    let stage = Stage::bare().await;
    let mut watcher = Watcher::new(&stage).await;
    assert_eq!(watcher.next("state").await["consent"], "ask");
    stage.always_allow().await;
    assert_eq!(watcher.next("state").await["consent"], "allow");
    stage.code(&[("state", "s")]).await;
    let begin = watcher.next("step").await;
    assert_eq!((begin["n"].as_u64(), begin["title"].as_str()), (Some(1), Some("Begin the install")));
    assert_eq!(watcher.next("step").await["title"], "Ask for consent");
    let back = watcher.next("step").await;
    assert_eq!((back["title"].as_str(), back["status"].as_str()), (Some("Back with a code"), Some("pending")));
    let launched = stage.post("launch", json!({})).await;
    assert_eq!(watcher.next("view").await, launched);
    stage.post("reset", Value::Null).await;
    assert_eq!(watcher.next("reset").await, json!({}));
}

#[tokio::test]
async fn whoever_is_told_to_begin_anew_gets_the_state_to_begin_with() {
    let stage = Stage::bare().await;
    let mut watcher = Watcher::new(&stage).await;
    watcher.next("state").await;
    for forgotten in ["steps", "deliveries"] {
        stage.control(Method::DELETE, forgotten, Value::Null).await;
        watcher.next("reset").await;
        assert_eq!(watcher.next("state").await["consent"], "ask", "{forgotten}");
    }
}

#[tokio::test]
async fn a_pending_step_is_settled_when_the_code_comes_back() {
    let stage = Stage::bare().await;
    let mut watcher = Watcher::new(&stage).await;
    let code = stage.code(&[]).await;
    let mut pending = watcher.next("step").await;
    while pending["status"] != "pending" {
        pending = watcher.next("step").await;
    }
    stage.exchange(&code, &[]).await;
    let settled = watcher.next("step").await;
    assert_eq!((&settled["id"], settled["status"].as_str()), (&pending["id"], Some("ok")));
}
