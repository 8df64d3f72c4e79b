//! When Zoom sends at all: the URL is validated, and a subscription can be disabled.

use super::*;

#[tokio::test]
async fn the_url_is_validated_at_once_and_every_72_hours() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    let before = receiver.challenges();
    assert_eq!(stage.read("state").await["webhook"]["health"], "valid");
    advance(&stage, 72 * 60 - 1).await;
    trigger(&stage, "meeting.started").await;
    assert_eq!(receiver.challenges(), before);
    advance(&stage, 2).await;
    trigger(&stage, "meeting.started").await;
    assert_eq!(receiver.challenges(), before + 1);
}

#[tokio::test]
async fn six_failed_validations_in_a_row_disable_the_subscription() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    *receiver.is_closed.lock().unwrap() = true;
    for failures in 1..=6 {
        assert_eq!(trigger(&stage, "meeting.started").await["state"], "delivered", "after {} failures", failures - 1);
        let shown = stage.post("webhook/validate", json!({})).await["webhook"].clone();
        assert_eq!(shown["failures"], failures);
        let is_mailed = shown["sentence"].as_str().unwrap().contains("mails");
        assert_eq!(is_mailed, [2, 4].contains(&failures), "{shown}");
    }
    assert_eq!(stage.read("state").await["webhook"]["health"], "disabled");
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "not_sent");
    *receiver.is_closed.lock().unwrap() = false;
    assert_eq!(stage.post("webhook/validate", json!({})).await["webhook"]["health"], "valid");
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "delivered");
}

#[tokio::test]
async fn who_is_away_for_18_days_of_the_emulators_clock_is_disabled() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    *receiver.is_closed.lock().unwrap() = true;
    advance(&stage, 18 * 24 * 60).await;
    wait_until("it is disabled", async || stage.read("state").await["webhook"]["health"] == "disabled").await;
}

#[tokio::test]
async fn nothing_is_sent_to_a_url_that_does_not_pass_validation() {
    let stage = Stage::of(Router::new().route("/hooks", post(async || "fine"))).await;
    let none = stage.try_control(Method::POST, "trigger", &json!({"event": "meeting.started"})).await;
    assert_eq!(none.status, StatusCode::CONFLICT, "there is no URL yet");
    let shown = stage.put("webhook", json!({"url": format!("{}/hooks", stage.app)})).await;
    assert_eq!(shown["webhook"]["health"], "unvalidated");
    assert!(shown["webhook"]["sentence"].as_str().unwrap().contains("plainToken"));
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "not_sent");
    for url in ["https://localhost/", "ftp://localhost/", "nothing"] {
        let answer = stage.try_control(Method::PUT, "webhook", &json!({"url": url})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{url}");
    }
    assert_eq!(stage.put("webhook", json!({"url": null})).await["webhook"]["health"], "unset");
}

#[tokio::test]
async fn a_backend_that_starts_later_is_validated_with_the_first_event() {
    let receiver = Receiver::default();
    *receiver.is_closed.lock().unwrap() = true;
    let stage = receiver.stage().await;
    assert_eq!(stage.read("state").await["webhook"]["health"], "unvalidated");
    *receiver.is_closed.lock().unwrap() = false;
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "delivered");
}

#[tokio::test]
async fn reset_forgets_deliveries_and_goes_back_to_the_configured_url() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    trigger(&stage, "meeting.started").await;
    stage.put("webhook", json!({"url": null})).await;
    stage.post("reset", Value::Null).await;
    assert_eq!(stage.read("deliveries").await, json!([]));
    let delivery = trigger(&stage, "meeting.started").await;
    assert_eq!((delivery["id"].as_u64(), delivery["state"].as_str()), (Some(2), Some("delivered")));
    stage.control(Method::DELETE, "deliveries", Value::Null).await;
    assert_eq!(stage.read("deliveries").await, json!([]));
}
