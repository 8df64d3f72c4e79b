//! The web view: how the app sees the client, and what the client does with what the app answers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request as Incoming;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::backend::page;
use crate::stage::{ADA, Answer, GRACE, Stage};

/// The requests that the app saw.
type Seen = Arc<Mutex<Vec<HeaderMap>>>;

/// An app that answers everything with a page, and remembers how it was asked.
fn observer() -> (Seen, Router) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let router = Router::new().fallback(any(async move |request: Incoming| {
        kept.lock().unwrap().push(request.headers().clone());
        page("hello")
    }));
    (seen, router)
}

/// An app that answers one path in one way.
fn answering(path: &str, answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Router {
    Router::new().route(path, any(async move || answer())).fallback(get(async || page("home")))
}

async fn checks(stage: &Stage) -> Vec<(String, bool)> {
    let shown = stage.read("state").await;
    let checks = shown["view"]["checks"].as_array().unwrap().clone();
    checks.iter().map(|check| (check["id"].as_str().unwrap().to_owned(), check["ok"].as_bool().unwrap())).collect()
}

async fn fetch(stage: &Stage, cookie: &str, request: http::request::Builder) -> Answer {
    stage.http.send(request.header(COOKIE, cookie).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_document_is_asked_for_as_the_desktop_client_asks() {
    let (seen, app) = observer();
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    stage.document(&format!("other=secret; {cookie}"), "/").await;
    let headers = seen.lock().unwrap()[0].clone();
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(value("user-agent").unwrap(), "Mozilla/5.0 ZoomWebKit/537.36 (KHTML, like Gecko) ZoomApps/1.0");
    assert_eq!(value("host").unwrap(), stage.app.strip_prefix("http://").unwrap());
    assert_eq!(value("sec-fetch-dest").as_deref(), Some("document"));
    assert_eq!(value("sec-fetch-site").as_deref(), Some("none"));
    assert_eq!(value("cookie"), None, "no cookie of the browser reaches the app");
    assert!(value("x-zoom-app-context").is_some());
}

#[tokio::test]
async fn parts_of_a_page_keep_their_nature_and_the_apps_origin() {
    let (seen, app) = observer();
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    let request = Request::post(format!("{}/data", stage.at.web_view))
        .header("sec-fetch-mode", "cors")
        .header("sec-fetch-dest", "empty")
        .header("sec-fetch-site", "same-origin")
        .header("origin", &stage.at.web_view)
        .header("referer", format!("{}/page?x=1", stage.at.web_view));
    fetch(&stage, &cookie, request).await;
    let headers = seen.lock().unwrap()[0].clone();
    assert_eq!(headers["origin"], stage.app.as_str());
    assert_eq!(headers["referer"], format!("{}/page?x=1", stage.app).as_str());
    assert_eq!(
        (&headers["sec-fetch-dest"], &headers["sec-fetch-site"]),
        (&"empty".parse().unwrap(), &"same-origin".parse().unwrap())
    );
    assert!(!headers.contains_key("x-zoom-app-context"));
    assert_eq!(stage.steps().await.len(), 0, "parts of a page are no steps");
}

#[tokio::test]
async fn what_the_emulators_page_reveals_of_itself_does_not_reach_the_app() {
    let (seen, app) = observer();
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    let request = Request::get(format!("{}/", stage.at.web_view))
        .header("referer", format!("{}/?view=v1", stage.at.zoom))
        .header("origin", format!("{}0", stage.at.web_view))
        .header("connection", "x-hop, keep-alive")
        .header("x-hop", "1")
        .header("proxy-authorization", "secret");
    fetch(&stage, &cookie, request).await;
    let headers = seen.lock().unwrap()[0].clone();
    for name in ["referer", "origin", "x-hop", "proxy-authorization"] {
        assert!(!headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn an_app_that_refuses_a_spoilt_context_does_what_it_should() {
    let stage = Stage::of(answering("/", || StatusCode::FORBIDDEN.into_response())).await;
    let mut told = Vec::new();
    for fault in [json!("expired"), json!("no_context"), Value::Null] {
        stage.put("faults", json!({"client": fault})).await;
        let cookie = stage.open().await;
        stage.document(&cookie, "/").await;
        let steps = stage.steps().await;
        let step = steps.last().unwrap();
        let names_fault = step["sentence"].as_str().unwrap().contains("a fault is on");
        told.push((step["status"].as_str().unwrap().to_owned(), names_fault));
    }
    assert_eq!(told, [("ok".into(), true), ("failed".into(), true), ("failed".into(), false)]);
}

#[tokio::test]
async fn a_page_without_the_four_headers_is_not_shown() {
    let names = ["strict-transport-security", "x-content-type-options", "content-security-policy", "referrer-policy"];
    for missing in names {
        let app = answering("/", move || {
            let mut response = page("secret content");
            response.headers_mut().remove(missing);
            response
        });
        let stage = Stage::of(app).await;
        let cookie = stage.open().await;
        let answer = stage.document(&cookie, "/").await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{missing}");
        assert!(answer.text().contains("Missing OWASP Secure Headers:") && !answer.text().contains("secret content"));
        let shown = stage.read("state").await;
        let blank = &shown["view"]["blank"];
        assert_eq!(blank["missing"].as_array().unwrap().len(), 1);
        assert!(blank["missing"][0].as_str().unwrap().eq_ignore_ascii_case(missing));
        assert!(checks(&stage).await.contains(&("headers".into(), false)));
        let steps = stage.steps().await;
        let step = steps.last().unwrap();
        assert_eq!(step["status"], "failed");
        assert_eq!(step["docs"]["title"], "OWASP secure headers");
    }
}

#[tokio::test]
async fn a_page_that_was_mended_is_shown_again() {
    let broken = Arc::new(Mutex::new(true));
    let switch = Arc::clone(&broken);
    let app =
        answering(
            "/",
            move || if *switch.lock().unwrap() { axum::response::Html("x").into_response() } else { page("x") },
        );
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    stage.document(&cookie, "/").await;
    assert_eq!(stage.read("state").await["view"]["blank"]["missing"].as_array().unwrap().len(), 4);
    *broken.lock().unwrap() = false;
    assert_eq!(stage.document(&cookie, "/").await.status, StatusCode::OK);
    assert_eq!(stage.read("state").await["view"]["blank"], Value::Null);
    assert!(checks(&stage).await.contains(&("headers".into(), true)));
}

#[tokio::test]
async fn answers_that_are_no_document_or_not_200_need_no_headers() {
    let app = Router::new()
        .route("/missing", get(async || (StatusCode::NOT_FOUND, axum::response::Html("not here"))))
        .route("/data", get(async || axum::Json(json!({"a": 1}))))
        .route("/part", get(async || axum::response::Html("<b>part</b>")));
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    let answer = stage.document(&cookie, "/missing").await;
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::NOT_FOUND, "not here"));
    assert_eq!(stage.document(&cookie, "/data").await.json(), json!({"a": 1}));
    let part = Request::get(format!("{}/part", stage.at.web_view)).header("sec-fetch-mode", "cors");
    assert_eq!(fetch(&stage, &cookie, part).await.text(), "<b>part</b>");
}

#[tokio::test]
async fn what_would_keep_the_emulator_from_framing_the_page_is_taken_out_and_reported() {
    let app = answering("/", || {
        let mut response = page("x");
        response.headers_mut().insert("x-frame-options", "DENY".parse().unwrap());
        response.headers_mut().insert("cross-origin-embedder-policy", "require-corp".parse().unwrap());
        response
    });
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    let answer = stage.document(&cookie, "/").await;
    assert_eq!(answer.header("x-frame-options"), None);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("frame-ancestors"), "{policy}");
    assert_eq!(answer.header("cross-origin-embedder-policy"), Some("require-corp"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(checks(&stage).await.contains(&("frame".into(), false)));
}

#[tokio::test]
async fn cookies_stay_with_the_emulated_user_and_out_of_the_browser() {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let app = Router::new().fallback(get(async move |headers: HeaderMap| {
        kept.lock().unwrap().push(headers);
        let mut response = page("x");
        let cookies =
            ["__Host-sid=of-user; Path=/; Secure; HttpOnly; SameSite=None; Partitioned", "deep=1; Path=/only/here"];
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie.parse().unwrap());
        }
        response
    }));
    let stage = Stage::of(app).await;
    let sent = || seen.lock().unwrap().last().unwrap().get(COOKIE).map(|value| value.to_str().unwrap().to_owned());
    let of_ada = stage.open().await;
    let answer = stage.document(&of_ada, "/").await;
    assert_eq!((answer.header("set-cookie"), sent()), (None, None));
    stage.document(&of_ada, "/").await;
    assert_eq!(sent().as_deref(), Some("__Host-sid=of-user"));
    stage.document(&of_ada, "/only/here/too").await;
    assert_eq!(sent().as_deref(), Some("deep=1; __Host-sid=of-user"));

    stage.put("user", json!({"id": GRACE})).await;
    let of_grace = stage.open().await;
    stage.document(&of_grace, "/").await;
    assert_eq!(sent(), None, "Grace has a client of her own");
    stage.put("user", json!({"id": ADA})).await;
    let again = stage.open().await;
    stage.document(&again, "/").await;
    assert_eq!(sent().as_deref(), Some("__Host-sid=of-user"), "a client keeps its cookies between launches");
    assert!(checks(&stage).await.contains(&("cookies".into(), true)));
}

#[tokio::test]
async fn cookies_end_when_they_say_so() {
    let cookie = Arc::new(Mutex::new(String::new()));
    let seen = Seen::default();
    let (set, kept) = (Arc::clone(&cookie), Arc::clone(&seen));
    let app = Router::new().fallback(get(async move |headers: HeaderMap| {
        kept.lock().unwrap().push(headers);
        let mut response = page("x");
        response.headers_mut().insert(SET_COOKIE, set.lock().unwrap().parse().unwrap());
        response
    }));
    let stage = Stage::of(app).await;
    let view = stage.open().await;
    let visit = async |set: &str| {
        set.clone_into(&mut cookie.lock().unwrap());
        stage.document(&view, "/").await;
        seen.lock().unwrap().last().unwrap().get(COOKIE).map(|value| value.to_str().unwrap().to_owned())
    };
    visit("a=1; Max-Age=60").await;
    assert_eq!(visit("a=2; Max-Age=60; Path=/").await.as_deref(), Some("a=1"));
    assert_eq!(visit("b=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT").await.as_deref(), Some("a=2"));
    stage.put("clock", json!({"advance_ms": 61_000})).await;
    assert_eq!(visit("b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT").await.as_deref(), Some("b=1"));
    assert_eq!(visit("c=1; Max-Age=0").await, None);
    assert_eq!(visit("d=1").await, None);
}

#[tokio::test]
async fn cookies_that_a_browser_throws_away_are_reported() {
    for cookie in [
        "__Host-sid=1; Path=/",
        "__Host-sid=1; Secure",
        "__Host-sid=1; Secure; Path=/sub",
        "__Host-sid=1; Secure; Path=/; Domain=localhost",
        "__Secure-sid=1; Path=/",
        "sid=1; SameSite=None",
        "sid=1; Domain=example.com",
        &format!("sid={}", "x".repeat(5000)),
    ] {
        let text = cookie.to_owned();
        let app = answering("/", move || {
            let mut response = page("x");
            response.headers_mut().insert(SET_COOKIE, text.parse().unwrap());
            response
        });
        let stage = Stage::of(app).await;
        let view = stage.open().await;
        stage.document(&view, "/").await;
        assert!(checks(&stage).await.contains(&("cookies".into(), false)), "{cookie}");
        assert!(!stage.read("state").await.to_string().contains("xxxx"), "a value is not shown");
    }
}

#[tokio::test]
async fn redirects_stay_inside_and_those_that_leave_are_stopped() {
    let app = Router::new()
        .route("/relative", get(async || axum::response::Redirect::to("next?a=1#b")))
        .route(
            "/absolute",
            get(async |headers: HeaderMap| {
                axum::response::Redirect::to(&format!("http://{}/next", headers["host"].to_str().unwrap()))
            }),
        )
        .route("/away", get(async || axum::response::Redirect::to("https://example.com/login?token=canary")))
        .route("/script", get(async || axum::response::Redirect::to("javascript:alert(1)")));
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    assert_eq!(stage.document(&cookie, "/relative").await.header("location"), Some("/next?a=1#b"));
    assert_eq!(stage.document(&cookie, "/absolute").await.header("location"), Some("/next"));
    let away = stage.document(&cookie, "/away").await;
    assert_eq!((away.status, away.header("location")), (StatusCode::FORBIDDEN, None));
    assert!(away.text().contains("https://example.com") && away.text().contains("outside the domain allow list"));
    assert!(!away.text().contains("canary"));
    assert_eq!(stage.document(&cookie, "/script").await.status, StatusCode::FORBIDDEN);
    let part = Request::get(format!("{}/away", stage.at.web_view)).header("sec-fetch-mode", "cors");
    let part = fetch(&stage, &cookie, part).await;
    assert_eq!(
        part.header("location"),
        Some("https://example.com/login?token=canary"),
        "a fetch sees what the app says"
    );
}

#[tokio::test]
async fn zooms_sdk_is_swapped_for_the_stand_in_unless_zooms_own_is_wanted() {
    let html = r#"<script src="https://appssdk.zoom.us/sdk.js"></script>"#;
    let stage = Stage::of(answering("/", move || page(html))).await;
    let cookie = stage.open().await;
    let answer = stage.document(&cookie, "/").await;
    assert_eq!(answer.text(), r#"<script src="/~emulator/appssdk/sdk.js"></script>"#);
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert!(answer.header("content-security-policy").unwrap().contains(&stage.at.web_view));
    assert!(checks(&stage).await.contains(&("csp".into(), true)));
    let script = stage.http.get(&format!("{}/~emulator/appssdk/sdk.js", stage.at.web_view)).await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    stage.put("sdk", json!({"mode": "zoom"})).await;
    assert_eq!(stage.document(&cookie, "/").await.text(), html);
}

#[tokio::test]
async fn a_policy_that_keeps_zooms_sdk_out_is_reported() {
    let app = answering("/", || {
        let mut response = page(r#"<script src="https://appssdk.zoom.us/sdk.js"></script>"#);
        response.headers_mut().insert("content-security-policy", "default-src 'self'".parse().unwrap());
        response
    });
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    stage.document(&cookie, "/").await;
    assert!(checks(&stage).await.contains(&("csp".into(), false)));
}

#[tokio::test]
async fn an_app_that_does_not_answer_is_named() {
    // Bound, and never listened on.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let free = socket.local_addr().unwrap().port();
    let adjust = move |config: &mut stagedoor_emulator::Config| {
        config.home_url = format!("http://localhost:{free}/app/").parse().unwrap();
    };
    let stage = Stage::with(|_| None, adjust).await;
    let cookie = stage.open().await;
    let answer = stage.document(&cookie, "/app/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.text().contains(&format!("http://localhost:{free}")) && answer.text().contains("--home-url"));
    assert!(checks(&stage).await.contains(&("reachable".into(), false)));
    let steps = stage.steps().await;
    assert_eq!((steps[0]["kind"].as_str(), steps[0]["status"].as_str()), (Some("launch"), Some("failed")));
}

#[tokio::test]
async fn a_launch_from_the_page_is_a_flow_of_its_own() {
    let (_, app) = observer();
    let stage = Stage::of(app).await;
    for _ in 0..2 {
        let cookie = stage.open().await;
        stage.document(&cookie, "/").await;
    }
    let steps = stage.steps().await;
    let told: Vec<_> =
        steps.iter().map(|step| (step["flow_title"].as_str().unwrap(), step["n"].as_u64().unwrap())).collect();
    assert_eq!(told, [("Launch as Ada Lovelace", 1), ("Launch as Ada Lovelace", 1)]);
    assert_ne!(steps[0]["flow"], steps[1]["flow"]);
    assert_eq!((steps[0]["from"].as_str(), steps[0]["to"].as_str()), (Some("client"), Some("backend")));
}

#[tokio::test]
async fn a_browser_without_a_view_and_a_page_of_another_site_see_nothing() {
    let (seen, app) = observer();
    let stage = Stage::of(app).await;
    assert_eq!(stage.document("a=b", "/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        stage.http.get(&format!("{}/~emulator/launch/v9", stage.at.web_view)).await.status,
        StatusCode::NOT_FOUND
    );
    let cookie = stage.open().await;
    let foreign = Request::get(format!("{}/", stage.at.web_view)).header("sec-fetch-site", "cross-site");
    assert_eq!(fetch(&stage, &cookie, foreign).await.status, StatusCode::FORBIDDEN);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_target_that_is_no_path_is_refused() {
    let (_, app) = observer();
    let stage = Stage::of(app).await;
    let cookie = stage.open().await;
    let host = stage.at.web_view.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let echo = any(async |request: Incoming| {
        let content_type = request.headers().get(CONTENT_TYPE).cloned();
        let mut response = Response::new(request.into_body());
        response.headers_mut().extend(content_type.map(|value| (CONTENT_TYPE, value)));
        response
    });
    let stage = Stage::of(Router::new().route("/echo", echo)).await;
    let cookie = stage.open().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<&'static str, std::io::Error>>(4);
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let request = Request::post(format!("{}/echo", stage.at.web_view)).header(COOKIE, &cookie).body(body).unwrap();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    sender.send(Ok("data: one\n\n")).await.unwrap();
    let mut response = client.request(request).await.unwrap().into_body();
    assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), "data: one\n\n");
    sender.send(Ok("data: two\n\n")).await.unwrap();
    assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), "data: two\n\n");
    drop(sender);
    assert!(response.frame().await.is_none());
}

#[tokio::test]
async fn web_sockets_go_through() {
    // An app that switches protocols and shouts back what it hears.
    let shout = any(async |mut request: Incoming| {
        assert_eq!(request.headers()["upgrade"], "websocket");
        assert!(request.headers()["origin"].to_str().unwrap().ends_with(request.headers()["host"].to_str().unwrap()));
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(&heard.to_ascii_uppercase()).await.unwrap();
        });
        (
            StatusCode::SWITCHING_PROTOCOLS,
            [("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", "x")],
        )
    });
    let stage = Stage::of(Router::new().route("/socket", shout)).await;
    let cookie = stage.open().await;
    let host = stage.at.web_view.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {}\r\nCookie: {cookie}\r\n\r\n",
        stage.at.web_view
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101") && answer.contains("sec-websocket-accept: x"), "{answer}");
    socket.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    socket.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"HELLO");
}
