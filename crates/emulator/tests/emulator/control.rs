//! The control API: strict about what it takes and from whom.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::events::Watcher;
use crate::stage::{ADA, GRACE, PATIENCE, Stage, wait_until};

#[tokio::test]
async fn the_state_shows_what_the_page_needs() {
    let stage = Stage::bare().await;
    let shown = stage.read("state").await;
    assert_eq!((shown["user"].as_str(), shown["users"][0]["initials"].as_str()), (Some(ADA), Some("AL")));
    assert_eq!(shown["where"]["typ"], "meeting");
    assert_eq!(shown["app"]["home_url"], format!("{}/", stage.app));
    assert_eq!(shown["app"]["landing_url"], format!("{}/zoom/install", stage.app));
    assert_eq!(shown["app"]["redirect_urls"], json!([stage.redirect_uri()]));
    assert_eq!((shown["consent"].as_str(), shown["sdk"].as_str()), (Some("ask"), Some("stand-in")));
    assert_eq!((shown["view"].clone(), shown["installed"].clone()), (Value::Null, json!([])));
    assert!(!shown.to_string().contains("canary"), "the client secret is not shown");
}

#[tokio::test]
async fn users_are_created_and_take_the_seat() {
    let stage = Stage::bare().await;
    let body = json!({"name": "Mary Shelley", "email": "mary@example.net"});
    let answer = stage.try_control(Method::POST, "users", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let mary = answer.json();
    assert_eq!((mary["name"].as_str(), mary["initials"].as_str()), (Some("Mary Shelley"), Some("MS")));
    let shown = stage.put("user", json!({"id": mary["id"]})).await;
    assert_eq!(shown["user"], mary["id"]);
    assert_eq!(stage.try_control(Method::PUT, "user", &json!({"id": "nobody"})).await.status, StatusCode::NOT_FOUND);
    for name in ["", "  ", "a\nb", &"x".repeat(201)] {
        let answer = stage.try_control(Method::POST, "users", &json!({"name": name})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name:?}");
    }
}

#[tokio::test]
async fn users_do_not_grow_without_bound() {
    let stage = Stage::bare().await;
    let mut last = StatusCode::OK;
    for number in 0..250 {
        last = stage.try_control(Method::POST, "users", &json!({"name": format!("User {number}")})).await.status;
    }
    assert_eq!(last, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_clock_moves() {
    let stage = Stage::bare().await;
    assert_eq!(stage.put("clock", json!({"offset_ms": 60_000})).await["offset_ms"], 60_000);
    assert_eq!(stage.put("clock", json!({"advance_ms": -90_000})).await["offset_ms"], -30_000);
    for body in
        [json!({}), json!({"offset_ms": 1, "advance_ms": 1}), json!({"offset_ms": i64::MAX}), json!({"offset_ms": "1"})]
    {
        assert_eq!(stage.try_control(Method::PUT, "clock", &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(stage.read("state").await["offset_ms"], -30_000);
}

#[tokio::test]
async fn reset_goes_back_to_the_beginning() {
    let stage = Stage::bare().await;
    let tokens = stage.tokens().await;
    stage.put("user", json!({"id": GRACE})).await;
    stage.put("clock", json!({"offset_ms": 5_000})).await;
    stage.post("launch", json!({})).await;
    let shown = stage.post("reset", Value::Null).await;
    assert_eq!((shown["user"].as_str(), shown["offset_ms"].as_i64()), (Some(ADA), Some(0)));
    assert_eq!((shown["view"].clone(), shown["consent"].clone()), (Value::Null, json!("ask")));
    assert_eq!((stage.read("steps").await, stage.read("requests").await), (json!([]), json!([])));
    let answer = stage.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(stage.post("launch", json!({})).await["view"], "v2", "the name of a view is not used again");
}

#[tokio::test]
async fn uninstalling_kills_the_grant_of_that_user() {
    let stage = Stage::bare().await;
    let tokens = stage.tokens().await;
    stage.post("uninstall", json!({"user": GRACE})).await;
    let refresh = stage.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refresh.status, StatusCode::OK, "another user's uninstall does not matter");
    stage.post("uninstall", json!({})).await;
    let refresh = stage.refresh(refresh.json()["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refresh.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn removing_the_app_closes_it_for_who_has_it_open_and_for_nobody_else() {
    let stage = Stage::bare().await;
    stage.post("launch", json!({})).await;
    stage.post("uninstall", json!({"user": GRACE})).await;
    assert_eq!(stage.read("state").await["view"]["view"], "v1");
    stage.post("uninstall", json!({})).await;
    assert_eq!(stage.read("state").await["view"], Value::Null);
}

#[tokio::test]
async fn unknown_members_wrong_types_and_other_methods_are_refused() {
    let stage = Stage::bare().await;
    for (method, path, body, status) in [
        (Method::PUT, "user", json!({"id": ADA, "more": 1}), 400),
        (Method::PUT, "where", json!({"typ": "moon"}), 400),
        (Method::PUT, "where", json!({"typ": "meeting", "role": "king"}), 400),
        (Method::PUT, "where", json!({"typ": "meeting", "role": "panelist"}), 400),
        (Method::PUT, "where", json!({"typ": "webinar", "role": "participant"}), 400),
        (Method::PUT, "where", json!({"typ": "panel", "role": "host"}), 400),
        (Method::PUT, "consent", json!({"mode": "maybe"}), 400),
        (Method::PUT, "consent", json!([]), 400),
        (Method::PUT, "sdk", json!({}), 400),
        (Method::POST, "add", json!({"from": "elsewhere"}), 400),
        (Method::POST, "launch", json!({"deep_link": "http://localhost/launch/chatapp/x.y"}), 404),
        (Method::POST, "uninstall", json!({"user": "nobody"}), 404),
        (Method::POST, "context", json!({"uid": "x"}), 400),
        (Method::POST, "reset", json!({"really": true}), 400),
        (Method::POST, "user", json!({"id": ADA}), 405),
        (Method::GET, "nothing", Value::Null, 404),
    ] {
        let answer = stage.try_control(method, path, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}");
        assert!(answer.json()["error"].as_str().unwrap().ends_with('.'), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_body_must_be_json_and_small() {
    let stage = Stage::bare().await;
    let send = async |content_type: Option<&str>, body: String| {
        let mut request = Request::put(format!("{}/control/consent", stage.at.control));
        if let Some(value) = content_type {
            request = request.header("content-type", value);
        }
        stage.http.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
    };
    let body = json!({"mode": "allow"}).to_string();
    assert_eq!(send(Some("text/plain"), body.clone()).await, 415);
    assert_eq!(send(None, body.clone()).await, 415);
    assert_eq!(send(Some("application/json"), format!("{body}{}", " ".repeat(70_000))).await, 413);
    assert_eq!(send(Some("application/json"), "{".into()).await, 400);
    assert_eq!(send(Some("application/json; charset=utf-8"), body).await, 200);
}

#[tokio::test]
async fn a_name_that_only_resolves_to_this_machine_is_refused_everywhere() {
    let stage = Stage::bare().await;
    for url in [
        format!("{}/control/state", stage.at.control),
        format!("{}/control/state", stage.at.zoom),
        format!("{}/", stage.at.zoom),
        format!("{}/v2/users/me", stage.at.zoom),
        format!("{}/", stage.at.web_view),
    ] {
        let port = url.split(':').nth(2).unwrap().split('/').next().unwrap();
        for host in ["evil.example".into(), format!("evil.example:{port}"), "localhost".into(), "localhost:1".into()] {
            let answer = stage.http.get_as_host(&url, &host).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{url} as {host}");
        }
        for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
            let answer = stage.http.get_as_host(&url, &host).await;
            assert_ne!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{url} as {host}");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_control_nothing() {
    let stage = Stage::bare().await;
    let own = |base: &str| ("origin", base.to_owned());
    for (base, header, allowed) in [
        (&stage.at.zoom, own(&stage.at.zoom), true),
        (&stage.at.zoom, ("sec-fetch-site", "same-origin".into()), true),
        (&stage.at.zoom, ("origin", stage.app.clone()), false),
        (&stage.at.zoom, ("origin", stage.at.web_view.clone()), false),
        (&stage.at.zoom, ("origin", "null".into()), false),
        (&stage.at.zoom, ("sec-fetch-site", "same-site".into()), false),
        (&stage.at.zoom, ("sec-fetch-site", "cross-site".into()), false),
        (&stage.at.control, ("origin", stage.at.zoom.clone()), false),
        (&stage.at.control, ("sec-fetch-site", "cross-site".into()), false),
    ] {
        for method in [Method::GET, Method::PUT] {
            let path = if method == Method::GET { "state" } else { "consent" };
            let request = Request::builder().method(method).uri(format!("{base}/control/{path}"));
            let request = request.header("content-type", "application/json").header(header.0, &header.1);
            let answer = stage.http.send(request.body(Body::from(r#"{"mode":"ask"}"#)).unwrap()).await;
            assert_eq!(answer.status.is_success(), allowed, "{base} {header:?}");
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
}

#[tokio::test]
async fn the_page_is_served_under_localhost_with_its_policy() {
    let stage = Stage::bare().await;
    let page = stage.http.browse(&format!("{}/", stage.at.zoom)).await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("frame-src {}", stage.at.web_view)), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let elsewhere = stage.http.browse(&stage.at.zoom.replace("localhost", "127.0.0.1")).await;
    assert_eq!(elsewhere.location().as_str(), format!("{}/", stage.at.zoom));
    let script = stage.http.get(&format!("{}/appssdk/sdk.js", stage.at.zoom)).await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    for path in ["/assets/", "/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/nothing"] {
        assert_eq!(stage.http.get(&format!("{}{path}", stage.at.zoom)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn requests_are_remembered_up_to_a_bound() {
    let stage = Stage::bare().await;
    for _ in 0..210 {
        stage.api(Method::GET, "/v2/users/me", "x", None).await;
    }
    let requests = stage.read("requests").await;
    assert_eq!(requests.as_array().unwrap().len(), 200);
    assert_eq!((requests[0]["method"].as_str(), requests[0]["status"].as_u64()), (Some("GET"), Some(401)));
    stage.control(Method::DELETE, "requests", Value::Null).await;
    assert_eq!(stage.read("requests").await, json!([]));
    stage.control(Method::DELETE, "steps", Value::Null).await;
    assert_eq!(stage.read("steps").await, json!([]));
}

#[tokio::test]
async fn what_is_remembered_of_a_request_does_not_grow_with_it() {
    let stage = Stage::bare().await;
    let scope = "s ".repeat(20_000);
    stage.token(&[("grant_type", "x"), ("scope", &scope)]).await;
    let requests = stage.read("requests").await;
    assert!(requests[0]["body"].as_str().unwrap().len() < 10_000);
}

#[tokio::test]
async fn the_emulator_stops_while_an_answer_hangs_and_somebody_watches() {
    let config = stagedoor_emulator::Config::new(
        stagedoor_protocol::id::ClientId::parse("id").unwrap(),
        stagedoor_protocol::secret::ClientSecret::new("secret"),
        "http://localhost:3000/".parse().unwrap(),
    );
    let emulator = stagedoor_emulator::Emulator::bind(config).await.unwrap();
    let at = emulator.addresses().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(emulator.run(async { stopped.await.unwrap() }));
    let http = crate::stage::Http::new();
    let request = Request::put(format!("{}/control/faults", at.control)).header("content-type", "application/json");
    let answer = http.send(request.body(Body::from(r#"{"me": "hang"}"#)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let watching = Watcher::at(&at.control).await;
    let me = format!("{}/v2/users/me", at.zoom);
    let hanging = tokio::spawn({
        let http = http.clone();
        async move { http.get(&me).await.status }
    });
    let requests = format!("{}/control/requests", at.control);
    wait_until("the answer hangs", async || http.get(&requests).await.text().contains("/v2/users/me")).await;
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap().unwrap();
    watching.ends().await;
    assert_eq!(hanging.await.unwrap(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_taken_port_is_named_with_a_way_out() {
    let stage = Stage::bare().await;
    let taken: u16 = stage.at.web_view.rsplit(':').next().unwrap().parse().unwrap();
    let mut config = stagedoor_emulator::Config::new(
        stagedoor_protocol::id::ClientId::parse("id").unwrap(),
        stagedoor_protocol::secret::ClientSecret::new("secret"),
        "http://localhost:3000/".parse().unwrap(),
    );
    config.port = taken;
    let error = stagedoor_emulator::Emulator::bind(config.clone()).await.err().unwrap().to_string();
    assert!(error.contains(&taken.to_string()) && error.contains("--port"), "{error}");
    config.port = 65_534;
    let error = stagedoor_emulator::Emulator::bind(config.clone()).await.err().unwrap().to_string();
    assert!(error.contains("no room"), "{error}");
    config.home_url = "https://app.example.com/".parse().unwrap();
    let error = stagedoor_emulator::Emulator::bind(config).await.err().unwrap().to_string();
    assert!(error.contains("http://"), "{error}");
}
