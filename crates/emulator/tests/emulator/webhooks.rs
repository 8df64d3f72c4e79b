//! Webhooks, as a backend sees them that is written here: signed bytes, retries, validation, faults.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use stagedoor_emulator::WebhookSecret;

use crate::stage::{ADA, CLIENT_ID, Stage, wait_until};

mod faults;
mod subscription;

const SECRET: &str = "canary-webhook-secret-91c7";
const CHALLENGE: &str = "endpoint.url_validation";
const MINUTE_MS: i64 = 60_000;

/// What the backend got.
#[derive(Clone)]
struct Got {
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn is_signed(&self) -> bool {
        let signed = mac(&format!("v0:{}:{}", self.header("x-zm-request-timestamp"), self.text()));
        self.header("x-zm-signature") == format!("v0={signed}")
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }
}

fn mac(message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, message.as_bytes());
    tag.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// A backend that answers what it is told to, one answer for each event; 200 once there is none left.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    /// Answers URL validations, also unsigned ones.
    is_careless: bool,
    /// Answers no URL validation.
    is_closed: Arc<Mutex<bool>>,
}

impl Receiver {
    fn will_answer(&self, answers: &[u16]) {
        self.answers.lock().unwrap().extend(answers.iter().map(|code| StatusCode::from_u16(*code).unwrap()));
    }

