//! The launch in the web client: `/zoom/context`.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_flows::launch::Guests;
use stagedoor_protocol::id::ZoomUserId;

use crate::support::{House, Plan, Reply, USER, Upstream, get};

const COOKIE: &str = "__Host-stagedoor";

/// Hands a context over as `client.js` does.
async fn hand_over(house: &House, context: &str, more: &[(&str, &str)]) -> Reply {
    let mut request =
        get("/zoom/context").header("x-stagedoor-context", context).header("sec-fetch-site", "same-origin");
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    house.send(request.body(Body::empty()).unwrap()).await
}

async fn session(house: &House, field: (&str, &str)) -> Reply {
    house.send(get("/zoom/session").header(field.0, field.1).body(Body::empty()).unwrap()).await
}

fn cookie(reply: &Reply) -> String {
    format!("{COOKIE}={}", reply.cookie(COOKIE).expect("a launch sets the cookie"))
}

fn bearer(reply: &Reply) -> String {
    format!("Bearer {}", reply.json()["bearer"].as_str().expect("the answer carries a bearer"))
}

#[tokio::test]
async fn a_context_that_is_handed_over_begins_a_session() {
    let house = Plan::default().build();
    let reply = hand_over(&house, &house.context(), &[]).await;
    insta::assert_snapshot!(reply.shot(), @r#"
    200 OK
    cache-control: no-store
    content-length: 220
    content-type: application/json
    referrer-policy: no-referrer
    set-cookie: __Host-stagedoor=[sealed]; Path=/; Secure; SameSite=None; Partitioned; Max-Age=3600
    x-content-type-options: nosniff
    x-request-id: [id]

    {"user":{"id":"77A6G6xIS62MkqTlFWJhbg","name":null},"type":"meeting","meeting":"wceIoD0lTySwype/12+45w==","role":"host","action":null,"surface":"pwa","installed":false,"connections":[],"expiresAt":"2026-11-18T12:06:40Z"}
    "#);
    let told = session(&house, ("cookie", &cookie(&reply))).await;
    assert_eq!((told.status, told.body), (StatusCode::OK, reply.body));
}

#[tokio::test]
async fn the_query_does_what_the_header_does() {
    let house = Plan::default().build();
    let reply = house.get(&format!("/zoom/context?context={}", house.context())).await;
    assert_eq!((reply.status, &reply.json()["surface"]), (StatusCode::OK, &json!("pwa")));
    assert!(reply.cookie(COOKIE).is_some());
}

#[tokio::test]
async fn scripts_cannot_read_the_cookie_where_the_setting_says_so() {
    let house = Plan::default().with(|config| config.session.pwa_http_only = true).build();
    let reply = hand_over(&house, &house.context(), &[]).await;
    assert!(reply.header("set-cookie").contains("; Path=/; Secure; SameSite=None; Partitioned; HttpOnly;"));
}

#[tokio::test]
async fn a_session_of_the_web_client_lives_for_an_hour() {
    let house = Plan::default().build();
    let cookie = cookie(&hand_over(&house, &house.context(), &[]).await);
    house.clock.advance_seconds(3_599);
    assert_eq!(session(&house, ("cookie", &cookie)).await.status, StatusCode::OK);
    house.clock.advance_seconds(1);
    assert_eq!(session(&house, ("cookie", &cookie)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_renewal_goes_on_from_its_own_time() {
    let house = Plan::default().build();
    let first = cookie(&hand_over(&house, &house.context(), &[]).await);
    house.clock.advance_seconds(3_000);
    let second = hand_over(&house, &house.context(), &[("cookie", &first)]).await;
    assert_eq!(second.json()["expiresAt"], "2026-11-18T12:56:40Z");
}

#[tokio::test]
async fn exactly_one_context_is_handed_over() {
    let house = Plan::default().build();
    let context = house.context();
    let with = |path: &str, times: usize| {
        let mut request = get(path);
        for _ in 0..times {
            request = request.header("x-stagedoor-context", &context);
        }
        request.body(Body::empty()).unwrap()
    };
    let query = format!("/zoom/context?context={context}");
    for (request, code) in [
        (with("/zoom/context", 0), "context_missing"),
        (with("/zoom/context?Context=x", 0), "context_missing"),
        (with("/zoom/context", 2), "context_repeated"),
        (with(&query, 1), "context_repeated"),
        (with(&format!("{query}&context={context}"), 0), "context_repeated"),
    ] {
        let reply = house.send(request).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, code));
        assert_eq!(reply.cookie(COOKIE), None);
    }
}

#[tokio::test]
async fn a_context_that_is_not_zooms_for_now_begins_nothing() {
    let house = Plan::default().build();
    let now = 1_795_000_000_000_i64;
    for (context, code) in [
        (house.context_with(&json!({ "exp": now - 1 })), "context_expired"),
        (house.context_with(&json!({ "aud": "another-app" })), "context_audience"),
        (house.context_with(&json!({ "iss": "evil.example" })), "context_issuer"),
        ("garbage!".into(), "context_encoding"),
        (String::new(), "context_layout"),
    ] {
        let reply = hand_over(&house, &context, &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::FORBIDDEN, code));
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.cookie(COOKIE), None);
    }
}

