//! Deliveries as they go wrong, and as an attacker would have them.

use super::*;

#[tokio::test]
async fn a_delivery_is_sent_again_byte_for_byte() {
    let receiver = Receiver::default();
    receiver.will_answer(&[400]);
    let stage = receiver.stage().await;
    let id = trigger(&stage, "meeting.started").await["id"].clone();
    stage.post("redeliver", json!({"id": id})).await;
    until(&stage, &id, "delivered").await;
    let events = receiver.events();
    assert_eq!((events.len(), &events[0].body), (2, &events[1].body));
    let unknown = stage.try_control(Method::POST, "redeliver", &json!({"id": 99})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn duplicates_and_replays_come_twice() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    stage.put("faults", json!({"id": "webhook.duplicate", "times": 1})).await;
    trigger(&stage, "meeting.started").await;
    until(&stage, &json!(2), "delivered").await;
    let events = receiver.events();
    assert_eq!(events[0].body, events[1].body);
    assert_ne!(events[0].header("x-zm-request-id"), events[1].header("x-zm-request-id"));
    stage.put("faults", json!({"id": "webhook.replay", "times": 1})).await;
    trigger(&stage, "meeting.ended").await;
    until(&stage, &json!(4), "delivered").await;
    let events = receiver.events();
    for name in ["x-zm-request-id", "x-zm-signature", "x-zm-request-timestamp"] {
        assert_eq!(events[2].header(name), events[3].header(name));
    }
}

#[tokio::test]
async fn a_reordered_event_comes_after_the_next_one() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    stage.put("faults", json!({"id": "webhook.reordered", "times": 1})).await;
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "held");
    trigger(&stage, "meeting.ended").await;
    until(&stage, &json!(1), "delivered").await;
    let order: Vec<_> = receiver.events().iter().map(|got| got.json()["event"].clone()).collect();
    assert_eq!(order, ["meeting.ended", "meeting.started"]);
}

#[tokio::test]
async fn a_lost_answer_brings_the_event_again_and_a_fresh_retry_is_signed_anew() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    stage.put("faults", json!({"id": "webhook.answer_lost", "times": 1})).await;
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "retry");
    advance(&stage, 5).await;
    until(&stage, &json!(1), "delivered").await;
    assert_eq!(receiver.events()[0].body, receiver.events()[1].body);

    stage.put("faults", json!({"id": "webhook.fresh_retry", "times": 1})).await;
    receiver.will_answer(&[500]);
    trigger(&stage, "meeting.started").await;
    // Timestamps have seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    advance(&stage, 5).await;
    until(&stage, &json!(2), "delivered").await;
    let events = receiver.events();
    assert!(events[3].is_signed());
    assert_ne!(events[2].header("x-zm-request-timestamp"), events[3].header("x-zm-request-timestamp"));
}

#[tokio::test]
async fn another_order_of_members_and_a_textual_time_are_still_signed() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    stage.put("faults", json!({"id": "webhook.deauth_string_ts", "times": 1})).await;
    trigger(&stage, "meeting.started").await;
    trigger(&stage, "app_deauthorized").await;
    let body = receiver.events()[1].json();
    assert!(body["event_ts"].is_null() && body["payload"]["event_ts"].as_str().unwrap().len() == 19, "{body}");
    stage.put("faults", json!({"id": "webhook.key_order"})).await;
    for _ in 0..8 {
        trigger(&stage, "meeting.participant_joined").await;
    }
    let events = receiver.events();
    assert!(events.iter().all(Got::is_signed));
    assert!(events[2..].iter().any(|got| !got.text().starts_with(r#"{"event":"#)));
}

#[tokio::test]
async fn a_strict_backend_refuses_every_attack_and_a_careless_one_is_told() {
    let attacks = ["webhook.wrong_secret", "webhook.unsigned", "webhook.tampered"];
    for (is_careless, state, status) in [(false, "refused", "ok"), (true, "taken", "failed")] {
        let receiver = Receiver { is_careless, ..Receiver::default() };
        let stage = receiver.stage().await;
        for attack in attacks {
            stage.put("faults", json!({"id": attack, "times": 1})).await;
            assert_eq!(trigger(&stage, "meeting.started").await["state"], state, "{attack}");
            assert_eq!(webhook_steps(&stage).await.last().unwrap()["status"], status, "{attack}");
        }
        for attack in ["webhook.unsigned_challenge", "webhook.signing_oracle"] {
            stage.put("faults", json!({"id": attack, "times": 1})).await;
            assert_eq!(stage.post("webhook/validate", json!({})).await["webhook"]["health"], "valid", "{attack}");
            let steps = webhook_steps(&stage).await;
            assert_eq!(steps[steps.len() - 2]["status"], status, "{attack}");
        }
    }
}

#[tokio::test]
async fn an_old_signature_that_is_taken_is_worth_a_warning() {
    let receiver = Receiver::default();
    let stage = receiver.stage().await;
    stage.put("faults", json!({"id": "webhook.old_timestamp", "times": 1})).await;
    assert_eq!(trigger(&stage, "meeting.started").await["state"], "delivered");
    let steps = webhook_steps(&stage).await;
    let step = steps.last().unwrap();
    assert!(step["status"] == "ok" && step["problem"]["sentence"].as_str().unwrap().contains("two hours"), "{step}");
}
