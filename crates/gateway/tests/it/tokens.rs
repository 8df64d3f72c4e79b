//! Grants and what is seen of them: `/zoom/session`, the metrics, the way back after a re-authorisation, a stop.

use std::sync::Arc;

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use stagedoor_protocol::id::ZoomUserId;

use crate::support::{Browser, House, Plan, USER, get, leave_once, until};

const TOKEN: &str = "/oauth/token";
const HOUR: i64 = 3_600;

fn user() -> ZoomUserId {
    ZoomUserId::parse(USER).unwrap()
}

async fn add_the_app(house: &House) {
    let mut browser = Browser::default();
    let state = browser.begin(house).await;
    browser.come_back(house, &state).await;
}

async fn session(house: &House) -> Value {
    let cookie = house.session().await;
    house.send(get("/zoom/session").header("cookie", cookie).body(Body::empty()).unwrap()).await.json()
}

pub(crate) async fn metrics(house: &House) -> String {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    let answer = house.gateway.admin_router().oneshot(get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

#[tokio::test]
async fn a_grant_that_is_over_is_told_to_the_page_and_the_operator_and_healed_by_adding_the_app_again() {
    let house = Plan::default().build();
    add_the_app(&house).await;
    assert_eq!(session(&house).await["reauthorize"], Value::Null);
    house.clock.advance_seconds(HOUR);
    house.zoom.answer(TOKEN, 400, &json!({"reason": "Invalid Token!", "error": "invalid_grant"}));
    assert!(house.tokens.fresh(&user()).await.is_err());
    let told = session(&house).await;
    assert_eq!((&told["installed"], &told["reauthorize"]), (&json!(false), &json!(true)));
    assert_eq!(told["user"]["name"], "Ada Lovelace", "still known");
    let counted = metrics(&house).await;
    assert!(counted.contains(r#"stagedoor_grants_ended_total{reason="refused"} 1"#), "{counted}");
    assert!(counted.contains(r#"stagedoor_refreshes_total{outcome="ended"} 1"#), "{counted}");

    house.zoom.answer(TOKEN, 200, &tokens("user:read:user zoomapp:inmeeting"));
    add_the_app(&house).await;
    let told = session(&house).await;
    assert_eq!((&told["installed"], &told["reauthorize"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn a_scope_that_went_missing_is_named() {
    let house = Plan::default().build();
    add_the_app(&house).await;
    house.clock.advance_seconds(HOUR);
    house.zoom.answer(TOKEN, 200, &tokens("user:read:user"));
    house.tokens.fresh(&user()).await.unwrap();
    let told = session(&house).await;
    assert_eq!((&told["installed"], &told["reauthorize"]), (&json!(true), &json!(true)));
    assert_eq!(told["missingScopes"], json!(["zoomapp:inmeeting"]));
}

fn tokens(scope: &str) -> Value {
    json!({
        "access_token": "canary-other-access", "refresh_token": "canary-other-refresh", "token_type": "bearer",
        "expires_in": 3599, "scope": scope,
    })
}

#[tokio::test]
async fn the_way_back_is_a_path_of_the_app() {
    let house = Plan::default().build();
    for path in ["/", "/meetings/5?tab=notes", "/a%20b"] {
        let reply = house.visit(&format!("/zoom/install?return={}", encoded(path))).await;
        assert_eq!(reply.status, StatusCode::FOUND, "{path}");
        assert!(reply.header("location").starts_with("https://zoom.us/oauth/authorize?"), "{path}");
    }
}

#[tokio::test]
async fn mn_11_nobody_is_sent_back_to_anywhere_else() {
    let house = Plan::default().build();
    let long = format!("/{}", "x".repeat(256));
    for path in
        ["", "notes", "//evil.example", "/\\evil.example", "https://evil.example/", "/a/../b", "/\n", "/ü", &long]
    {
        let reply = house.get(&format!("/zoom/install?return={}", encoded(path))).await;
        assert!(reply.status == StatusCode::BAD_REQUEST && reply.body.contains("return_refused"), "{path:?}");
    }
    let twice = house.get("/zoom/install?return=/a&return=/b").await;
    assert!(twice.body.contains("return_refused"), "{twice:?}");
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn a_stop_waits_for_a_refresh_that_nobody_waits_for_any_more() {
    let house = Plan::default().build();
    add_the_app(&house).await;
    house.clock.advance_seconds(HOUR);
    let held = house.zoom.hold(TOKEN);
    let (tokens, installations, zoom) = (house.tokens.clone(), house.installations.clone(), Arc::clone(&house.zoom));
    let asked = zoom.calls(TOKEN);
    let before = installations.of(&user()).await.unwrap().unwrap().grant.refreshed;
    let mut gateway = house.run().await;
    leave_once("Zoom is asked", async || zoom.calls(TOKEN) > asked, tokens.fresh(&user())).await;
    gateway.stop();
    gateway.closed().await;
    held.release();
    gateway.stopped().await;
    let grant = installations.of(&user()).await.unwrap().unwrap().grant;
    assert!(grant.refreshed > before, "stored before the process ends");
}

#[tokio::test]
async fn a_gateway_refreshes_what_falls_due_by_itself() {
    let house = Plan::default().build();
    add_the_app(&house).await;
    house.clock.advance_seconds(56 * 60);
    let installations = house.installations.clone();
    let mut gateway = house.run().await;
    let is_renewed = async || {
        let grant = installations.of(&user()).await.unwrap().unwrap().grant;
        grant.refreshed > grant.used
    };
    until("it is renewed", is_renewed).await;
    gateway.stop();
    gateway.stopped().await;
}