#[tokio::test]
async fn mn_19_another_site_hands_nothing_over_and_reads_nothing() {
    let house = Plan::default().build();
    let query = format!("/zoom/context?context={}", house.context());
    for fields in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site"), ("origin", "https://app.example.com")],
        &[("sec-fetch-site", "none"), ("sec-fetch-dest", "document")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        let mut request = get(&query);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status, reply.cookie(COOKIE)), (StatusCode::FORBIDDEN, None), "{fields:?}");
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
    let preflight = Request::options("/zoom/context")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "x-stagedoor-context");
    let reply = house.send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn mn_24_only_get_hands_a_context_over() {
    let house = Plan::default().build();
    for method in ["HEAD", "POST", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri("/zoom/context").header("sec-fetch-site", "same-origin");
        let reply =
            house.send(request.header("x-stagedoor-context", house.context()).body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status, reply.cookie(COOKIE)), (StatusCode::METHOD_NOT_ALLOWED, None), "{method}");
    }
}

#[tokio::test]
async fn a_guest_is_let_in_without_identity_or_not_at_all() {
    for (guests, status, user) in
        [(Guests::Allow, StatusCode::OK, Some(Value::Null)), (Guests::Deny, StatusCode::FORBIDDEN, None)]
    {
        let house = Plan { guests, ..Plan::default() }.build();
        let context = house.context_with(&json!({ "uid": Value::Null }));
        let reply = hand_over(&house, &context, &[]).await;
        assert_eq!((reply.status, reply.json().get("user").cloned()), (status, user));
    }
}

#[tokio::test]
async fn mn_06_another_users_context_begins_another_session() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    let ada = cookie(&hand_over(&house, &house.context(), &[]).await);
    let context = house.context_with(&json!({ "uid": "another-user" }));
    let reply = hand_over(&house, &context, &[("cookie", &ada)]).await;
    assert_eq!(reply.json()["user"]["id"], "another-user");
    let seen = house.send(get("/x").header("cookie", cookie(&reply)).body(Body::empty()).unwrap()).await.body;
    assert!(seen.contains("another-user") && !seen.contains(USER), "{seen}");
}

#[tokio::test]
async fn a_page_without_cookies_gets_a_bearer_for_ten_minutes() {
    let house = Plan::default().build();
    let reply = hand_over(&house, &house.context(), &[("x-stagedoor-session", "bearer")]).await;
    assert_eq!((reply.status, reply.cookie(COOKIE)), (StatusCode::OK, None));
    assert_eq!(
        (reply.header("cache-control"), &reply.json()["expiresAt"]),
        ("no-store", &json!("2026-11-18T11:16:40Z"))
    );
    let bearer = bearer(&reply);
    let told = session(&house, ("authorization", &bearer)).await;
    assert_eq!((told.status, told.json().get("bearer")), (StatusCode::OK, None));
    let page = house.send(get("/app.js").header("authorization", &bearer).body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::OK);
    house.clock.advance_seconds(600);
    assert_eq!(session(&house, ("authorization", &bearer)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_bearer_is_no_cookie_and_a_cookie_no_bearer() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    let sealed = cookie.strip_prefix("__Host-stagedoor=").unwrap();
    let lent = hand_over(&house, &house.context(), &[("x-stagedoor-session", "bearer")]).await;
    let lent = lent.json()["bearer"].as_str().unwrap().to_owned();
    for (name, value, status) in [
        ("authorization", format!("Bearer {lent}"), StatusCode::OK),
        ("authorization", format!("bearer {lent}"), StatusCode::OK),
        ("authorization", format!("Bearer {sealed}"), StatusCode::UNAUTHORIZED),
        ("authorization", format!("Basic {lent}"), StatusCode::UNAUTHORIZED),
        ("authorization", lent.clone(), StatusCode::UNAUTHORIZED),
        ("cookie", format!("__Host-stagedoor={lent}"), StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(session(&house, (name, &value)).await.status, status, "{name}");
    }
    let twice =
        get("/zoom/session").header("authorization", format!("Bearer {lent}")).header("authorization", "Bearer x");
    assert_eq!(house.send(twice.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn mn_20_a_bearer_does_not_reach_the_upstream() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    let lent = bearer(&hand_over(&house, &house.context(), &[("x-stagedoor-session", "bearer")]).await);
    let post = Request::post("/data").header("authorization", &lent).body(Body::empty()).unwrap();
    let seen = house.send(post).await;
    assert_eq!(seen.status, StatusCode::OK, "a bearer does not come along by itself, so no origin is asked for");
    assert!(seen.body.contains(USER) && !seen.body.to_lowercase().contains("authorization"), "{}", seen.body);
}

#[tokio::test]
async fn a_revoked_bearer_ends_at_once() {
    let house = Plan::default().build();
    let lent = bearer(&hand_over(&house, &house.context(), &[("x-stagedoor-session", "bearer")]).await);
    house.revocations.revoke(&ZoomUserId::parse(USER).unwrap()).await.unwrap();
    assert_eq!(session(&house, ("authorization", &lent)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_of_an_unknown_kind_is_refused() {
    let house = Plan::default().build();
    for kind in ["cookie", "Bearer", "", "bearer, bearer"] {
        let reply = hand_over(&house, &house.context(), &[("x-stagedoor-session", kind)]).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "session_kind_unknown"), "{kind}");
    }
}
