//! Nothing secret is shown: not in steps, not in requests, not in events.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::context::mirror;
use crate::stage::{CLIENT_ID, CLIENT_SECRET, Stage, basic};

/// Fails if one of the values is shown anywhere, also percent-encoded or in part.
async fn assert_hidden(stage: &Stage, canaries: &[&str]) {
    for path in ["steps", "requests", "state"] {
        let shown = stage.read(path).await.to_string();
        for canary in canaries {
            assert!(!shown.contains(canary), "{path} shows {canary}: {shown}");
        }
    }
}

#[tokio::test]
async fn no_secret_of_an_install_is_shown() {
    let stage = Stage::of(mirror()).await;
    let verifier = "canary-verifier-0123456789-0123456789-0123456789";
    let more = [("state", "canary-state-value"), ("code_challenge", verifier), ("code_challenge_method", "plain")];
    let code = stage.code(&more).await;
    let tokens = stage.exchange(&code, &[("code_verifier", verifier)]).await.json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    stage.api(Method::GET, "/v2/users/me", access, None).await;
    let link = stage.deep_link(access, json!({"action": "canary-action-value"})).await.json();
    let link = link["deeplink"].as_str().unwrap();
    let token = link.rsplit('/').next().unwrap();
    stage.http.browse(link).await;
    let cookie = stage.bind(stage.read("state").await["view"]["url"].as_str().unwrap()).await;
    let context = stage.document(&cookie, "/?ticket=canary-query-value").await.text();
    let second = stage.refresh(refresh).await.json();
    let basic = basic(CLIENT_ID, CLIENT_SECRET);
    assert_hidden(
        &stage,
        &[
            "canary",
            CLIENT_SECRET,
            verifier,
            &code,
            access,
            refresh,
            second["access_token"].as_str().unwrap(),
            second["refresh_token"].as_str().unwrap(),
            token,
            &context,
            &basic["Basic ".len()..],
        ],
    )
    .await;
    let steps = stage.read("steps").await.to_string();
    let lengths =
        [("code", code.chars().count()), ("access_token", access.len()), ("state", "canary-state-value".len())];
    for (name, length) in lengths {
        assert!(steps.contains(&format!("‹redacted {length}›")), "the length of {name} is shown");
    }
    assert!(steps.contains("Basic ‹redacted") && steps.contains("Bearer ‹redacted"));
}

#[tokio::test]
async fn what_is_misplaced_or_malformed_is_hidden_too() {
    let stage = Stage::bare().await;
    let send = async |request: http::request::Builder, body: &'static str| {
        stage.http.send(request.body(Body::from(body)).unwrap()).await;
    };
    let token = || {
        Request::post(format!(
            "{}/oauth/token?code=canary-1&canary-2-in-a-very-long-name-of-a-parameter-x",
            stage.at.zoom
        ))
    };
    send(token().header("content-type", "application/json"), r#"{"code":"canary-3","nested":[{"x":"canary-4"}]}"#)
        .await;
    send(token().header("content-type", "text/plain"), "canary-5").await;
    send(token().header("content-type", "application/json"), r#"{"broken":"canary-6"#).await;
    send(token().header("x-api-key", "canary-7").header("cookie", "sid=canary-8; canary-9"), "").await;
    send(token().header("authorization", "Weird canary-10"), "").await;
    send(token().header("referer", "http://localhost/x?code=canary-11").header("origin", "canary-12"), "").await;
    stage.http.get(&format!("{}/launch/chatapp/canary-13.canary-14", stage.at.zoom)).await;
    stage
        .http
        .get(&format!("{}/oauth/authorize?redirect_uri=http%3A%2F%2Fx%2F%3Fa%3Dcanary-15&client_id=x", stage.at.zoom))
        .await;
    assert_hidden(&stage, &["canary"]).await;
    assert!(stage.read("steps").await.to_string().contains("/oauth/token?code=‹redacted 8›"));
}

#[tokio::test]
async fn a_secret_that_an_answer_repeats_is_hidden_there_too() {
    let stage = Stage::bare().await;
    stage.put("faults", json!({"token": "invalid_code_2021"})).await;
    let code = stage.code(&[]).await;
    let answer = stage.exchange(&code, &[]).await;
    assert!(answer.text().contains(&code));
    assert_hidden(&stage, &[&code]).await;
    assert!(stage.read("steps").await.to_string().contains("Invalid authorization code ‹redacted 33›"));
}
