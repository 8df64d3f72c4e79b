//! Faults: every entry of the catalogue does what it says, as often as it was told to.

use std::cell::Cell;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, wait_until};

async fn switch(stage: &Stage, endpoint: &str, fault: &str) {
    stage.put("faults", json!({endpoint: fault})).await;
}

async fn try_token(stage: &Stage) -> Answer {
    let code = stage.code(&[]).await;
    stage.exchange(&code, &[]).await
}

#[tokio::test]
async fn the_catalogue_names_endpoint_title_and_sentence() {
    let stage = Stage::bare().await;
    let catalogue = stage.read("faults").await;
    let catalogue = catalogue.as_array().unwrap();
    assert!(catalogue.len() > 40);
    for fault in catalogue {
        let (id, endpoint) = (fault["id"].as_str().unwrap(), fault["endpoint"].as_str().unwrap());
        assert!(id.starts_with(&format!("{endpoint}.")), "{id}");
        assert!(fault["sentence"].as_str().unwrap().ends_with('.') && !fault["title"].as_str().unwrap().is_empty());
        switch(&stage, endpoint, id).await;
        let active = stage.read("state").await["faults"].clone();
        assert!(active.as_array().unwrap().contains(&json!({"id": id, "times": null})), "{id}");
    }
}

#[tokio::test]
async fn the_token_endpoint_plays_each_of_zooms_errors() {
    let stage = Stage::bare().await;
    let json = |reason: &str, error: &str| Some(json!({"reason": reason, "error": error}));
    for (fault, status, body) in [
        ("invalid_grant", 400, json("Invalid Token!", "invalid_grant")),
        ("invalid_grant_bare", 400, Some(json!({"error": "invalid_grant"}))),
        ("invalid_code", 400, json("Invalid authorization code", "invalid_grant")),
        ("invalid_client", 400, json("Invalid client_id or client_secret", "invalid_client")),
        ("invalid_client_401", 401, json("Invalid client_id or client_secret", "invalid_client")),
        ("unsupported_grant_type", 400, json("unsupported grant type", "unsupported_grant_type")),
        ("invalid_token_401", 401, json("Invalid Token!", "invalid_request")),
        ("rate_limited", 429, json("Too many requests", "invalid_request")),
        ("rate_limited_bare", 429, json("Too many requests", "invalid_request")),
        ("server_error", 500, None),
        ("garbage", 200, None),
        ("html", 200, None),
    ] {
        switch(&stage, "token", fault).await;
        let answer = try_token(&stage).await;
        assert_eq!(answer.status.as_u16(), status, "{fault}");
        assert_eq!(answer.headers.contains_key("retry-after"), fault == "rate_limited", "{fault}");
        match body {
            Some(body) => assert_eq!(answer.json(), body, "{fault}"),
            None => assert!(serde_json::from_slice::<Value>(&answer.body).is_err(), "{fault}"),
        }
        let steps = stage.steps().await;
        assert_eq!(steps.last().unwrap()["status"], "failed", "{fault}");
    }
}

#[tokio::test]
async fn the_error_of_2021_repeats_the_code() {
    let stage = Stage::bare().await;
    switch(&stage, "token", "invalid_code_2021").await;
    let code = stage.code(&[]).await;
    let answer = stage.exchange(&code, &[]).await;
    let body = json!({"reason": format!("Invalid authorization code {code}"), "error": "invalid_request"});
    assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, body));
}

