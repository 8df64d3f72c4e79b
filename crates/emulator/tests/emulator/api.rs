//! The REST API: who the user is, and the deep link in its four spellings.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::stage::{ADA, Answer, GRACE, Stage};

async fn access(stage: &Stage) -> String {
    stage.tokens().await["access_token"].as_str().unwrap().to_owned()
}

fn assert_error(answer: &Answer, status: u16, code: u16, message: &str) {
    assert_eq!((answer.status.as_u16(), answer.json()), (status, json!({"code": code, "message": message})));
    assert!(answer.headers.contains_key("x-zm-trackingid"));
}

#[tokio::test]
async fn the_user_has_the_id_that_the_context_will_have() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    let answer = stage.api(Method::GET, "/v2/users/me", &token, None).await;
    let me = answer.json();
    assert_eq!((me["id"].as_str(), me["first_name"].as_str()), (Some(ADA), Some("Ada")));
    assert_eq!(me["display_name"], "Ada Lovelace");
    assert!(me["account_number"].is_i64());
    assert!(answer.headers.contains_key("x-zm-trackingid"));
}

#[tokio::test]
async fn a_bad_token_is_a_401_for_users_and_a_400_for_deep_links() {
    let stage = Stage::bare().await;
    assert_error(&stage.api(Method::GET, "/v2/users/me", "nonsense", None).await, 401, 124, "Invalid access token.");
    assert_error(&stage.deep_link("nonsense", json!({"action": "go"})).await, 400, 124, "Invalid access token.");
}

#[tokio::test]
async fn a_token_in_the_url_does_not_count() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    let answer = stage.http.get(&format!("{}/v2/users/me?access_token={token}", stage.at.zoom)).await;
    let message = "Invalid access token, this access token is not supported as query parameter string";
    assert_error(&answer, 401, 124, message);
}

#[tokio::test]
async fn a_deep_link_answers_under_all_four_spellings() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    let port = stage.at.zoom.rsplit(':').next().unwrap();
    // One host plays zoom.us and api.zoom.us; both are reached under every name of this machine.
    for origin in [stage.at.zoom.clone(), format!("http://127.0.0.1:{port}")] {
        for path in ["/v2/zoomapp/deeplink", "/v2/zoomapp/deeplink/"] {
            let request = Request::post(format!("{origin}{path}"))
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json");
            let answer = stage.http.send(request.body(Body::from(r#"{"action":"go"}"#)).unwrap()).await;
            assert_eq!(answer.status, StatusCode::OK, "{origin}{path}: {}", answer.text());
            let body = answer.json();
            let link = body["deeplink"].as_str().unwrap();
            let (one, two) =
                link.strip_prefix(&format!("{}/launch/chatapp/", stage.at.zoom)).unwrap().split_once('.').unwrap();
            assert_eq!((one.len(), two.len()), (91, 16));
        }
    }
}

#[tokio::test]
async fn an_action_has_at_most_256_bytes() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    let too_long = "Invalid action. The maximum length of the value is 256.";
    for (action, fits) in
        [("x".repeat(256), true), ("x".repeat(257), false), ("é".repeat(128), true), ("é".repeat(129), false)]
    {
        let answer = stage.deep_link(&token, json!({"action": action})).await;
        if fits {
            assert_eq!(answer.status, StatusCode::OK);
        } else {
            assert_error(&answer, 400, 300, too_long);
        }
    }
}

#[tokio::test]
async fn a_deep_link_needs_a_json_object_with_the_right_types() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    for body in [json!([]), json!("go"), Value::Null] {
        assert_error(&stage.deep_link(&token, body).await, 400, 300, "Request Body should be a valid JSON object.");
    }
    for body in [json!({"action": 1}), json!({"type": 3}), json!({"type": "1"}), json!({"user_id": 1})] {
        assert_error(&stage.deep_link(&token, body).await, 400, 300, "Validation Failed.");
    }
    for body in [json!({}), json!({"type": 1}), json!({"type": 2, "action": "", "target": "panel"})] {
        assert_eq!(stage.deep_link(&token, body).await.status, StatusCode::OK);
    }
    let request = Request::post(format!("{}/v2/zoomapp/deeplink", stage.at.zoom))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = stage.http.send(request.body(Body::from(r#"{"action":"go"}"#)).unwrap()).await;
    assert_error(&answer, 400, 300, "Request Body should be a valid JSON object.");
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let adjust = |config: &mut stagedoor_emulator::Config| config.scopes = vec!["meeting:read:meeting".into()];
    let stage = Stage::with(|_| None, adjust).await;
    let token = access(&stage).await;
    let message = |scope: &str| format!("Invalid access token, does not contain scopes:[{scope}].");
    assert_error(&stage.deep_link(&token, json!({})).await, 400, 4711, &message("zoomapp:inmeeting"));
    assert_error(&stage.api(Method::GET, "/v2/users/me", &token, None).await, 400, 4711, &message("user:read:user"));
}

#[tokio::test]
async fn a_call_that_the_emulator_does_not_play_is_a_404_that_says_so() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    let answer = stage.api(Method::PATCH, "/v2/meetings/1", &token, Some(json!({"topic": "x"}))).await;
    assert_error(&answer, 404, 2300, "This API endpoint is not recognized.");
    let steps = stage.steps().await;
    assert!(steps.last().unwrap()["problem"]["sentence"].as_str().unwrap().contains("does not play"));
}

#[tokio::test]
async fn a_deep_link_opens_for_whoever_follows_it() {
    let stage = Stage::bare().await;
    let token = access(&stage).await;
    let link = stage.deep_link(&token, json!({"action": "go"})).await.json()["deeplink"].as_str().unwrap().to_owned();
    stage.put("user", json!({"id": GRACE})).await;
    for view in ["v1", "v2"] {
        let answer = stage.http.browse(&link).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.location().as_str(), format!("{}/?view={view}", stage.at.zoom));
        assert_eq!(stage.read("state").await["view"]["user"], GRACE);
    }
}

#[tokio::test]
async fn an_unknown_deep_link_opens_nothing() {
    let stage = Stage::bare().await;
    let answer = stage.http.browse(&format!("{}/launch/chatapp/unknown.link", stage.at.zoom)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.read("state").await["view"], Value::Null);
}
