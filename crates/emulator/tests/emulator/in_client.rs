//! In-client OAuth, guests and engagements: what the Apps SDK answers, and what it tells later.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::events::Watcher;
use crate::stage::{ADA, Stage};

/// A verifier, which inside the client is the challenge as well.
const VERIFIER: &str = "4f1c9a6e0b7d2358c4f1c9a6e0b7d2358c4f1c9a6e0b7d2358";

async fn open(surface: &str, guest: bool) -> Stage {
    let stage = Stage::bare().await;
    stage.post("launch", json!({"surface": surface, "guest": guest})).await;
    stage
}

async fn call(stage: &Stage, api: &str, data: Value) -> Value {
    stage.post("sdk-call", json!({"view": "v1", "api": api, "data": data})).await
}

async fn authorize(stage: &Stage) -> Value {
    call(stage, "authorize", json!({"codeChallenge": VERIFIER, "state": "my-state"})).await
}

/// The code of an authorization to which the user agrees at once, as `onAuthorized` brings it.
async fn event_of_consent(stage: &Stage) -> Value {
    stage.always_allow().await;
    let mut watcher = Watcher::new(stage).await;
    assert_eq!(authorize(stage).await, json!({"result": {"message": "Success"}}));
    watcher.sdk_event("onAuthorized").await
}

async fn exchange(stage: &Stage, more: &[(&str, &str)]) -> crate::stage::Answer {
    let event = event_of_consent(stage).await;
    let mut form = vec![("grant_type", "authorization_code"), ("code", event["code"].as_str().unwrap())];
    form.extend_from_slice(more);
    stage.token(&form).await
}

#[tokio::test]
async fn a_code_comes_as_an_event_with_the_state_and_a_time_in_seconds() {
    for surface in ["client", "web"] {
        let stage = open(surface, false).await;
        let event = event_of_consent(&stage).await;
        assert_eq!((&event["result"], &event["state"]), (&json!(true), &json!("my-state")));
        assert_eq!(event["redirectUri"], stage.redirect_uri());
        assert_eq!(event["timestamp"].to_string().len(), 10);
        assert_eq!(event["code"].as_str().unwrap().len(), 33);
    }
}

#[tokio::test]
async fn the_challenge_is_compared_as_it_is() {
    let stage = open("web", false).await;
    assert_eq!(exchange(&stage, &[("code_verifier", VERIFIER)]).await.status, StatusCode::OK);
    for verifier in ["another", "GAZnFWcR3bnkHpYKgFdXyXlvBJtP0aHzWfXq0eHcYVM"] {
        let answer = exchange(&stage, &[("code_verifier", verifier)]).await;
        assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    }
    assert_eq!(exchange(&stage, &[]).await.status, StatusCode::BAD_REQUEST, "a verifier is needed");
}

#[tokio::test]
async fn a_hashed_challenge_fails_and_the_step_says_why() {
    let stage = open("web", false).await;
    stage.always_allow().await;
    let mut watcher = Watcher::new(&stage).await;
    let hashed =
        stagedoor_protocol::oauth::CodeChallenge::s256(&stagedoor_protocol::secret::CodeVerifier::new(VERIFIER));
    call(&stage, "authorize", json!({"codeChallenge": hashed.as_str()})).await;
    let event = watcher.sdk_event("onAuthorized").await;
    let code = event["code"].as_str().unwrap();
    let form = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    assert_eq!(stage.token(&form).await.json()["error"], "invalid_grant");
    let steps = stage.steps().await;
    assert!(steps.last().unwrap()["problem"]["fix"].as_str().unwrap().contains("plain"));
}

