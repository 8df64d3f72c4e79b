//! The meetings API: pages, UUIDs, scopes, limits by the emulator's clock, and its faults.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use stagedoor_emulator::Config;

use crate::stage::{ADA, Answer, GRACE, Stage};

const SCOPES: [&str; 5] = [
    "user:read:user",
    "zoomapp:inmeeting",
    "meeting:read:list_meetings",
    "meeting:read:meeting",
    "meeting:write:meeting",
];

async fn stage() -> (Stage, String) {
    let adjust = |config: &mut Config| config.scopes = SCOPES.map(String::from).into();
    let stage = Stage::with(|_| None, adjust).await;
    let token = token(&stage).await;
    (stage, token)
}

async fn token(stage: &Stage) -> String {
    stage.tokens().await["access_token"].as_str().unwrap().to_owned()
}

/// The token after the clock was moved by more than its life.
async fn token_anew(stage: &Stage, old: &str) -> String {
    assert_eq!(code(&list(stage, old, "").await), (401, 124));
    token(stage).await
}

async fn list(stage: &Stage, token: &str, query: &str) -> Answer {
    stage.api(Method::GET, &format!("/v2/users/me/meetings{query}"), token, None).await
}

async fn schedule(stage: &Stage, token: &str, body: Value) -> Answer {
    stage.api(Method::POST, "/v2/users/me/meetings", token, Some(body)).await
}

async fn read(stage: &Stage, token: &str, name: &str) -> Answer {
    stage.api(Method::GET, &format!("/v2/meetings/{name}"), token, None).await
}

fn code(answer: &Answer) -> (u16, i64) {
    (answer.status.as_u16(), answer.json()["code"].as_i64().unwrap())
}

#[tokio::test]
async fn everybody_has_meetings_of_their_own() {
    let (stage, ada) = stage().await;
    let mine = list(&stage, &ada, "").await.json();
    assert_eq!((mine["total_records"].as_u64(), mine["next_page_token"].as_str()), (Some(3), Some("")));
    assert_eq!((&mine["meetings"][0]["host_id"], &mine["meetings"][0]["topic"]), (&json!(ADA), &json!("Standup")));
    stage.put("user", json!({"id": GRACE})).await;
    let grace = token(&stage).await;
    assert_eq!(list(&stage, &grace, "").await.json()["meetings"][0]["host_id"], GRACE);
    let made = schedule(&stage, &ada, json!({"topic": "Analysis"})).await.json();
    assert_eq!(code(&read(&stage, &grace, &made["id"].to_string()).await), (404, 3001), "it is Ada's");
}

#[tokio::test]
async fn a_meeting_is_scheduled_and_read_by_its_number() {
    let (stage, token) = stage().await;
    let plan = json!({"topic": "Analysis", "type": 2, "start_time": "2026-12-01T09:00:00Z", "duration": 45, "agenda": "Notes"});
    let made = schedule(&stage, &token, plan).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let read = read(&stage, &token, &made.json()["id"].to_string()).await.json();
    for (member, value) in [("topic", json!("Analysis")), ("duration", json!(45)), ("host_id", json!(ADA))] {
        assert_eq!(read[member], value);
    }
    assert_eq!(read["start_time"], "2026-12-01T09:00:00Z");
    assert!(read["start_url"].as_str().unwrap().contains("zak="));
    assert_eq!(list(&stage, &token, "").await.json()["total_records"], 4);
}

#[tokio::test]
async fn a_uuid_with_a_slash_is_encoded_twice() {
    let (stage, token) = stage().await;
    stage.put("limits", json!({"plan": "none"})).await;
    let with_a_slash = loop {
        let made = schedule(&stage, &token, json!({})).await.json();
        let uuid = made["uuid"].as_str().unwrap().to_owned();
        if uuid.contains('/') {
            break uuid;
        }
    };
    let once: String = url::form_urlencoded::byte_serialize(with_a_slash.as_bytes()).collect();
    let twice: String = url::form_urlencoded::byte_serialize(once.as_bytes()).collect();
    assert_eq!(read(&stage, &token, &twice).await.json()["uuid"], with_a_slash);
    assert_eq!(code(&read(&stage, &token, &once).await), (404, 2300));
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let (stage, ada) = stage().await;
    let first = list(&stage, &ada, "?page_size=2").await.json();
    let next = first["next_page_token"].as_str().unwrap();
    assert_eq!((first["meetings"].as_array().unwrap().len(), next.len()), (2, 32));
    let second = list(&stage, &ada, &format!("?page_size=2&next_page_token={next}")).await.json();
    assert_eq!(
        (second["meetings"][0]["topic"].as_str(), second["next_page_token"].as_str()),
        (Some("All hands"), Some(""))
    );

    assert_eq!(code(&list(&stage, &ada, "?next_page_token=nonsense").await), (400, 300));
    stage.put("user", json!({"id": GRACE})).await;
    let grace = token(&stage).await;
    assert_eq!(code(&list(&stage, &grace, &format!("?next_page_token={next}")).await), (400, 300), "it is Ada's");
    stage.put("clock", json!({"advance_ms": 900_000})).await;
    assert_eq!(code(&list(&stage, &ada, &format!("?next_page_token={next}")).await), (400, 300), "it is too old");
}

