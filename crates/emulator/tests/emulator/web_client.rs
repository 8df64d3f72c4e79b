//! The web client: how the app sees the frame, what the browser gets of what the app answers, and what is said about it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request as Incoming;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::backend::page;
use crate::stage::{Answer, Stage};

/// Takes something away from a good answer.
type Spoil = fn(&mut HeaderMap);

type Seen = Arc<Mutex<Vec<HeaderMap>>>;

/// A page as Zoom's page for the web client wants it.
fn isolated() -> Response {
    let mut response = page("hello");
    let headers = response.headers_mut();
    headers.insert("cross-origin-embedder-policy", "require-corp".parse().unwrap());
    headers.insert("cross-origin-resource-policy", "cross-origin".parse().unwrap());
    let policy = "default-src 'self'; frame-ancestors 'self' https://*.zoom.us";
    headers.insert("content-security-policy", policy.parse().unwrap());
    response
}

fn observer() -> (Seen, Router) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let router = Router::new().fallback(any(async move |request: Incoming| {
        kept.lock().unwrap().push(request.headers().clone());
        isolated()
    }));
    (seen, router)
}

fn spoiled(spoil: impl Fn(&mut HeaderMap) + Clone + Send + Sync + 'static) -> Router {
    Router::new().fallback(get(async move || {
        let mut response = isolated();
        spoil(response.headers_mut());
        response
    }))
}

async fn open(stage: &Stage) -> Value {
    stage.post("launch", json!({"surface": "web"})).await
}

/// What the browser sends for a frame on another site.
async fn frame(stage: &Stage, path: &str, more: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("{}{path}", stage.at.web_frame))
        .header("accept", "text/html")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "iframe")
        .header("sec-fetch-site", "cross-site")
        .header("user-agent", "A browser/1.0");
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    stage.http.send(request.body(Body::empty()).unwrap()).await
}