#[tokio::test]
async fn members_of_the_token_answer_go_missing_or_astray() {
    let stage = Stage::bare().await;
    switch(&stage, "token", "no_refresh_token").await;
    assert_eq!(try_token(&stage).await.json().get("refresh_token"), None);
    switch(&stage, "token", "no_scope").await;
    assert_eq!(try_token(&stage).await.json().get("scope"), None);
    switch(&stage, "token", "foreign_api_url").await;
    assert_eq!(try_token(&stage).await.json()["api_url"], "https://api.evil.example");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_lost_has_happened_all_the_same() {
    let stage = Stage::bare().await;
    for fault in ["truncated", "lost"] {
        let refresh = stage.tokens().await["refresh_token"].as_str().unwrap().to_owned();
        stage.put("faults", json!({"token": {"id": fault, "times": 1}})).await;
        let answer = stage.refresh(&refresh).await;
        assert!(!answer.complete && answer.status == StatusCode::OK, "{fault}");
        assert_eq!(stage.refresh(&refresh).await.json()["reason"], "Invalid Token!", "{fault}: the token is used");
    }
}

#[tokio::test]
async fn a_delayed_answer_comes_whole_and_has_happened_before() {
    let stage = Stage::bare().await;
    // What else runs on a machine may hold it up for two seconds once, but not always.
    for _ in 0..3 {
        let refresh = stage.tokens().await["refresh_token"].as_str().unwrap().to_owned();
        let (before, has_come) = (stage.asked().await, Cell::new(false));
        switch(&stage, "token", "delayed").await;
        let began = Instant::now();
        let delayed = async {
            let answer = stage.refresh(&refresh).await;
            has_come.set(true);
            answer
        };
        let meanwhile = async {
            wait_until("it is asked", async || stage.asked().await > before).await;
            stage.put("faults", json!({"token": null})).await;
            let reason = stage.refresh(&refresh).await.json()["reason"].clone();
            (reason, has_come.get())
        };
        let (delayed, (reason, was_late)) = tokio::join!(delayed, meanwhile);
        assert_eq!(reason, "Invalid Token!");
        assert!(delayed.complete && delayed.json()["access_token"].is_string());
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
        if !was_late {
            return;
        }
    }
    panic!("three times it had not happened before");
}

#[tokio::test]
async fn an_answer_may_hang_or_drip() {
    let stage = Stage::bare().await;
    let refresh = stage.tokens().await["refresh_token"].as_str().unwrap().to_owned();
    for fault in ["hang", "slow"] {
        switch(&stage, "token", fault).await;
        let before = stage.asked().await;
        tokio::select! {
            biased;
            _ = stage.refresh(&refresh) => panic!("{fault}: the whole answer came"),
            () = wait_until("it is asked", async || stage.asked().await > before) => {}
        }
    }
    stage.put("faults", json!({"token": null})).await;
    let answer = stage.refresh(&refresh).await;
    assert_eq!(answer.json()["reason"], "Invalid Token!", "a dripping answer has happened, a hanging one has not");
}

#[tokio::test]
async fn times_count_down() {
    let stage = Stage::bare().await;
    let token = stage.tokens().await["access_token"].as_str().unwrap().to_owned();
    stage.put("faults", json!({"me": {"id": "rate_limited", "times": 2}})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(stage.api(Method::GET, "/v2/users/me", &token, None).await.status.as_u16());
    }
    assert_eq!(statuses, [429, 429, 200]);
    assert_eq!(stage.read("state").await["faults"], json!([]));
}

#[tokio::test]
async fn the_user_endpoint_plays_its_errors() {
    let stage = Stage::bare().await;
    let token = stage.tokens().await["access_token"].as_str().unwrap().to_owned();
    for (fault, status, code) in [
        ("invalid_token", 401, Some(124)),
        ("not_found", 404, Some(1001)),
        ("missing_scope", 400, Some(4711)),
        ("rate_limited", 429, Some(429)),
        ("server_error", 500, None),
    ] {
        switch(&stage, "me", fault).await;
        let answer = stage.api(Method::GET, "/v2/users/me", &token, None).await;
        assert_eq!(answer.status.as_u16(), status, "{fault}");
        assert_eq!(code.map(|_| answer.json()["code"].clone()), code.map(Value::from), "{fault}");
    }
}

#[tokio::test]
async fn the_deep_link_endpoint_plays_its_errors_and_hostile_links() {
    let stage = Stage::bare().await;
    let token = stage.tokens().await["access_token"].as_str().unwrap().to_owned();
    for (fault, status, code) in [
        ("invalid_token", 400, 124),
        ("too_long", 400, 300),
        ("missing_scope", 400, 4711),
        ("not_found", 404, 1001),
        ("rate_limited", 429, 429),
    ] {
        switch(&stage, "deeplink", fault).await;
        let answer = stage.deep_link(&token, json!({"action": "go"})).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].clone()), (status, json!(code)), "{fault}");
    }
    for (fault, start) in [
        ("javascript", "javascript:"),
        ("foreign", "https://evil.example/"),
        ("http", "http://zoom.us/"),
        ("lookalike", "https://zoom.us.evil.example/"),
        ("userinfo", "https://zoom.us@evil.example/"),
    ] {
        switch(&stage, "deeplink", fault).await;
        let link = stage.deep_link(&token, json!({})).await.json()["deeplink"].as_str().unwrap().to_owned();
        assert!(link.starts_with(start), "{fault}: {link}");
    }
    switch(&stage, "deeplink", "created").await;
    assert_eq!(stage.deep_link(&token, json!({})).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_authorize_page_denies_mangles_drops_and_shows_error_pages() {
    let stage = Stage::bare().await;
    stage.always_allow().await;
    let url = stage.authorize_url(&[("state", "right")]);
    switch(&stage, "authorize", "deny").await;
    let answer = stage.http.get(url.as_str()).await;
    assert_eq!(answer.location_param("error").as_deref(), Some("access_denied"));
    assert_eq!(answer.location_param("state").as_deref(), Some("right"));
    switch(&stage, "authorize", "state_mangled").await;
    let mangled = stage.http.get(url.as_str()).await.location_param("state").unwrap();
    assert_ne!(mangled, "right");
    switch(&stage, "authorize", "state_dropped").await;
    let answer = stage.http.get(url.as_str()).await;
    assert!(answer.location_param("code").is_some() && answer.location_param("state").is_none());
    for (code, shown) in [(4709, "(4,709)"), (4717, "(4,717)"), (4732, "(4,732)"), (4738, "(4,738)")] {
        switch(&stage, "authorize", &format!("error_{code}")).await;
        assert_eq!(stage.http.get(url.as_str()).await.json()["errorCode"], code);
        assert!(stage.http.browse(url.as_str()).await.text().contains(shown));
    }
}

#[tokio::test]
async fn a_fault_is_switched_by_its_id_or_by_its_endpoint() {
    let stage = Stage::bare().await;
    for (body, active) in [
        (json!({"id": "token.invalid_grant", "times": 2}), json!([{"id": "token.invalid_grant", "times": 2}])),
        (json!({"id": "token.invalid_grant", "times": 0}), json!([])),
        (json!({"token": {"id": "token.hang", "times": null}}), json!([{"id": "token.hang", "times": null}])),
        (json!({"token": "slow"}), json!([{"id": "token.slow", "times": null}])),
        (json!({"token": null, "me": "not_found"}), json!([{"id": "me.not_found", "times": null}])),
    ] {
        assert_eq!(stage.put("faults", body.clone()).await["faults"], active, "{body}");
    }
}

#[tokio::test]
async fn an_unknown_fault_is_refused_and_changes_nothing() {
    let stage = Stage::bare().await;
    for body in [
        json!({"token": "nonsense"}),
        json!({"token": "me.not_found"}),
        json!({"token": "invalid_grant", "nowhere": "x"}),
        json!({"id": "invalid_grant", "times": 1}),
        json!({"id": "token.invalid_grant", "token": null}),
        json!({"token": {"id": "invalid_grant", "times": -1}}),
        json!({"token": {"id": "invalid_grant", "times": 1, "more": 1}}),
        json!({"token": 7}),
    ] {
        assert_eq!(stage.try_control(Method::PUT, "faults", &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(stage.read("state").await["faults"], json!([]));
}
