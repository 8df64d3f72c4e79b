//! Webhooks: what Zoom is answered and how fast, and what the upstream gets.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_flows::port::Store;
use stagedoor_flows::seal::MasterSecret;
use stagedoor_flows::webhook::forwarding_keys;
use stagedoor_store::Memory;

use crate::support::{
    CLIENT_ID, DeadStore, Hooks, Log, MASTER_SECRET, Mood, Plan, Post, SlowStore, USER, event, get, until,
};

/// What Zoom waits.
const THREE_SECONDS: Duration = Duration::from_secs(3);

async fn forwarding() -> (Post, Hooks) {
    let hooks = Hooks::start().await;
    (Post::open(Plan::webhooks(Some(hooks.address))).await, hooks)
}

#[tokio::test]
async fn without_a_secret_there_is_no_webhook() {
    let post = Post::open(Plan::default()).await;
    let reply = post.send(&event("1", 1)).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(post.ask(get("/zoom/events").header("host", "a").body(Body::empty()).unwrap()).await.status, 404);
}

#[tokio::test]
async fn a_signed_url_validation_is_answered() {
    let (post, _hooks) = forwarding().await;
    let asked = json!({ "event": "endpoint.url_validation", "payload": { "plainToken": "qgg8vlvZRS6UYooatFL8Aw" } });
    insta::assert_snapshot!(post.send(&asked).await.shot(), @r#"
    200 OK
    cache-control: no-store
    content-length: 123
    content-type: application/json
    x-content-type-options: nosniff
    x-request-id: [id]

    {"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"2ab2ccdf23a1b9dc3182137cd3b20f8fed06c462c17ff9ef35e99ebb759dddf3"}
    "#);
}

#[tokio::test]
async fn mn_01_a_url_validation_that_nobody_signed_gets_no_hash() {
    let (post, _hooks) = forwarding().await;
    let asked = json!({ "event": "endpoint.url_validation", "payload": { "plainToken": "qgg8vlvZRS6UYooatFL8Aw" } });
    let mut unsigned = post.signed(asked.to_string());
    unsigned.headers_mut().remove("x-zm-signature");
    insta::assert_snapshot!(post.ask(unsigned).await.shot(), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    x-content-type-options: nosniff
    x-request-id: [id]

    {"type":"about:blank","title":"Unauthorized","status":401,"code":"webhook_header_missing","detail":"This webhook is not signed by Zoom with a secret token of this app. Only Zoom calls this address.","requestId":"[id]"}
    "#);
    let forging = json!({ "event": "endpoint.url_validation", "payload": { "plainToken": "v0:1795000000:{}" } });
    let reply = post.send(&forging).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "webhook_challenge_refused"));
    assert!(!reply.body.contains("encryptedToken"));
}

#[tokio::test]
async fn every_refusal_says_what_to_look_at() {
    let (post, hooks) = forwarding().await;
    let change = |name: &'static str, value: &str| {
        let mut request = post.signed("{}");
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let mut twice = post.signed("{}");
    twice.headers_mut().append("x-zm-signature", "v0=00".parse().unwrap());
    let mut tampered = post.signed("{}");
    *tampered.body_mut() = Body::from("{ }");
    let long = post.signed(format!(r#"{{"event":"x","payload":"{}"}}"#, "x".repeat(1024 * 1024)));
    let cases = [
        (change("x-zm-signature", "v0=00"), 401, "webhook_signature_wrong"),
        (tampered, 401, "webhook_signature_wrong"),
        (twice, 401, "webhook_header_repeated"),
        (change("x-zm-request-timestamp", "1795000000000"), 401, "webhook_timestamp_malformed"),
        (post.signed("{}"), 400, "webhook_malformed"),
        (post.signed("hello"), 400, "webhook_malformed"),
        (long, 413, "body_too_large"),
        (Request::put("/zoom/webhook").header("host", "a").body(Body::empty()).unwrap(), 405, "method_not_allowed"),
    ];
    for (request, status, code) in cases {
        let reply = post.ask(request).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code));
    }
    assert_eq!(hooks.arrived().len(), 0);
}

#[tokio::test]
async fn an_event_reaches_the_upstream_as_it_was_sent_and_signed_by_us() {
    let (post, hooks) = forwarding().await;
    let body = "{\"event\": \"meeting.started\", \"payload\": {\"object\": {\"id\": 1, \"topic\": \"caf\\u00E9 \\uD83D\\uDE92 ’\"}}}\n";
    assert_eq!(post.ask(post.signed(body)).await.status, StatusCode::OK);
    let (headers, arrived) = hooks.wait_for(1).await.remove(0);
    assert_eq!(arrived, body);
    let header = |name: &str| headers[name].to_str().unwrap();
    assert!(header("webhook-id").starts_with("evt_"));
    assert_eq!(header("content-type"), "application/json; charset=utf-8");
    let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    let keys = forwarding_keys(&MasterSecret::new(MASTER_SECRET), &[]).unwrap();
    let key = STANDARD.decode(keys[0].secret().expose().strip_prefix("whsec_").unwrap()).unwrap();
    let tag = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key), signed.as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(tag)));
    assert!(
        headers.keys().all(|name| !name.as_str().starts_with("x-zm")),
        "the upstream need not know Zoom's signature"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mn_03_of_a_thousand_parallel_replays_at_three_gateways_one_is_delivered() {
    let hooks = Hooks::start().await;
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let mut gateways = Vec::new();
    for _ in 0..3 {
        let plan = Plan { store: Arc::clone(&store), ..Plan::webhooks(Some(hooks.address)) };
        gateways.push(Arc::new(Post::open(plan).await));
    }
    let replays = (0..1_000).map(|number: usize| {
        let gateway = Arc::clone(&gateways[number % 3]);
        tokio::spawn(async move { gateway.send(&event("1", 1)).await.status })
    });
    for replay in replays.collect::<Vec<_>>() {
        assert_eq!(replay.await.unwrap(), StatusCode::OK);
    }
    hooks.wait_for(1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(hooks.numbers("1"), [1]);
    let mut stored = 0;
    for gateway in &gateways {
        let lines = gateway.metric("stagedoor_webhooks_received_total{outcome=\"stored\"}").await;
        stored += lines.iter().filter_map(|line| line.split(' ').nth(1)?.parse::<u32>().ok()).sum::<u32>();
    }
    assert_eq!(stored, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_events_at_once_are_answered_and_arrive_in_order() {
    let (post, hooks) = forwarding().await;
    let post = Arc::new(post);
    let meetings = (0..50).map(|meeting| {
        let post = Arc::clone(&post);
        tokio::spawn(async move {
            for number in 0..20 {
                assert_eq!(post.send(&event(&meeting.to_string(), number)).await.status, StatusCode::OK);
            }
        })
    });
    for meeting in meetings.collect::<Vec<_>>() {
        meeting.await.unwrap();
    }
    hooks.wait_for(1_000).await;
    for meeting in 0..50 {
        assert_eq!(hooks.numbers(&meeting.to_string()), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn zoom_is_answered_while_the_upstream_hangs() {
    let (post, hooks) = forwarding().await;
    hooks.set(Mood::Held);
    for number in 0..40 {
        assert_eq!(post.send(&event(&number.to_string(), 1)).await.status, StatusCode::OK);
    }
    until("the upstream hangs", async || hooks.begun() > 0).await;
    assert_eq!(post.send(&event("40", 1)).await.status, StatusCode::OK);
    assert_eq!(hooks.arrived().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_slow_zoom_is_told_in_time_to_come_again() {
    for (by, status) in [(100, StatusCode::OK), (1_600, StatusCode::SERVICE_UNAVAILABLE)] {
        let store = Arc::new(SlowStore::new(Duration::from_millis(by)));
        let post = Post::open(Plan { store, ..Plan::webhooks(None) }).await;
        let sent = tokio::time::Instant::now();
        let reply = post.send(&event("1", 1)).await;
        assert_eq!(reply.status, status, "{by} ms");
        assert!(sent.elapsed() < THREE_SECONDS);
    }
}

#[tokio::test]
async fn while_the_store_is_down_zoom_is_told_to_come_again() {
    let post = Post::open(Plan { store: Arc::new(DeadStore), ..Plan::webhooks(None) }).await;
    let reply = post.send(&event("1", 1)).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"));
    assert_eq!(reply.header("retry-after"), "5");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_not_waited_for() {
    let (post, _hooks) = forwarding().await;
    let mut request = post.signed("{}");
    let trickle = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    *request.body_mut() = Body::from_stream(trickle);
    let sent = tokio::time::Instant::now();
    let reply = post.ask(request).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "webhook_slow"));
    assert!(sent.elapsed() < THREE_SECONDS);
}

#[tokio::test]
async fn an_upstream_that_comes_back_gets_what_it_has_missed() {
    let (post, hooks) = forwarding().await;
    hooks.set(Mood::Fails);
    for number in 0..3 {
        assert_eq!(post.send(&event("1", number)).await.status, StatusCode::OK);
    }
    let counted = "stagedoor_webhook_deliveries_total";
    until("a delivery has failed", async || post.metric(counted).await.concat().contains("failed")).await;
    hooks.set(Mood::Well);
    // The clock of this house stands still until it is moved, and with it the pause.
    post.clock.advance_seconds(1);
    hooks.wait_for(3).await;
    assert_eq!(hooks.numbers("1"), [0, 1, 2]);
}

#[tokio::test]
async fn a_delivery_in_flight_is_finished_before_the_gateway_stops() {
    let (post, hooks) = forwarding().await;
    hooks.set(Mood::Held);
    for number in 0..3 {
        post.send(&event("1", number)).await;
    }
    until("one is under way", async || hooks.begun() == 1).await;
    let mut running = post.running;
    running.stop();
    running.closed().await;
    hooks.release();
    running.stopped().await;
    assert_eq!(hooks.numbers("1"), [0], "the one in flight, and no other");
}

#[tokio::test]
async fn a_user_who_removes_the_app_is_forgotten_and_that_is_written_down() {
    let (log, _guard) = Log::of_this_thread();
    let hooks = Hooks::start().await;
    let house = Plan::webhooks(Some(hooks.address)).build();
    let cookie = house.session().await;
    let router = house.router.clone();
    let show = async || {
        let request = get("/zoom/session").header("host", "app.example.com").header("cookie", &cookie);
        crate::support::reply(&router, request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(show().await, StatusCode::OK);
    house.clock.advance_seconds(1);
    let post = Post::of(house).await;
    let removed = json!({ "event": "app_deauthorized", "event_ts": 1_795_000_001_000_i64, "payload": {
        "account_id": "account", "user_id": USER, "client_id": CLIENT_ID, "signature": "827edc",
        "deauthorization_time": "2026-11-18T11:06:41Z",
    } });
    assert_eq!(post.send(&removed).await.status, StatusCode::OK);
    let (_, told) = hooks.wait_for(1).await.remove(0);
    assert_eq!(serde_json::from_slice::<Value>(&told).unwrap(), removed);
    assert_eq!(show().await, StatusCode::UNAUTHORIZED);
    let log = log.text();
    let line = log.lines().find(|line| line.contains("user_erased")).expect("an audit line");
    // printf %s 77A6G6xIS62MkqTlFWJhbg | sha256sum
    assert!(
        line.contains("audit") && line.contains("7a706fd49eb9c9734910b173d151afffec698ee596bfa6a18cdf60f8462cba4f"),
        "{line}"
    );
    assert!(!log.contains(USER), "mn_12: no account id in the log");
}

#[tokio::test]
async fn the_removal_of_another_app_ends_no_session() {
    let house = Plan::webhooks(None).build();
    let cookie = house.session().await;
    let router = house.router.clone();
    let post = Post::of(house).await;
    let removed = json!({ "event": "app_deauthorized", "payload": { "user_id": USER, "client_id": "another" } });
    assert_eq!(post.send(&removed).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let request = get("/zoom/session").header("host", "app.example.com").header("cookie", &cookie);
    let reply = crate::support::reply(&router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_counted_has_labels_from_a_fixed_set() {
    let (post, hooks) = forwarding().await;
    post.send(&event("1", 1)).await;
    post.send(&event("1", 1)).await;
    post.ask(post.signed("{}")).await;
    hooks.wait_for(1).await;
    let counted = "stagedoor_webhook_deliveries_total";
    until("it is counted", async || post.metric(counted).await.concat().contains("delivered")).await;
    let mut lines = post.metric("stagedoor_webhook").await;
    // The inbox is counted once a minute.
    lines.retain(|line| !line.starts_with("stagedoor_webhook_inbox_events"));
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    stagedoor_webhook_deliveries_total{outcome="delivered"} 1
    stagedoor_webhook_inbox_oldest_seconds 0
    stagedoor_webhook_inbox_unreadable 0
    stagedoor_webhooks_received_total{outcome="duplicate"} 1
    stagedoor_webhooks_received_total{outcome="stored"} 1
    stagedoor_webhooks_received_total{outcome="webhook_malformed"} 1
    "#);
}
