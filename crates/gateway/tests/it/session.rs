//! `/zoom/session`: who has the app open.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_protocol::id::ZoomUserId;

use crate::support::{Browser, House, Plan, Reply, USER, get, visit};

async fn session(house: &House, cookie: &str) -> Reply {
    house.send(get("/zoom/session").header("cookie", cookie).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_page_learns_who_and_where_the_user_is() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    browser.come_back(&house, &state).await;
    let cookie = house.session().await;
    insta::assert_snapshot!(session(&house, &cookie).await.shot(), @r#"
    200 OK
    cache-control: no-store
    content-length: 232
    content-type: application/json
    x-content-type-options: nosniff
    x-request-id: [id]

    {"user":{"id":"77A6G6xIS62MkqTlFWJhbg","name":"Ada Lovelace"},"type":"meeting","meeting":"wceIoD0lTySwype/12+45w==","role":"host","action":null,"surface":"client","installed":true,"connections":[],"expiresAt":"2026-11-19T11:06:40Z"}
    "#);
}

#[tokio::test]
async fn who_has_not_added_the_app_has_no_name() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    let json = session(&house, &cookie).await.json();
    assert_eq!(json["user"], json!({ "id": USER, "name": null }));
    assert_eq!(json["installed"], false);
}

#[tokio::test]
async fn a_guest_has_no_user() {
    let house = Plan::default().build();
    let context = house.context_with(&json!({ "uid": Value::Null }));
    let launched = house.send(visit("/").header("x-zoom-app-context", context).body(Body::empty()).unwrap()).await;
    let cookie = format!("__Host-stagedoor={}", launched.cookie("__Host-stagedoor").unwrap());
    let json = session(&house, &cookie).await.json();
    assert_eq!((&json["user"], &json["installed"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn while_the_store_is_down_the_session_is_told_without_the_installation() {
    let house = Plan { store: Arc::new(crate::support::DeadStore), ..Plan::default() }.build();
    let cookie = house.session().await;
    let reply = session(&house, &cookie).await;
    assert_eq!((reply.status, &reply.json()["installed"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn without_a_session_there_is_a_problem() {
    let house = Plan::default().build();
    insta::assert_snapshot!(house.get("/zoom/session").await.shot(), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    x-content-type-options: nosniff
    x-request-id: [id]

    {"type":"about:blank","title":"Unauthorized","status":401,"code":"session_required","detail":"This needs a session, and sessions begin by opening the app in Zoom. Open the app in Zoom.","requestId":"[id]"}
    "#);
}

#[tokio::test]
async fn mn_23_what_is_not_exactly_our_cookie_is_no_session() {
    let house = Plan::default().build();
    let good = house.session().await;
    let value = good.strip_prefix("__Host-stagedoor=").unwrap();
    let flipped = value.replacen(|character: char| character.is_ascii_lowercase(), "0", 1);
    for cookie in [
        format!("{good}; {good}"),
        format!("{good}; __Host-stagedoor="),
        format!("__Host-stagedoor={flipped}"),
        format!("__host-stagedoor={value}"),
        format!("stagedoor={value}"),
        format!("__Host-stagedoor=\"{value}\""),
        format!("__Host-stagedoor={value}="),
        format!("__Host-stagedoor-install={value}"),
        format!("__Host-stagedoor={}", "A".repeat(8000)),
        "__Host-stagedoor=".into(),
        "__Host-stagedoor".into(),
    ] {
        assert_eq!(session(&house, &cookie).await.status, StatusCode::UNAUTHORIZED, "{cookie}");
    }
    let twice = get("/zoom/session").header("cookie", &good).header("cookie", &good).body(Body::empty()).unwrap();
    assert_eq!(house.send(twice).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(session(&house, &format!("a=1; {good}; b=\u{fc}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_in_time() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    house.clock.advance_seconds(86_399);
    assert_eq!(session(&house, &cookie).await.status, StatusCode::OK);
    house.clock.advance_seconds(1);
    assert_eq!(session(&house, &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_revoked_session_ends_at_once() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    house.revocations.revoke(&ZoomUserId::parse(USER).unwrap()).await.unwrap();
    assert_eq!(session(&house, &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_work() {
    let house = Plan::default().build();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let request = Request::builder().method(method).uri("/zoom/session").body(Body::empty()).unwrap();
        let reply = house.send(request).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"), "{method}");
        assert_eq!(reply.code(), "method_not_allowed");
    }
}

#[tokio::test]
async fn mn_19_no_other_origin_may_read_a_session() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    for origin in ["https://evil.example", "null", "https://zoom.us"] {
        for method in ["GET", "OPTIONS"] {
            let request = Request::builder().method(method).uri("/zoom/session").header("cookie", &cookie);
            let request = request.header("origin", origin).header("access-control-request-method", "GET");
            let reply = house.send(request.body(Body::empty()).unwrap()).await;
            assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{origin} {method}");
        }
    }
}

#[tokio::test]
async fn mn_13_a_page_never_sees_a_token() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let installed = browser.come_back(&house, &state).await;
    let cookie = house.session().await;
    for reply in [installed, session(&house, &cookie).await] {
        let everything = format!("{:?} {}", reply.headers, reply.body);
        assert!(!everything.contains("canary-access-token") && !everything.contains("canary-refresh-token"));
    }
}