#[tokio::test]
async fn the_redirect_uri_may_be_left_out_or_be_of_the_allow_list() {
    let stage = open("web", false).await;
    let own = stage.redirect_uri();
    for (uri, status) in [(own.as_str(), StatusCode::OK), ("https://evil.example/", StatusCode::BAD_REQUEST)] {
        assert_eq!(
            exchange(&stage, &[("code_verifier", VERIFIER), ("redirect_uri", uri)]).await.status,
            status,
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_user_who_has_consented_is_not_asked_again() {
    let stage = open("web", false).await;
    assert_eq!(exchange(&stage, &[("code_verifier", VERIFIER)]).await.status, StatusCode::OK);
    stage.put("consent", json!({"mode": "ask"})).await;
    let mut watcher = Watcher::new(&stage).await;
    authorize(&stage).await;
    assert_eq!(watcher.sdk_event("onAuthorized").await["result"], true);
}

#[tokio::test]
async fn the_page_asks_once_and_a_no_brings_no_code() {
    let stage = open("web", false).await;
    let mut watcher = Watcher::new(&stage).await;
    authorize(&stage).await;
    let request = watcher.next("consent-request").await;
    assert_eq!((&request["view"], &request["kind"]), (&json!("v1"), &json!("authorize")));
    let answer = json!({"id": request["id"], "decision": "deny"});
    stage.post("sdk-consent", answer.clone()).await;
    let event = watcher.sdk_event("onAuthorized").await;
    assert_eq!((&event["result"], event.get("code")), (&json!(false), None));
    assert_eq!(stage.try_control(Method::POST, "sdk-consent", &answer).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_decline_mangle_the_state_or_lose_it() {
    let stage = open("web", false).await;
    for (fault, result, state) in
        [("declined", false, Some(true)), ("state_mangled", true, Some(false)), ("no_state", true, None)]
    {
        stage.put("faults", json!({"sdk": {"id": fault, "times": 1}})).await;
        let event = event_of_consent(&stage).await;
        assert_eq!(event["result"], result, "{fault}");
        assert_eq!(event.get("state").map(|state| state == "my-state"), state, "{fault}");
    }
}

#[tokio::test]
async fn a_guest_becomes_a_user_step_by_step_and_the_context_follows() {
    let stage = open("web", true).await;
    stage.always_allow().await;
    let mut watcher = Watcher::new(&stage).await;
    assert!(authorize(&stage).await["errorCode"].is_string(), "guests cannot authorize");
    let config = call(&stage, "config", json!({})).await["result"].clone();
    assert_eq!((&config["product"], &config["auth"]["status"]), (&json!("web"), &json!("unauthorized")));
    for status in ["unauthenticated", "authenticated", "authorized"] {
        assert_eq!(call(&stage, "getUserContext", Value::Null).await["result"]["status"], status);
        call(&stage, "promptAuthorize", Value::Null).await;
        if status != "authorized" {
            watcher.sdk_event("onMyUserContextChange").await;
        }
    }
    let claims = claims(&stage).await;
    assert_eq!(claims["uid"], ADA);
}

async fn claims(stage: &Stage) -> Value {
    let context = call(stage, "getAppContext", Value::Null).await["result"]["context"].clone();
    let key = stagedoor_protocol::context::ContextKey::new(&stagedoor_protocol::secret::ClientSecret::new(
        crate::stage::CLIENT_SECRET,
    ));
    serde_json::from_slice(&key.decrypt(context.as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn an_agents_desk_is_a_place_of_its_own() {
    let stage = open("web", false).await;
    stage.put("where", json!({"typ": "contact_center"})).await;
    assert_eq!(call(&stage, "getRunningContext", Value::Null).await["result"], "inContactCenter");
    let claims = claims(&stage).await;
    assert_eq!((&claims["typ"], claims.get("mid"), claims.get("attendrole")), (&json!("contact_center"), None, None));
}

#[tokio::test]
async fn an_engagement_is_told_from_its_start_to_its_end() {
    let stage = open("web", false).await;
    assert_eq!(call(&stage, "getEngagementContext", Value::Null).await["errorCode"], "10242");
    stage.put("where", json!({"typ": "contact_center"})).await;
    assert_eq!(call(&stage, "getEngagementContext", Value::Null).await["errorCode"], "10243");
    let mut watcher = Watcher::new(&stage).await;
    stage.put("engagement", json!({"consumer": "Mary Jackson", "channel": "voice"})).await;
    let context = watcher.sdk_event("onEngagementContextChange").await["engagementContext"].clone();
    watcher.sdk_event("onEngagementStatusChange").await;
    let asked = call(&stage, "getEngagementContext", json!({"engagementId": context["engagementId"]})).await;
    assert_eq!(asked["result"]["engagementContext"], context);
    stage.put("engagement", json!({"state": "wrap-up"})).await;
    let status = watcher.sdk_event("onEngagementStatusChange").await["engagementStatus"].clone();
    assert_eq!((&status["state"], &status["channel"]), (&json!("wrap-up"), &json!("voice")));
    assert_eq!(status["engagementId"], context["engagementId"]);
    assert_eq!(status["consumers"][0]["consumerDisplayName"], "Mary Jackson");
    let gone =
        Request::put(format!("{}/control/engagement", stage.at.control)).header("content-type", "application/json");
    assert_eq!(stage.http.send(gone.body(Body::from("null")).unwrap()).await.status, StatusCode::OK);
    let status = watcher.sdk_event("onEngagementStatusChange").await["engagementStatus"].clone();
    assert_eq!((&status["state"], status["endTime"].is_i64()), (&json!("end"), true));
    assert_eq!(call(&stage, "getEngagementStatus", Value::Null).await["errorCode"], "10243");
}

#[tokio::test]
async fn a_fault_of_the_context_strikes_where_the_web_client_gets_it() {
    let stage = open("web", false).await;
    stage.put("faults", json!({"client": {"id": "no_context", "times": 1}})).await;
    assert_eq!(call(&stage, "getAppContext", Value::Null).await["errorCode"], "10118");
    stage.put("faults", json!({"client": {"id": "other_app", "times": 1}})).await;
    assert_ne!(claims(&stage).await["aud"], crate::stage::CLIENT_ID);
    assert_eq!(claims(&stage).await["aud"], crate::stage::CLIENT_ID);
}