async fn failed_checks(stage: &Stage) -> Vec<String> {
    let shown = stage.read("state").await;
    let checks = shown["view"]["checks"].as_array().unwrap().clone();
    let failed = checks.iter().filter(|check| check["ok"] == false);
    failed.map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_app_gets_what_the_browser_sends_and_no_header_of_zooms() {
    let (seen, app) = observer();
    let stage = Stage::of(app).await;
    let launched = open(&stage).await;
    assert_eq!(launched["url"], format!("{}/", stage.at.web_frame));
    let own =
        [("cookie", "a=1; b=2"), ("referer", &format!("{}/web", stage.at.zoom.replace("localhost", "127.0.0.1")))];
    assert_eq!(frame(&stage, "/", &own).await.status, StatusCode::OK);
    let headers = seen.lock().unwrap()[0].clone();
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(value("x-zoom-app-context"), None);
    assert_eq!(value("user-agent").as_deref(), Some("A browser/1.0"));
    assert_eq!(value("sec-fetch-site").as_deref(), Some("cross-site"));
    assert_eq!(value("sec-fetch-dest").as_deref(), Some("iframe"));
    assert_eq!(value("cookie").as_deref(), Some("a=1; b=2"));
    assert_eq!(value("host").unwrap(), stage.app.strip_prefix("http://").unwrap());
    assert_eq!(value("referer"), None, "what the emulator reveals of itself does not reach the app");
    assert_eq!(failed_checks(&stage).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_origin_reaches_the_app_unchanged_and_its_own_is_its_own() {
    let (seen, app) = observer();
    let stage = Stage::of(app).await;
    open(&stage).await;
    for (sent, arrives) in [("https://evil.example", "https://evil.example"), (&stage.at.web_frame, &stage.app)] {
        let request = Request::post(format!("{}/x", stage.at.web_frame)).header("origin", sent);
        stage.http.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(seen.lock().unwrap().last().unwrap()["origin"], arrives);
    }
}

#[tokio::test]
async fn the_page_of_the_web_client_is_isolated_and_on_another_site() {
    let stage = Stage::bare().await;
    let there = stage.http.browse(&format!("{}/web", stage.at.zoom)).await;
    let page = stage.at.zoom.replace("localhost", "127.0.0.1");
    assert_eq!(there.location().as_str(), format!("{page}/web"));
    let shell = stage.http.browse(&format!("{page}/web")).await;
    assert_eq!(shell.status, StatusCode::OK);
    assert_eq!(shell.header("cross-origin-embedder-policy"), Some("require-corp"));
    assert!(shell.header("content-security-policy").unwrap().contains(&stage.at.web_frame));
    let back = stage.http.browse(&format!("{page}/?view=v1")).await;
    assert_eq!(back.location().as_str(), format!("{}/?view=v1", stage.at.zoom));
    let style = stage.http.get(&format!("{}/assets/tokens.css", stage.at.zoom)).await;
    assert_eq!(style.header("cross-origin-resource-policy"), Some("cross-origin"), "notices in the frame use it");
}

#[tokio::test]
async fn who_lets_zoom_frame_the_page_lets_the_emulator_and_who_does_not_is_left_alone() {
    let stage = Stage::of(spoiled(|_| {})).await;
    open(&stage).await;
    let policy = frame(&stage, "/", &[]).await.header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains(&stage.at.zoom) && policy.contains(&stage.at.zoom.replace("localhost", "127.0.0.1")));
    let shut = "default-src 'self'; frame-ancestors 'none'";
    let stage = Stage::of(spoiled(move |headers| {
        headers.insert("content-security-policy", shut.parse().unwrap());
        headers.insert("x-frame-options", "DENY".parse().unwrap());
    }));
    let stage = stage.await;
    open(&stage).await;
    let answer = frame(&stage, "/", &[]).await;
    assert_eq!(answer.header("content-security-policy"), Some(shut));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "the browser decides");
}

#[tokio::test]
async fn each_thing_that_keeps_the_browser_from_showing_the_page_is_named_with_its_header() {
    let cases: [(&str, &str, Spoil); 5] = [
        ("coep", "Cross-Origin-Embedder-Policy", |headers| drop(headers.remove("cross-origin-embedder-policy"))),
        ("coep", "Cross-Origin-Embedder-Policy", |headers| {
            headers.insert("cross-origin-embedder-policy", "unsafe-none".parse().unwrap());
        }),
        ("corp", "Cross-Origin-Resource-Policy", |headers| {
            headers.insert("cross-origin-resource-policy", "same-site".parse().unwrap());
        }),
        ("ancestors", "Content-Security-Policy", |headers| {
            headers.insert("content-security-policy", "frame-ancestors 'self'".parse().unwrap());
        }),
        ("frame", "X-Frame-Options", |headers| {
            headers.insert("content-security-policy", "default-src 'self'".parse().unwrap());
            headers.insert("x-frame-options", "SAMEORIGIN".parse().unwrap());
        }),
    ];
    for (check, header, spoil) in cases {
        let stage = Stage::of(spoiled(spoil)).await;
        open(&stage).await;
        assert!(frame(&stage, "/", &[]).await.text().contains("hello"), "the browser gets the page and refuses it");
        assert_eq!(failed_checks(&stage).await, [check]);
        let shown = stage.read("state").await;
        assert_eq!(shown["view"]["blank"]["missing"], json!([header]));
        let steps = stage.steps().await;
        assert_eq!((&steps[0]["status"], &steps[0]["problem"]["setting"]), (&json!("failed"), &json!("pwa.enabled")));
    }
}

#[tokio::test]
async fn what_works_in_the_browser_but_not_in_zoom_is_advice() {
    let cases: [(&str, Spoil); 2] = [
        ("headers", |headers| drop(headers.remove("referrer-policy"))),
        ("frame", |headers| drop(headers.insert("x-frame-options", "DENY".parse().unwrap()))),
    ];
    for (check, spoil) in cases {
        let stage = Stage::of(spoiled(spoil)).await;
        open(&stage).await;
        frame(&stage, "/", &[]).await;
        assert_eq!(failed_checks(&stage).await, [check]);
        let step = stage.steps().await[0].clone();
        assert_eq!(step["status"], "ok", "{step}");
        assert!(step["problem"]["sentence"].is_string());
    }
}

#[tokio::test]
async fn an_app_that_wants_the_header_is_told_where_the_context_comes_from() {
    let app = Router::new().fallback(get(async || (StatusCode::FORBIDDEN, isolated())));
    let stage = Stage::of(app).await;
    open(&stage).await;
    frame(&stage, "/", &[]).await;
    assert_eq!(failed_checks(&stage).await, ["context"]);
    assert!(stage.steps().await[0]["problem"]["sentence"].as_str().unwrap().contains("getAppContext()"));
}

fn baker(cookie: &'static str) -> Router {
    spoiled(move |headers| drop(headers.insert("set-cookie", cookie.parse().unwrap())))
}

#[tokio::test]
async fn cookies_are_the_browsers_own_as_far_as_the_switch_lets_them() {
    const WHOLE: &str = "a=1; Path=/; SameSite=None; Secure; Partitioned";
    const PLAIN: &str = "a=1; Path=/; SameSite=None; Secure";
    let cases = [
        (WHOLE, "allow", true, vec![]),
        (PLAIN, "allow", true, vec![]),
        (WHOLE, "partitioned-only", true, vec![]),
        (PLAIN, "partitioned-only", false, vec!["partitioned"]),
        (WHOLE, "block", false, vec!["partitioned"]),
        ("a=1; SameSite=Lax", "allow", true, vec!["cookies"]),
        ("a=1; SameSite=None", "allow", true, vec!["cookies"]),
    ];
    for (cookie, mode, arrives, failed) in cases {
        let stage = Stage::of(baker(cookie)).await;
        stage.put("cookies", json!({"third_party": mode})).await;
        open(&stage).await;
        let answer = frame(&stage, "/", &[]).await;
        assert_eq!(answer.header("set-cookie"), arrives.then_some(cookie), "{cookie} {mode}");
        assert_eq!(failed_checks(&stage).await, failed, "{cookie} {mode}");
    }
}

#[tokio::test]
async fn a_browser_that_blocks_third_party_cookies_sends_only_partitioned_ones() {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let app = Router::new().fallback(any(async move |request: Incoming| {
        kept.lock().unwrap().push(request.headers().clone());
        let mut response = isolated();
        let cookie = "own=1; SameSite=None; Secure; Partitioned";
        response.headers_mut().insert("set-cookie", cookie.parse().unwrap());
        response
    }));
    let stage = Stage::of(app).await;
    open(&stage).await;
    frame(&stage, "/", &[]).await;
    for (mode, arrives) in [("allow", Some("own=1; other=2")), ("partitioned-only", Some("own=1")), ("block", None)] {
        stage.put("cookies", json!({"third_party": mode})).await;
        frame(&stage, "/", &[("cookie", "own=1; other=2")]).await;
        let headers = seen.lock().unwrap().last().unwrap().clone();
        assert_eq!(headers.get("cookie").map(|value| value.to_str().unwrap()), arrives, "{mode}");
    }
}

#[tokio::test]
async fn handing_the_context_over_is_a_step_and_the_context_is_not_in_it() {
    let stage = Stage::of(spoiled(|_| {})).await;
    let view = open(&stage).await["view"].clone();
    let mut contexts = Vec::new();
    for _ in 0..2 {
        let answer = stage.post("sdk-call", json!({"view": view, "api": "getAppContext"})).await;
        contexts.push(answer["result"]["context"].as_str().unwrap().to_owned());
    }
    assert_ne!(contexts[0], contexts[1], "each call gives a fresh one");
    let [query, header] = contexts.try_into().unwrap();
    let fetch = |uri: String| Request::get(uri).header("sec-fetch-mode", "cors");
    let request = fetch(format!("{}/zoom/context?context={query}", stage.at.web_frame));
    stage.http.send(request.body(Body::empty()).unwrap()).await;
    let request = fetch(format!("{}/any", stage.at.web_frame)).header("x-my-context", &header);
    stage.http.send(request.body(Body::empty()).unwrap()).await;
    let request = fetch(format!("{}/other", stage.at.web_frame));
    stage.http.send(request.body(Body::empty()).unwrap()).await;
    let steps = stage.steps().await;
    let arrows: Vec<_> = steps.iter().map(|step| step["arrow"].as_str().unwrap()).collect();
    assert_eq!(arrows, ["GET /zoom/context", "GET /any"]);
    let told = json!(steps).to_string();
    assert!(!told.contains(&query) && !told.contains(&header));
    assert!(told.contains("/zoom/context?context=‹redacted"));
}

#[tokio::test]
async fn without_a_view_there_is_a_notice_that_the_web_client_may_show() {
    let stage = Stage::bare().await;
    let answer = frame(&stage, "/", &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.header("cross-origin-embedder-policy"), Some("require-corp"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    stage.post("launch", json!({})).await;
    assert_eq!(frame(&stage, "/", &[]).await.status, StatusCode::NOT_FOUND, "a desktop view is not shown here");
    let unknown = json!({"surface": "phone"});
    assert_eq!(stage.try_control(Method::POST, "launch", &unknown).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn redirects_stay_in_the_frame_and_need_their_policy_too() {
    let app = Router::new().fallback(get(async || {
        (StatusCode::FOUND, [("location", "/next"), ("cross-origin-resource-policy", "cross-origin")]).into_response()
    }));
    let stage = Stage::of(app).await;
    open(&stage).await;
    let answer = frame(&stage, "/", &[]).await;
    assert_eq!(answer.header("location"), Some("/next"));
    assert_eq!(failed_checks(&stage).await, Vec::<String>::new());
}
