//! Calls of the Apps SDK, as the page passes them on.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{ADA, Stage};

async fn call(stage: &Stage, api: &str, data: Value) -> Value {
    stage.post("sdk-call", json!({"view": "v1", "api": api, "data": data})).await
}

async fn open() -> Stage {
    let stage = Stage::bare().await;
    stage.post("launch", json!({})).await;
    stage
}

#[tokio::test]
async fn config_says_where_the_app_runs_and_what_it_may_not_use() {
    let stage = open().await;
    let asked = json!({"js_api_lists": ["getAppContext", "startRecording", "onMeeting"], "version": "0.16"});
    let config = call(&stage, "config", asked).await["result"].clone();
    assert_eq!(config["runningContext"], "inMeeting");
    assert_eq!(config["unsupportedApis"], json!(["startRecording"]));
    assert_eq!((config["product"].as_str(), config["auth"]["status"].as_str()), (Some("desktop"), Some("authorized")));
    assert!(config["clientVersion"].is_string() && config["browserVersion"].is_string());
    assert_eq!(config["launchContext"]["openBy"], "user");
}

#[tokio::test]
async fn the_running_context_is_a_bare_text() {
    let stage = open().await;
    for (typ, context) in [("panel", "inMainClient"), ("webinar", "inWebinar"), ("meeting", "inMeeting")] {
        stage.put("where", json!({"typ": typ})).await;
        assert_eq!(call(&stage, "getRunningContext", Value::Null).await, json!({"result": context}));
    }
}

#[tokio::test]
async fn app_user_and_meeting_contexts_agree() {
    let stage = open().await;
    let context = call(&stage, "getAppContext", Value::Null).await["result"]["context"].clone();
    assert!(context.as_str().unwrap().len() > 200);
    let user = call(&stage, "getUserContext", Value::Null).await["result"].clone();
    assert_eq!((user["screenName"].as_str(), user["role"].as_str()), (Some("Ada Lovelace"), Some("host")));
    let participant = user["participantUUID"].as_str().unwrap();
    assert!(participant.len() == 22 && participant != ADA, "{participant}");
    let meeting = call(&stage, "getMeetingContext", Value::Null).await["result"].clone();
    assert_eq!(meeting["meetingTopic"], "Standup");
    stage.put("where", json!({"typ": "panel"})).await;
    assert!(call(&stage, "getMeetingContext", Value::Null).await["errorCode"].is_string());
}

#[tokio::test]
async fn a_participant_is_the_same_in_one_meeting_and_another_in_the_next() {
    let stage = open().await;
    let participant = async || call(&stage, "getUserContext", Value::Null).await["result"]["participantUUID"].clone();
    let first = participant().await;
    stage.put("where", json!({"typ": "meeting", "role": "co-host"})).await;
    assert_eq!(participant().await, first);
    stage.put("where", json!({"typ": "meeting", "topic": "Another"})).await;
    assert_ne!(participant().await, first);
}

#[tokio::test]
async fn only_web_addresses_are_opened() {
    let stage = open().await;
    let opened = call(&stage, "openUrl", json!({"url": "https://example.com/a"})).await;
    assert_eq!(opened, json!({"result": {"open": "https://example.com/a"}}));
    for url in [json!("javascript:alert(1)"), json!("file:///etc/passwd"), json!("nonsense"), json!(7), Value::Null] {
        assert!(call(&stage, "openUrl", json!({"url": url})).await["errorCode"].is_string(), "{url}");
    }
}

#[tokio::test]
async fn an_address_of_the_web_view_is_opened_at_the_apps_own_origin() {
    let stage = open().await;
    let url = format!("{}//zoom/install?from=panel#top", stage.at.web_view);
    let opened = call(&stage, "openUrl", json!({"url": url})).await;
    assert_eq!(opened["result"]["open"], format!("{}//zoom/install?from=panel#top", stage.app));
}

#[tokio::test]
async fn an_unknown_call_has_no_permission_and_a_closed_view_none_at_all() {
    let stage = open().await;
    let answer = call(&stage, "startRecording", Value::Null).await;
    assert_eq!(answer["errorCode"], "80004");
    assert!(answer["errorMessage"].as_str().unwrap().starts_with("No Permission for this API."));
    let supported = call(&stage, "getSupportedJsApis", Value::Null).await;
    assert!(supported["result"]["supportedApis"].as_array().unwrap().contains(&json!("getAppContext")));
    let closed = json!({"view": "v9", "api": "config"});
    assert_eq!(stage.try_control(Method::POST, "sdk-call", &closed).await.status, StatusCode::NOT_FOUND);
}
