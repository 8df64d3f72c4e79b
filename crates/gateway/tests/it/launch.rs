//! Opening the app: a request with the app context.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_flows::launch::Guests;

use crate::support::{House, Plan, get, visit};

async fn launch_with(house: &House, context: &str) -> crate::support::Reply {
    house.send(visit("/").header("x-zoom-app-context", context).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_launch_answers_the_page_with_a_session_in_the_same_response() {
    let house = Plan::default().build();
    let reply = house.launch("/").await;
    insta::assert_snapshot!(reply.shot(), @"
    200 OK
    cache-control: no-store
    content-length: 50
    content-security-policy: default-src 'self'; script-src 'self' https://appssdk.zoom.us; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self' https://*.zoom.us https://*.zoom.com
    content-type: text/html; charset=utf-8
    cross-origin-embedder-policy: require-corp
    cross-origin-resource-policy: cross-origin
    referrer-policy: same-origin
    set-cookie: __Host-stagedoor=[sealed]; Path=/; Secure; SameSite=None; Partitioned; HttpOnly; Max-Age=86400
    strict-transport-security: max-age=31536000
    x-content-type-options: nosniff
    x-request-id: [id]

    <!doctype html><title>Sample</title><h1>Hello</h1>
    ");
}

#[tokio::test]
async fn a_launch_works_on_any_path_and_for_head_too() {
    let house = Plan::default().build();
    assert!(house.launch("/some/client/route").await.cookie("__Host-stagedoor").is_some());
    let script = get("/app.js").header("x-zoom-app-context", house.context()).body(Body::empty()).unwrap();
    assert_eq!(house.send(script).await.status, StatusCode::OK);
    let head = Request::head("/").header("x-zoom-app-context", house.context()).body(Body::empty()).unwrap();
    let reply = house.send(head).await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, ""));
    assert!(reply.cookie("__Host-stagedoor").is_some());
}

#[tokio::test]
async fn a_launch_that_does_not_say_what_it_takes_gets_pages() {
    let house = Plan::default().build();
    for accept in [None, Some("*/*")] {
        let launch = |context: &str| {
            let request = get("/some/route").header("x-zoom-app-context", context);
            accept.into_iter().fold(request, |request, accept| request.header("accept", accept))
        };
        let reply = house.send(launch(&house.context()).body(Body::empty()).unwrap()).await;
        assert!(reply.status == StatusCode::OK && reply.body.contains("Hello"), "{accept:?}: {reply:?}");
        let reply = house.send(launch("forged").body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::FORBIDDEN, "text/html; charset=utf-8"));
        for (name, value) in [("accept", "application/json"), ("sec-fetch-dest", "empty")] {
            let request = launch("forged");
            let request = if name == "accept" { get("/").header("x-zoom-app-context", "forged") } else { request };
            let reply = house.send(request.header(name, value).body(Body::empty()).unwrap()).await;
            assert_eq!(reply.header("content-type"), "application/problem+json", "{name}");
        }
    }
}

#[tokio::test]
async fn the_session_of_a_launch_opens_the_app_afterwards() {
    let house = Plan::default().build();
    let session = house.session().await;
    let reply = house.send(get("/app.js").header("cookie", session).body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, "console.log('hello');"));
}

#[tokio::test]
async fn a_bad_context_is_a_page_that_says_what_to_do() {
    let house = Plan::default().build();
    let now = 1_795_000_000_000_i64;
    let cases = [
        (house.context_with(&json!({ "exp": now - 1, "ts": now - 120_001 })), "context_expired"),
        (house.context_with(&json!({ "aud": "another-app" })), "context_audience"),
        (house.context_with(&json!({ "aud": Value::Null })), "context_content"),
        (house.context_with(&json!({ "iss": "evil" })), "context_issuer"),
        (house.context_with(&json!({ "exp": now + 86_400_000 })), "context_times"),
        (house.context_with(&json!({ "uid": "a b" })), "context_content"),
        ("x".repeat(9000), "context_encoding"),
        ("not base64!".into(), "context_encoding"),
        (String::new(), "context_layout"),
        ("AAAA".into(), "context_layout"),
    ];
    for (context, code) in cases {
        let reply = launch_with(&house, &context).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{code}");
        assert!(reply.body.contains(code), "{code}: {}", reply.body);
        assert!(reply.headers.get("set-cookie").is_none(), "{code}");
        assert!(!reply.body.contains("Hello"), "{code}: the app is not shown");
    }
}

#[tokio::test]
async fn the_page_for_an_expired_context_reads_like_this() {
    let house = Plan::default().build();
    let context = house.context();
    house.clock.advance_seconds(200);
    insta::assert_snapshot!(launch_with(&house, &context).await.shot(), @r#"
    403 Forbidden
    cache-control: no-store
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self' https://*.zoom.us https://*.zoom.com
    content-type: text/html; charset=utf-8
    cross-origin-embedder-policy: require-corp
    cross-origin-resource-policy: cross-origin
    referrer-policy: no-referrer
    strict-transport-security: max-age=31536000
    x-content-type-options: nosniff
    x-request-id: [id]

    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>This launch is too old.</title>
    <link rel="stylesheet" href="/zoom/style.css">
    </head>
    <body>
    <main>
    <h1>This launch is too old.</h1>
    <p>Close the app in Zoom and open it again; if that does not help, the server&#39;s clock is wrong.</p>
    <footer>
    <p>If you ask for help, pass these on.</p>
    <dl><dt>Code</dt><dd><code>context_expired</code></dd><dt>Request</dt><dd><code>[id]</code></dd></dl>
    </footer>
    </main>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn mn_23_a_bad_context_is_refused_even_with_a_good_session() {
    let house = Plan::default().build();
    let session = house.session().await;
    let request = visit("/").header("cookie", session).header("x-zoom-app-context", "garbage");
    assert_eq!(house.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn two_contexts_are_refused_even_if_they_are_the_same() {
    let house = Plan::default().build();
    let context = house.context();
    let request = visit("/").header("x-zoom-app-context", &context).header("x-zoom-app-context", &context);
    let reply = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.body.contains("context_repeated"));
}

#[tokio::test]
async fn a_context_on_a_post_is_no_launch() {
    let house = Plan::default().build();
    let request = Request::post("/").header("x-zoom-app-context", house.context()).body(Body::empty()).unwrap();
    let reply = house.send(request).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn mn_06_a_session_does_not_outlive_a_change_of_user() {
    let house = Plan::default().build();
    let session = house.session().await;
    let other = house.context_with(&json!({ "uid": "another-user" }));
    let request = visit("/").header("cookie", &session).header("x-zoom-app-context", other);
    let reply = house.send(request.body(Body::empty()).unwrap()).await;
    let cookie = format!("__Host-stagedoor={}", reply.cookie("__Host-stagedoor").unwrap());
    let shown = house.send(get("/zoom/session").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert_eq!(shown.json()["user"]["id"], "another-user");
}

#[tokio::test]
async fn guests_are_let_in_or_refused_as_it_is_set() {
    let guest = json!({ "uid": Value::Null });
    let open = Plan::default().build();
    let reply = launch_with(&open, &open.context_with(&guest)).await;
    assert_eq!(reply.status, StatusCode::OK);

    let closed = Plan { guests: Guests::Deny, ..Plan::default() }.build();
    let reply = launch_with(&closed, &closed.context_with(&guest)).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.body.contains("guest_refused") && reply.body.contains("/zoom/install"));
}
