//! In-client OAuth over HTTP: `/zoom/authorize` and `/zoom/authorized`.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_protocol::id::ZoomUserId;

use crate::support::{House, PUBLIC_URL, Plan, Reply, USER, get, leave_once, until};

const COOKIE: &str = "__Host-stagedoor";
const TOKEN: &str = "/oauth/token";
const JSON: (&str, &str) = ("content-type", "application/json");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn post(house: &House, path: &str, fields: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Request::post(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    house.send(request.body(body.into()).unwrap()).await
}

/// Begins an authorization as a page of ours does, and returns its state.
async fn begin(house: &House, session: &str) -> String {
    let reply = post(house, "/zoom/authorize", &[("cookie", session), JSON, OURS], "{}").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.json()["state"].as_str().unwrap().to_owned()
}

fn event(state: &str) -> String {
    json!({ "code": "canary-code", "state": state, "redirectUri": "https://app.example.com/" }).to_string()
}

async fn is_installed(house: &House) -> bool {
    house.installations.of(&ZoomUserId::parse(USER).unwrap()).await.unwrap().is_some()
}

/// A session of a guest in the web client.
async fn guest(house: &House) -> String {
    let context = house.context_with(&json!({ "uid": Value::Null }));
    let reply = house.get(&format!("/zoom/context?context={context}")).await;
    format!("{COOKIE}={}", reply.cookie(COOKIE).unwrap())
}

#[tokio::test]
async fn a_user_adds_the_app_without_leaving_it() {
    let house = Plan::default().build();
    let session = house.session().await;
    let begun = post(&house, "/zoom/authorize", &[("cookie", &session), JSON, OURS], "{}").await;
    assert_eq!((begun.status, begun.header("cache-control")), (StatusCode::OK, "no-store"));
    let (challenge, state) = (begun.json()["codeChallenge"].clone(), begun.json()["state"].clone());
    assert!(challenge.as_str().unwrap().len() >= 43 && challenge != state);
    let fields = [("cookie", session.as_str()), JSON, OURS];
    let reply = post(&house, "/zoom/authorized", &fields, event(state.as_str().unwrap())).await;
    assert_eq!((reply.status, &reply.json()["installed"]), (StatusCode::OK, &json!(true)));
    assert_eq!(reply.json()["user"], json!({ "id": USER, "name": "Ada Lovelace" }));
    assert!(reply.cookie(COOKIE).is_some());
    assert!(is_installed(&house).await);
}

#[tokio::test]
async fn there_is_nothing_to_say_to_begin_and_what_is_said_is_json() {
    let house = Plan::default().build();
    let session = house.session().await;
    let fields = [("cookie", session.as_str()), OURS];
    assert_eq!(post(&house, "/zoom/authorize", &fields, "").await.status, StatusCode::OK);
    assert_eq!(post(&house, "/zoom/authorize", &fields, "{}").await.code(), "json_required");
    let named = [("cookie", session.as_str()), OURS, ("content-type", "text/plain")];
    assert_eq!(post(&house, "/zoom/authorize", &named, "").await.code(), "json_required");
    let foreign = [("cookie", session.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(post(&house, "/zoom/authorize", &foreign, "").await.code(), "cross_site");
    assert_eq!(post(&house, "/zoom/authorized", &fields, "").await.code(), "json_required");
}

#[tokio::test]
async fn a_guest_becomes_the_user_without_a_reload() {
    let house = Plan::default().build();
    let guest = guest(&house).await;
    let state = begin(&house, &guest).await;
    let reply = post(&house, "/zoom/authorized", &[("cookie", &guest), JSON, OURS], event(&state)).await;
    assert_eq!((reply.status, &reply.json()["user"]["id"]), (StatusCode::OK, &json!(USER)));
    let user = format!("{COOKIE}={}", reply.cookie(COOKIE).unwrap());
    let session = house.send(get("/zoom/session").header("cookie", user).body(Body::empty()).unwrap()).await;
    assert_eq!(session.json()["user"]["id"], USER);
}

#[tokio::test]
async fn a_page_with_a_bearer_gets_another_one() {
    let house = Plan::default().build();
    let request = get("/zoom/context").header("x-stagedoor-context", house.context());
    let lent = house.send(request.header("x-stagedoor-session", "bearer").body(Body::empty()).unwrap()).await;
    let bearer = format!("Bearer {}", lent.json()["bearer"].as_str().unwrap());
    let fields = [("authorization", bearer.as_str()), JSON, ("sec-fetch-site", "same-origin")];
    let begun = post(&house, "/zoom/authorize", &fields, "{}").await;
    let reply = post(&house, "/zoom/authorized", &fields, event(begun.json()["state"].as_str().unwrap())).await;
    assert_eq!((reply.status, reply.cookie(COOKIE)), (StatusCode::OK, None));
    assert!(reply.json()["bearer"].is_string());
}

#[tokio::test]
async fn mn_05_of_what_a_hostile_page_can_send_exactly_one_cell_succeeds() {
    type Fields = &'static [(&'static str, &'static str)];
    let senders: [(&str, Fields); 9] = [
        ("our own page", &[JSON, OURS]),
        ("our own page in an old browser", &[JSON, ("origin", PUBLIC_URL)]),
        ("a form", &[("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")]),
        ("a text form of our own", &[("content-type", "text/plain"), OURS]),
        (
            "no-cors fetch or sendBeacon",
            &[("content-type", "text/plain;charset=UTF-8"), ("sec-fetch-site", "cross-site")],
        ),
        ("cors fetch", &[JSON, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]),
        ("a sibling site", &[JSON, ("sec-fetch-site", "same-site"), ("origin", PUBLIC_URL)]),
        ("a sandboxed frame in an old browser", &[JSON, ("origin", "null")]),
        ("nobody", &[JSON]),
    ];
    for (sender, fields) in senders {
        for cell in ["right", "mangled state", "replay", "foreign session"] {
            let house = Plan::default().build();
            let (session, foreign) = (house.session().await, guest(&house).await);
            let state = begin(&house, &session).await;
            let (presented, state) = match cell {
                "mangled state" => (&session, state.to_lowercase() + "x"),
                "replay" => {
                    post(&house, "/zoom/authorized", &[("cookie", &session), JSON, OURS], event(&state)).await;
                    (&session, state)
                }
                "foreign session" => (&foreign, state),
                _ => (&session, state),
            };
            let before = house.zoom.calls(TOKEN);
            let mut all = vec![("cookie", presented.as_str())];
            all.extend(fields);
            let reply = post(&house, "/zoom/authorized", &all, event(&state)).await;
            let succeeds = cell == "right" && sender.starts_with("our own page");
            assert_eq!(reply.status == StatusCode::OK, succeeds, "{sender}, {cell}: {}", reply.body);
            assert_eq!(house.zoom.calls(TOKEN) - before, usize::from(succeeds), "{sender}, {cell}");
            assert!(succeeds || reply.cookie(COOKIE).is_none(), "{sender}, {cell}");
        }
    }
}

#[tokio::test]
async fn another_site_begins_nothing_and_does_not_spoil_what_was_begun() {
    let house = Plan::default().build();
    let session = house.session().await;
    let state = begin(&house, &session).await;
    for path in ["/zoom/authorize", "/zoom/authorized"] {
        let fields = [("cookie", session.as_str()), JSON, ("sec-fetch-site", "cross-site")];
        let reply = post(&house, path, &fields, event("x")).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::FORBIDDEN, "cross_site"));
    }
    let reply = post(&house, "/zoom/authorized", &[("cookie", &session), JSON, OURS], event(&state)).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn mn_31_a_body_is_read_strictly_and_a_bad_one_spoils_nothing() {
    let house = Plan::default().build();
    let session = house.session().await;
    let state = begin(&house, &session).await;
    let long = "x".repeat(16 * 1024);
    for (path, body, status, code) in [
        ("/zoom/authorize", String::new(), 400, "body_malformed"),
        ("/zoom/authorize", "[]".into(), 400, "body_malformed"),
        ("/zoom/authorize", r#"{"user":"eve"}"#.into(), 400, "body_malformed"),
        ("/zoom/authorized", "{}".into(), 400, "body_malformed"),
        ("/zoom/authorized", r#"{"code":"a","code":"b"}"#.into(), 400, "body_malformed"),
        ("/zoom/authorized", r#"{"code":"a","result":true}"#.into(), 400, "body_malformed"),
        ("/zoom/authorized", r#"{"code":""}"#.into(), 400, "body_malformed"),
        ("/zoom/authorized", r#"{"code":"a b"}"#.into(), 400, "body_malformed"),
        ("/zoom/authorized", r#"{"code":1}"#.into(), 400, "body_malformed"),
        ("/zoom/authorized", json!({ "code": long }).to_string(), 413, "body_too_large"),
    ] {
        let reply = post(&house, path, &[("cookie", &session), JSON, OURS], body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str()),
            (status, code),
            "{path} {}",
            &body[..body.len().min(40)]
        );
    }
    let reply = post(&house, "/zoom/authorized", &[("cookie", &session), JSON, OURS], event(&state)).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_session_and_with_other_methods_there_is_nothing() {
    let house = Plan::default().build();
    for path in ["/zoom/authorize", "/zoom/authorized"] {
        let reply = post(&house, path, &[JSON, OURS], "{}").await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "session_required"));
        let reply = house.get(path).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    }
}

#[tokio::test]
async fn an_exchange_ends_even_if_its_page_goes_away() {
    let house = Plan::default().build();
    let held = house.zoom.hold(TOKEN);
    let session = house.session().await;
    let state = begin(&house, &session).await;
    let fields = [("cookie", session.as_str()), JSON, OURS];
    let gone = post(&house, "/zoom/authorized", &fields, event(&state));
    leave_once("Zoom is asked", async || house.zoom.calls(TOKEN) == 1, gone).await;
    held.release();
    until("the exchange ends", async || is_installed(&house).await).await;
}
