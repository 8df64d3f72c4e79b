//! Who reaches the app: sessions, public paths, our own pages.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use stagedoor_gateway::Browsers;

use crate::support::{PUBLIC_URL, Plan, Upstream, get, raw, visit};

#[tokio::test]
async fn a_browser_without_a_session_is_told_to_open_zoom() {
    let house = Plan::default().build();
    insta::assert_snapshot!(house.visit("/").await.shot(), @r#"
    200 OK
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
    <title>Open this app in Zoom</title>
    <link rel="stylesheet" href="/zoom/style.css">
    </head>
    <body>
    <main>
    <h1>Open this app in Zoom</h1>
    <p>It runs inside the Zoom client. Open Zoom and choose the app there, or add it first.</p>
    <p><a class="button" href="/zoom/install" target="_top">Add the app to Zoom</a></p>
    </main>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn a_program_without_a_session_gets_a_problem() {
    let house = Plan::default().build();
    for request in [
        get("/app.js").header("sec-fetch-dest", "script"),
        get("/data").header("sec-fetch-dest", "empty").header("accept", "text/html"),
        get("/data").header("accept", "application/json"),
        Request::post("/data").header("accept", "text/html"),
        Request::delete("/data"),
    ] {
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "session_required"));
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn public_paths_are_reached_without_a_session() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    for path in ["/zoomverify/verifyzoom.html", "/zoomverify/", "/favicon.ico", "/robots.txt", "/robots.txt?x=1"] {
        assert_eq!(house.get(path).await.status, StatusCode::OK, "{path}");
    }
    let reached = upstream.hits();
    for path in ["/zoomverify", "/zoomverifyx", "/favicon.icon", "/robots.txt/x", "/%7aoomverify/x", "/ZOOMVERIFY/x"] {
        assert_eq!(house.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(upstream.hits(), reached);
}

#[tokio::test]
async fn mn_22_no_spelling_of_a_public_path_leads_to_another_one() {
    let upstream = Upstream::start().await;
    let gateway = Plan::upstream(upstream.address).build().run().await;
    for path in [
        "/zoomverify/../secret",
        "/zoomverify/./x",
        "/zoomverify/%2e%2e/secret",
        "/zoomverify/%2E%2e/secret",
        "/zoomverify/.%2e/secret",
        "/zoomverify/..;/secret",
        "/zoomverify/..;x=1/secret",
        "/zoomverify/..",
        "/zoomverify//secret",
        "/zoomverify/%2fsecret",
        "/zoomverify/..%2fsecret",
        "/zoomverify/..%5csecret",
        "/zoomverify/..\\secret",
        "/zoomverify/%00",
        "/zoomverify/%0d%0ax",
        "/zoomverify/%zz",
        "/zoomverify/%",
        "/zoomverify/\u{e9}",
        "//zoomverify/x",
    ] {
        let answer = raw(gateway.address, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert_eq!(upstream.hits(), 0);
}

#[tokio::test]
async fn browsers_can_be_let_in_without_identity() {
    let upstream = Upstream::start().await;
    let plan = Plan::upstream(upstream.address).with(|config| {
        config.app.as_mut().unwrap().browsers = Browsers::Allow;
    });
    let house = plan.build();
    let reply = house.get("/anything").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(!reply.body.contains("x-stagedoor") && !reply.body.contains("x-forwarded-user"), "{}", reply.body);
}

#[tokio::test]
async fn another_site_cannot_change_anything_with_the_session_cookie() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    let cookie = house.session().await;
    let reached = upstream.hits();
    let cases = [
        (Some("cross-site"), None, false),
        (Some("same-site"), Some(PUBLIC_URL), false),
        (Some("none"), None, false),
        (Some(""), Some(PUBLIC_URL), false),
        (None, None, false),
        (None, Some("https://evil.example"), false),
        (None, Some("null"), false),
        (None, Some("https://app.example.com.evil.example"), false),
        (None, Some("http://app.example.com"), false),
        (None, Some(PUBLIC_URL), true),
        (Some("same-origin"), None, true),
        (Some("same-origin"), Some(PUBLIC_URL), true),
    ];
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::from_bytes(b"PURGE").unwrap()] {
        for (site, origin, is_ours) in cases {
            let mut request = Request::builder().method(&method).uri("/data").header("cookie", &cookie);
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let reply = house.send(request.body(Body::empty()).unwrap()).await;
            let expected = if is_ours { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(reply.status, expected, "{method} {site:?} {origin:?}");
            assert!(is_ours || reply.code() == "cross_site");
        }
    }
    assert_eq!(upstream.hits() - reached, 5 * 3);
}

#[tokio::test]
async fn reading_from_another_site_is_not_a_change() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    let request = visit("/").header("cookie", cookie).header("sec-fetch-site", "cross-site");
    assert_eq!(house.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn under_the_prefix_there_is_nothing_of_the_app() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    let cookie = house.session().await;
    let reached = upstream.hits();
    for path in ["/zoom", "/zoom/", "/zoom/nothing", "/zoom/session/", "/zoom/session/x", "/zoom/Session"] {
        let reply = house.send(get(path).header("cookie", &cookie).body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        assert_eq!(house.visit(path).await.header("content-type"), "text/html; charset=utf-8");
    }
    assert_eq!(upstream.hits(), reached);
}

#[tokio::test]
async fn the_prefix_can_be_moved() {
    let house = Plan::default().with(|config| config.prefix = "/_stage/door".into()).build();
    assert_eq!(house.visit("/_stage/door/install").await.status, StatusCode::FOUND);
    assert_eq!(house.get("/_stage/door/jwks.json").await.status, StatusCode::OK);
    assert!(house.visit("/").await.body.contains("/_stage/door/style.css"));
    assert_eq!(house.get("/zoom/jwks.json").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_an_app_there_are_only_our_own_routes() {
    let house = Plan::default().with(|config| config.app = None).build();
    assert_eq!(house.get("/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/zoom/jwks.json").await.status, StatusCode::OK);
}
