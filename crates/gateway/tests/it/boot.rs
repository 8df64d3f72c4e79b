//! The boot page: a document in a frame, without a session.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::support::{Plan, Upstream, get};

fn framed(path: &str) -> http::request::Builder {
    get(path).header("accept", "text/html").header("sec-fetch-dest", "iframe").header("sec-fetch-site", "cross-site")
}

#[tokio::test]
async fn a_frame_without_a_session_gets_the_page_that_fetches_one() {
    let house = Plan::default().build();
    let reply = house.send(framed("/some/page?x=1").body(Body::empty()).unwrap()).await;
    insta::assert_snapshot!(reply.shot(), @r##"
    200 OK
    cache-control: no-store
    content-security-policy: default-src 'none'; script-src 'self' https://appssdk.zoom.us; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self' https://*.zoom.us https://*.zoom.com
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
    <title>Opening the app</title>
    <link rel="stylesheet" href="/zoom/style.css">
    <script id="sdk" src="https://appssdk.zoom.us/sdk.js" async></script>
    <script src="/zoom/boot.js" type="module"></script>
    </head>
    <body>
    <main class="late" aria-live="polite">
    <h1 id="sentence">Opening the app …</h1>
    <p id="advice">Zoom is asked who you are. This takes a moment.</p>
    <noscript><p>This app needs JavaScript.</p></noscript>
    <p id="again" hidden><button class="button" type="button">Try again</button></p>
    <p id="install" hidden><a class="button" href="/zoom/install" target="_blank" rel="noopener">Add the app to Zoom</a></p>
    <footer id="help" hidden>
    <p>If you ask for help, pass these on.</p>
    <dl><dt>Code</dt><dd><code id="code"></code></dd><dt>Request</dt><dd><code>[id]</code></dd></dl>
    </footer>
    </main>
    </body>
    </html>
    "##);
}

#[tokio::test]
async fn an_upstream_never_sees_a_frame_without_a_session() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    let cookie = house.session().await;
    let reached = upstream.hits();
    let revoked = cookie.replacen('=', "=A", 1);
    for request in
        [framed("/"), framed("/").header("cookie", revoked), framed("/deep/link?a=b").header("cookie", "a=b")]
    {
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert!(reply.status == StatusCode::OK && reply.body.contains("/zoom/boot.js"), "{}", reply.body);
    }
    assert_eq!(upstream.hits(), reached);
    let reply = house.send(framed("/").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert!(!reply.body.contains("/zoom/boot.js"), "with a session it is the app");
}

#[tokio::test]
async fn a_session_that_is_over_leads_to_the_boot_page() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    house.clock.advance_seconds(86_400);
    let reply = house.send(framed("/").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert!(reply.body.contains("/zoom/boot.js"));
}

#[tokio::test]
async fn only_documents_in_frames_boot() {
    let house = Plan::default().build();
    for (destination, method, status) in [
        ("document", Method::GET, StatusCode::OK),
        ("embed", Method::GET, StatusCode::OK),
        ("script", Method::GET, StatusCode::UNAUTHORIZED),
        ("empty", Method::GET, StatusCode::UNAUTHORIZED),
        ("iframe", Method::POST, StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::builder().method(&method).uri("/").header("sec-fetch-dest", destination);
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, status, "{destination}");
        assert!(!reply.body.contains("boot.js"), "{destination}");
    }
}

#[tokio::test]
async fn nothing_boots_where_the_web_client_is_switched_off_or_browsers_are_let_in() {
    let off = Plan::default().with(|config| config.pwa = false).build();
    let open = Plan::default().open().build();
    for (house, shown) in [(&off, "Open this app in Zoom"), (&open, "Hello")] {
        let reply = house.send(framed("/").body(Body::empty()).unwrap()).await;
        assert!(reply.body.contains(shown) && !reply.body.contains("boot.js"), "{}", reply.body);
    }
}

#[tokio::test]
async fn the_scripts_are_served_as_modules() {
    let house = Plan::default().with(|config| config.prefix = "/_stage".into()).build();
    for (path, holds) in [("/_stage/client.js", "export async function start"), ("/_stage/boot.js", "./client.js")] {
        let reply = house.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "text/javascript; charset=utf-8"));
        assert_eq!(
            (reply.header("cache-control"), reply.header("x-content-type-options")),
            ("public, max-age=300", "nosniff")
        );
        assert!(reply.body.contains(holds));
    }
    let page = house.send(framed("/").body(Body::empty()).unwrap()).await.body;
    assert!(page.contains("src=\"/_stage/boot.js\"") && page.contains("href=\"/_stage/style.css\""));
}

#[tokio::test]
async fn the_helper_is_small() {
    use std::io::Write as _;
    let house = Plan::default().build();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(house.get("/zoom/client.js").await.body.as_bytes()).unwrap();
    assert!(gzip.finish().unwrap().len() <= 4096);
}