    fn all(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// The events, without URL validations.
    fn events(&self) -> Vec<Got> {
        self.all().into_iter().filter(|got| got.json()["event"] != CHALLENGE).collect()
    }

    fn challenges(&self) -> usize {
        self.all().len() - self.events().len()
    }

    fn router(&self) -> Router {
        Router::new().route("/hooks", post(receive)).with_state(self.clone())
    }

    /// The emulator with this backend, right after its start.
    async fn quiet_stage(&self) -> Stage {
        let router = self.router();
        let adjust = |config: &mut stagedoor_emulator::Config| {
            config.webhook_url = Some(config.home_url.join("/hooks").unwrap());
            config.webhook_secret = WebhookSecret::new(SECRET);
        };
        Stage::with(|_| Some(router), adjust).await
    }

    /// The same, once the URL is validated.
    async fn stage(&self) -> Stage {
        let stage = self.quiet_stage().await;
        stage.post("webhook/validate", json!({})).await;
        stage
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let got = Got { headers, body };
    receiver.got.lock().unwrap().push(got.clone());
    let json = got.json();
    if json["event"] == CHALLENGE {
        if *receiver.is_closed.lock().unwrap() || !(got.is_signed() || receiver.is_careless) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let token = json["payload"]["plainToken"].as_str().unwrap();
        return axum::Json(json!({"plainToken": token, "encryptedToken": mac(token)})).into_response();
    }
    if !got.is_signed() && !receiver.is_careless {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let answer = receiver.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
    if answer == StatusCode::GATEWAY_TIMEOUT {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    answer.into_response()
}

/// Triggers an event and waits until its first attempt is over.
async fn trigger(stage: &Stage, event: &str) -> Value {
    stage.post("trigger", json!({"event": event, "wait": true})).await
}

async fn advance(stage: &Stage, minutes: i64) {
    stage.put("clock", json!({"advance_ms": minutes * MINUTE_MS})).await;
}

/// Waits until a delivery is in a state.
async fn until(stage: &Stage, id: &Value, wanted: &str) -> Value {
    let mut delivery = Value::Null;
    let is_so = async || {
        delivery = stage.read(&format!("deliveries/{id}")).await;
        delivery["state"] == wanted
    };
    wait_until(wanted, is_so).await;
    delivery
}

async fn webhook_steps(stage: &Stage) -> Vec<Value> {
    stage.steps().await.into_iter().filter(|step| step["kind"] == "webhook").collect()
}

#[tokio::test]
async fn an_event_arrives_with_zooms_headers_and_a_signature_over_its_bytes() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    let delivery = trigger(&stage, "meeting.started").await;
    assert_eq!((delivery["state"].as_str(), delivery["attempts"][0]["http"].as_u64()), (Some("delivered"), Some(200)));
    let got = &receiver.events()[0];
    assert!(got.is_signed());
    assert_eq!(got.header("user-agent"), "Zoom Marketplace/1.0a");
    assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(got.header("clientid"), CLIENT_ID);
    assert_eq!(got.header("x-zm-request-timestamp").len(), 10);
    assert_eq!(got.header("x-zm-request-id"), delivery["request_id"]);
    assert_eq!(got.header("x-zm-request-id").split('_').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(got.header("traceparent").split('-').map(str::len).collect::<Vec<_>>(), [2, 32, 16, 2]);
    assert!(!got.header("authorization").is_empty(), "the verification token of old");
    let body = got.json();
    assert_eq!(body["event"], "meeting.started");
    assert_eq!(body["event_ts"].as_i64().unwrap() / 1000, got.header("x-zm-request-timestamp").parse::<i64>().unwrap());
    assert_eq!(body["payload"]["object"]["host_id"], ADA);
}

#[tokio::test]
async fn a_body_escapes_what_utf_16_needs_two_units_for_and_nothing_else() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    let set = json!({"payload.object.topic": "Feuer 🚒 – “x”"});
    stage.post("trigger", json!({"event": "meeting.started", "set": set, "wait": true})).await;
    let got = &receiver.events()[0];
    assert!(got.is_signed() && got.text().contains(r#""topic":"Feuer \uD83D\uDE92 – “x”""#), "{}", got.text());
}

#[tokio::test]
async fn every_event_of_the_catalogue_can_be_sent_and_names_itself() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    let catalogue = stage.read("webhook/events").await;
    let entries = catalogue.as_array().unwrap();
    for wanted in ["app_deauthorized", "meeting.ended", "user.deactivated", "contact_center.engagement_started"] {
        assert!(entries.iter().any(|entry| entry["event"] == wanted), "{wanted}");
    }
    for entry in entries {
        let delivery = trigger(&stage, entry["event"].as_str().unwrap()).await;
        assert_eq!((delivery["state"].as_str(), &delivery["event"]), (Some("delivered"), &entry["event"]));
    }
    for (got, entry) in receiver.events().iter().zip(entries) {
        let body = got.json();
        assert_eq!((&body["event"], got.is_signed()), (&entry["event"], true));
        assert!(body["event_ts"].is_i64() && body["payload"]["account_id"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn an_event_can_be_of_ones_own() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    let own = json!({"event": "phone.callee_ringing", "payload": {"account_id": "a"}, "set": {"payload.object.id": 7}});
    stage.post("trigger", own).await;
    let wrong = [
        (json!({"event": "phone.callee_ringing"}), StatusCode::NOT_FOUND),
        (json!({"event": "Not a name", "payload": {}}), StatusCode::BAD_REQUEST),
        (json!({"event": "", "payload": {}}), StatusCode::BAD_REQUEST),
        (json!({"event": "meeting.started", "set": {"event_ts.x": 1}}), StatusCode::BAD_REQUEST),
        (json!({"event": "meeting.started", "more": 1}), StatusCode::BAD_REQUEST),
    ];
    for (body, status) in wrong {
        assert_eq!(stage.try_control(Method::POST, "trigger", &body).await.status, status, "{body}");
    }
    until(&stage, &json!(1), "delivered").await;
    assert_eq!(receiver.events()[0].json()["payload"], json!({"account_id": "a", "object": {"id": 7}}));
}

#[tokio::test]
async fn what_fails_with_5xx_comes_again_after_5_20_and_60_minutes_and_is_then_given_up() {
    let receiver = Receiver::default();
    receiver.will_answer(&[500, 503, 500, 502]);
    let stage = receiver.stage().await;
    let delivery = trigger(&stage, "meeting.ended").await;
    let id = &delivery["id"];
    assert_eq!(delivery["state"], "retry");
    let mut last = delivery["attempts"][0]["at_ms"].as_i64().unwrap();
    for (attempts, minutes) in [(1, 5), (2, 20), (3, 60)] {
        let waiting = until(&stage, id, "retry").await;
        assert_eq!(waiting["at_ms"], last + minutes * MINUTE_MS);
        advance(&stage, minutes - 1).await;
        assert_eq!(receiver.events().len(), attempts, "too early");
        advance(&stage, 1).await;
        let is_tried = async || {
            let now = stage.read(&format!("deliveries/{id}")).await;
            let tried = now["attempts"].as_array().unwrap();
            last = tried.last().unwrap()["at_ms"].as_i64().unwrap();
            tried.len() > attempts
        };
        wait_until("it is tried again", is_tried).await;
    }
    until(&stage, id, "lost").await;
    advance(&stage, 600).await;
    let events = receiver.events();
    assert_eq!(events.len(), 4);
    for again in &events[1..] {
        assert_eq!(
            (&again.body, again.header("x-zm-signature")),
            (&events[0].body, events[0].header("x-zm-signature"))
        );
        assert_eq!(again.header("x-zm-request-id"), events[0].header("x-zm-request-id"));
    }
    assert!(webhook_steps(&stage).await.iter().filter(|step| step["status"] == "failed").count() == 4);
}

#[tokio::test]
async fn a_retry_that_is_answered_is_the_last() {
    let receiver = Receiver::default();
    receiver.will_answer(&[500, 201]);
    let stage = receiver.stage().await;
    let id = trigger(&stage, "meeting.ended").await["id"].clone();
    advance(&stage, 5).await;
    until(&stage, &id, "delivered").await;
    advance(&stage, 600).await;
    assert_eq!(receiver.events().len(), 2);
}

#[tokio::test]
async fn a_first_answer_of_201_is_taken_and_advised_against() {
    let receiver = Receiver::default();
    receiver.will_answer(&[201, 204]);
    let stage = receiver.stage().await;
    for is_advised in [true, false] {
        assert_eq!(trigger(&stage, "meeting.started").await["state"], "delivered");
        let steps = webhook_steps(&stage).await;
        let step = steps.last().unwrap();
        assert_eq!((step["status"].as_str(), step["problem"].is_object()), (Some("ok"), is_advised), "{step}");
    }
}

#[tokio::test]
async fn an_event_that_has_nowhere_to_go_any_more_is_not_sent() {
    let receiver = Receiver::default();
    receiver.will_answer(&[500]);
    let stage = receiver.stage().await;
    let id = trigger(&stage, "meeting.started").await["id"].clone();
    stage.put("webhook", json!({"url": null})).await;
    until(&stage, &id, "not_sent").await;
}

#[tokio::test]
async fn the_account_is_the_same_in_webhooks_and_for_the_user_lookup() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    let tokens = stage.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let me = stage.api(Method::GET, "/v2/users/me", access, None).await.json();
    trigger(&stage, "meeting.started").await;
    assert_eq!(receiver.events()[0].json()["payload"]["account_id"], me["account_id"]);
}

#[tokio::test]
async fn no_answer_within_three_seconds_is_a_retry() {
    let receiver = Receiver::default();
    receiver.will_answer(&[504]);
    let stage = receiver.stage().await;
    let delivery = trigger(&stage, "meeting.started").await;
    assert_eq!((delivery["state"].as_str(), &delivery["attempts"][0]["http"]), (Some("retry"), &Value::Null));
    let took = delivery["attempts"][0]["took_ms"].as_i64().unwrap();
    assert!((3000..4500).contains(&took), "{took}");
    assert!(delivery["attempts"][0]["sentence"].as_str().unwrap().contains("three seconds"));
}

#[tokio::test]
async fn redirects_and_client_errors_lose_the_event() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    for code in [302, 400, 401, 404, 409, 429] {
        receiver.will_answer(&[code]);
        let delivery = trigger(&stage, "meeting.started").await;
        assert_eq!(delivery["state"], "lost", "{code}");
    }
    let steps = webhook_steps(&stage).await;
    let failed: Vec<_> = steps.iter().filter(|step| step["status"] == "failed").collect();
    assert_eq!(failed.len(), 6);
    assert!(failed.iter().all(|step| step["problem"]["fix"].is_string()));
    assert_eq!(failed[2]["problem"]["setting"], "zoom.webhook_secrets");
}

#[tokio::test]
async fn every_delivery_is_a_step_with_its_answer_and_no_secret_in_it() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    trigger(&stage, "user.updated").await;
    let steps = webhook_steps(&stage).await;
    let step = steps.last().unwrap();
    assert_eq!(
        (step["from"].as_str(), step["to"].as_str(), step["arrow"].as_str()),
        (Some("zoom"), Some("backend"), Some("user.updated"))
    );
    assert_eq!((step["status"].as_str(), step["http"].as_u64()), (Some("ok"), Some(200)));
    assert_eq!(step["request"]["body"], receiver.events()[0].text());
    let all = stage.read("steps").await.to_string() + &stage.read("state").await.to_string();
    let token = receiver.events()[0].header("authorization").to_owned();
    assert!(!all.contains(SECRET) && !all.contains(&token));
}

#[tokio::test]
async fn removing_the_app_and_revoking_its_tokens_deauthorize_it_once() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    stage.tokens().await;
    stage.post("uninstall", json!({})).await;
    stage.post("uninstall", json!({})).await;
    until(&stage, &json!(1), "delivered").await;
    let tokens = stage.tokens().await;
    let form = format!("token={}", tokens["access_token"].as_str().unwrap());
    let revoke = http::Request::post(format!("{}/oauth/revoke", stage.at.zoom))
        .header("authorization", crate::stage::basic(CLIENT_ID, crate::stage::CLIENT_SECRET))
        .header("content-type", "application/x-www-form-urlencoded");
    stage.http.send(revoke.body(form.into()).unwrap()).await;
    until(&stage, &json!(2), "delivered").await;
    let events = receiver.events();
    assert_eq!(events.len(), 2);
    for event in events {
        let body = event.json();
        assert_eq!(
            (body["event"].as_str(), body["payload"]["user_id"].as_str()),
            (Some("app_deauthorized"), Some(ADA))
        );
        assert_eq!((body["payload"]["client_id"].as_str(), body["event_ts"].is_i64()), (Some(CLIENT_ID), true));
    }
}

#[tokio::test]
async fn a_thousand_events_arrive_and_the_memory_of_them_is_bounded() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    for _ in 0..1000 {
        stage.post("trigger", json!({"event": "user.updated"})).await;
    }
    until(&stage, &json!(1000), "delivered").await;
    wait_until("all arrive", async || receiver.events().len() == 1000).await;
    assert_eq!(stage.read("deliveries").await.as_array().unwrap().len(), 500);
}

#[tokio::test]
async fn the_diagram_begins_with_what_a_person_does_and_not_with_the_validation_at_the_start() {
    let receiver = Receiver::default();
    let stage = receiver.quiet_stage().await;
    wait_until("it is valid", async || stage.read("state").await["webhook"]["health"] == "valid").await;
    assert_eq!((receiver.challenges(), webhook_steps(&stage).await), (1, vec![]));
    stage.post("webhook/validate", json!({})).await;
    assert_eq!(webhook_steps(&stage).await.len(), 1);
}

#[tokio::test]
async fn an_engagement_is_told_from_its_start_to_its_end() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    for change in [
        json!({"consumer": "Zoë 🚒", "channel": "messaging"}),
        json!({"state": "inactive"}),
        json!({"state": "active"}),
        json!({"queue": "Returns"}),
        json!({"state": "wrap-up"}),
        json!({"state": "end"}),
    ] {
        stage.put("engagement", change).await;
    }
    let deliveries = stage.read("deliveries").await;
    let told: Vec<Value> = deliveries
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| serde_json::from_str(delivery["body"].as_str().unwrap()).unwrap())
        .collect();
    let names: Vec<_> =
        told.iter().map(|body| body["event"].as_str().unwrap().replace("contact_center.engagement_", "")).collect();
    let expected = ["started", "user_answered", "user_hold", "user_unhold", "consumer_ended", "user_ended", "ended"];
    assert_eq!(names, expected);
    let engagement = stage.read("state").await["engagement"]["id"].clone();
    assert!(told.iter().all(|body| body["payload"]["object"]["engagement_id"] == engagement));
    assert_eq!(told[2]["payload"]["object"]["consumer_display_name"], "Zoë 🚒");
    assert_eq!(told[4]["payload"]["object"]["queue_name"], "Returns");
}