#[tokio::test]
async fn what_zoom_does_not_take_is_named() {
    let (stage, token) = stage().await;
    for (query, field) in
        [("?page_size=0", "page_size"), ("?page_size=301", "page_size"), ("?page_size=2x", "page_size")]
    {
        let answer = list(&stage, &token, query).await;
        assert_eq!((code(&answer), &answer.json()["errors"][0]["field"]), ((400, 300), &json!(field)), "{query}");
    }
    for (body, field) in [
        (json!({"topic": 1}), "topic"),
        (json!({"topic": "x".repeat(201)}), "topic"),
        (json!({"start_time": "tomorrow"}), "start_time"),
        (json!({"duration": 0}), "duration"),
        (json!({"duration": "30"}), "duration"),
        (json!({"type": 9}), "type"),
    ] {
        let answer = schedule(&stage, &token, body).await;
        assert_eq!((code(&answer), &answer.json()["errors"][0]["field"]), ((400, 300), &json!(field)));
    }
    assert_eq!(code(&schedule(&stage, &token, json!([])).await), (400, 300));
    let answer = stage.api(Method::DELETE, "/v2/users/me/meetings", &token, None).await;
    assert_eq!(code(&answer), (404, 2300));
}

#[tokio::test]
async fn a_token_counts_as_long_as_it_lives_and_with_the_scopes_that_its_grant_has_now() {
    let (stage, token) = stage().await;
    assert_eq!(code(&list(&stage, "nonsense", "").await), (401, 124));
    let left = ["user:read:user", "meeting:read:list_meetings"];
    stage.put("scopes", json!({"scopes": left})).await;
    assert_eq!(list(&stage, &token, "").await.status, StatusCode::OK);
    let answer = schedule(&stage, &token, json!({})).await;
    assert_eq!(code(&answer), (400, 4711));
    assert_eq!(
        answer.json()["message"],
        "Invalid access token, does not contain scopes:[meeting:write:meeting].",
        "Zoom names what is missing"
    );
    assert_eq!(stage.read("state").await["installed"][0]["scopes"], json!(left));
    stage.put("clock", json!({"advance_ms": 3_600_000})).await;
    assert_eq!(code(&list(&stage, &token, "").await), (401, 124));
    let unknown = stage.try_control(Method::PUT, "scopes", &json!({"user": GRACE, "scopes": []})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "Grace has no grant");
}

#[tokio::test]
async fn an_account_has_so_many_calls_in_a_second() {
    let (stage, token) = stage().await;
    stage.put("limits", json!({"plan": "free"})).await;
    // The clock stands at the beginning of a second that lasts long enough for this.
    let mut limited = None;
    for _ in 0..20 {
        let answer = list(&stage, &token, "").await;
        assert_eq!(answer.header("x-ratelimit-category"), Some("Medium"));
        assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("twenty calls take less than seven seconds");
    assert_eq!((limited.header("retry-after"), limited.header("x-ratelimit-remaining")), (Some("1"), Some("0")));
    assert_eq!(limited.header("x-ratelimit-type"), Some("Per-second-limit"));
    let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
    assert_eq!(limited.json(), json!({"code": 429, "message": message}));
    stage.put("clock", json!({"advance_ms": 1000})).await;
    assert_eq!(list(&stage, &token, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_user_schedules_a_hundred_meetings_a_day() {
    let (stage, token) = stage().await;
    stage.put("limits", json!({"plan": "business"})).await;
    // Noon, so that no midnight comes between.
    let now = stage.read("state").await["now_ms"].as_i64().unwrap();
    stage.put("clock", json!({"advance_ms": 129_600_000 - now % 86_400_000})).await;
    let token = token_anew(&stage, &token).await;
    let mut made = 0;
    let limited = loop {
        stage.put("clock", json!({"advance_ms": 20})).await;
        let answer = schedule(&stage, &token, json!({})).await;
        match answer.status {
            StatusCode::CREATED => made += 1,
            _ => break answer,
        }
    };
    assert_eq!((made, limited.status), (100, StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(limited.header("x-ratelimit-type"), Some("Daily-limit"));
    assert!(limited.header("retry-after").unwrap().ends_with("T00:00:00Z"), "an ISO 8601 instant");
    assert!(limited.json()["message"].as_str().unwrap().contains("daily rate limit (100)"));
}

#[tokio::test]
async fn the_meetings_api_plays_its_faults() {
    let (stage, token) = stage().await;
    for (fault, status, code, waits) in [
        ("invalid_token", 401, Some(124), None),
        ("missing_scope", 400, Some(4711), None),
        ("forbidden", 403, Some(200), None),
        ("rate_limited", 429, Some(429), Some("1")),
        ("rate_limited_bare", 429, Some(429), None),
        ("server_error", 500, None, None),
        ("unavailable", 503, None, None),
    ] {
        stage.put("faults", json!({"api": {"id": fault, "times": 1}})).await;
        let answer = list(&stage, &token, "").await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (status, waits), "{fault}");
        if let Some(code) = code {
            assert_eq!(answer.json()["code"], code, "{fault}");
        }
    }
    assert_eq!(list(&stage, &token, "").await.status, StatusCode::OK, "each of them struck once");
    stage.put("faults", json!({"api": "daily_limit"})).await;
    assert!(list(&stage, &token, "").await.header("retry-after").unwrap().ends_with("T00:00:00Z"));
    stage.put("faults", json!({"api": "truncated"})).await;
    assert!(!list(&stage, &token, "").await.complete);
}

#[tokio::test]
async fn no_start_url_is_shown_in_the_diagram() {
    let (stage, token) = stage().await;
    let made = schedule(&stage, &token, json!({"topic": "Analysis"})).await.json();
    let zak = made["start_url"].as_str().unwrap().split_once("zak=").unwrap().1;
    let shown = stage.read("steps").await.to_string() + &stage.read("requests").await.to_string();
    assert!(shown.contains("Analysis") && !shown.contains(zak));
}
