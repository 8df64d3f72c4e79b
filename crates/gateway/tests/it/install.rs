//! Adding the app: `/zoom/install` and `/zoom/callback`.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;
use stagedoor_protocol::id::ZoomUserId;
use url::Url;

use crate::support::{Browser, PUBLIC_URL, Plan, USER, leave_once, until};

const TOKEN: &str = "/oauth/token";
const ME: &str = "/v2/users/me";
const LINK: &str = "/v2/zoomapp/deeplink";
const DEEP_LINK: &str = "https://zoom.us/launch/chatapp/canary-deep-link";

#[tokio::test]
async fn an_install_leads_to_zoom_and_binds_the_browser() {
    let house = Plan::default().build();
    let reply = house.visit("/zoom/install").await;
    let location = Url::parse(reply.header("location")).unwrap();
    assert_eq!(reply.status, StatusCode::FOUND);
    assert_eq!(location.origin().ascii_serialization(), "https://zoom.us");
    let query: std::collections::BTreeMap<_, _> = location.query_pairs().into_owned().collect();
    assert_eq!(query["redirect_uri"], format!("{PUBLIC_URL}/zoom/callback"));
    assert_eq!(query["code_challenge_method"], "S256");
    let cookie = reply.header("set-cookie");
    let attributes = cookie.split_once("; ").unwrap().1;
    assert!(cookie.starts_with("__Host-stagedoor-install="));
    insta::assert_snapshot!(attributes, @"Path=/; Secure; SameSite=Lax; HttpOnly; Max-Age=86400");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn consent_ends_in_the_deep_link_and_the_installation_is_stored() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let reply = browser.come_back(&house, &state).await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::FOUND, DEEP_LINK));
    let stored = house.installations.of(&ZoomUserId::parse(USER).unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.name.as_deref(), Some("Ada Lovelace"));
}

#[tokio::test]
async fn a_reloaded_callback_gets_the_same_link_and_exchanges_nothing() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    for _ in 0..3 {
        let reply = browser.come_back(&house, &state).await;
        assert_eq!((reply.status, reply.header("location")), (StatusCode::FOUND, DEEP_LINK));
    }
    assert_eq!((house.zoom.calls(TOKEN), house.zoom.calls(LINK)), (1, 1));
}

#[tokio::test]
async fn fifty_callbacks_at_once_exchange_the_code_once() {
    let house = Plan::default().build();
    house.zoom.slow_down(TOKEN, Duration::from_millis(50));
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let replies = join_all((0..50).map(|_| {
        let (mut browser, house, state) = (browser.clone(), &house, state.clone());
        async move { browser.come_back(house, &state).await }
    }))
    .await;
    assert_eq!(house.zoom.calls(TOKEN), 1);
    let installed = replies.iter().filter(|reply| reply.status == StatusCode::FOUND).count();
    let waiting =
        replies.iter().filter(|reply| reply.status == StatusCode::OK && reply.header("refresh") == "1").count();
    assert!(installed >= 1);
    assert_eq!(installed + waiting, 50);
}

#[tokio::test]
async fn an_exchange_ends_even_if_its_browser_goes_away() {
    let house = Plan::default().build();
    let held = house.zoom.hold(TOKEN);
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let mut impatient = browser.clone();
    let gone = impatient.come_back(&house, &state);
    leave_once("Zoom is asked", async || house.zoom.calls(TOKEN) == 1, gone).await;
    held.release();
    let user = ZoomUserId::parse(USER).unwrap();
    until("the exchange ends", async || house.installations.of(&user).await.unwrap().is_some()).await;
    let reply = browser.come_back(&house, &state).await;
    assert_eq!((reply.status, house.zoom.calls(TOKEN)), (StatusCode::FOUND, 1));
}

#[tokio::test]
async fn a_callback_without_state_begins_again_once_and_its_code_is_not_used() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let reply = browser.visit(&house, "/zoom/callback?code=from-the-marketplace").await;
    assert_eq!(reply.status, StatusCode::FOUND);
    assert_eq!(reply.header("location"), format!("{PUBLIC_URL}/zoom/install"));

    let again = browser.visit(&house, "/zoom/callback?code=from-the-marketplace").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.body.contains("callback_without_state"), "{}", again.body);
    assert_eq!(house.zoom.calls(TOKEN), 0);
    assert!(!browser.jar.contains_key("__Host-stagedoor-again"), "the guard is gone after it has worked");
}

#[tokio::test]
async fn a_successful_install_ends_the_guard_against_loops() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    browser.visit(&house, "/zoom/callback?code=from-the-marketplace").await;
    let state = browser.begin(&house).await;
    browser.come_back(&house, &state).await;
    assert!(!browser.jar.contains_key("__Host-stagedoor-again"));
    let reply = browser.visit(&house, "/zoom/callback?code=from-the-marketplace").await;
    assert_eq!(reply.status, StatusCode::FOUND);
}

#[tokio::test]
async fn mn_05_a_state_works_only_in_the_browser_that_made_it() {
    let house = Plan::default().build();
    let state = Browser::default().begin(&house).await;
    let mut others = Browser::default();
    let without_cookie = others.come_back(&house, &state).await;
    others.begin(&house).await;
    let with_another = others.come_back(&house, &state).await;
    for reply in [without_cookie, with_another] {
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(reply.body.contains("state_of_another_browser"));
    }
    assert_eq!(house.zoom.calls(TOKEN), 0);
}

#[tokio::test]
async fn mn_04_neither_an_absent_cookie_nor_an_absent_state_is_a_match() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    browser.begin(&house).await;
    for query in ["", "?", "?state=unknown&code=x", "?state=unknown", "?x=1"] {
        let reply = browser.visit(&house, &format!("/zoom/callback{query}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(house.zoom.calls(TOKEN), 0);
}

#[tokio::test]
async fn mn_31_a_callback_is_read_strictly() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    for query in [
        format!("code=a&code=b&state={state}"),
        format!("code=a&state={state}&state={state}"),
        format!("code=&state={state}"),
        "code=a&state=".into(),
        format!("code=%FF&state={state}"),
        format!("code=a%00&state={state}"),
        format!("code=a%20b&state={state}"),
        "error=a&error=b".into(),
        format!("code={}&state={state}", "x".repeat(3000)),
    ] {
        let reply = browser.visit(&house, &format!("/zoom/callback?{query}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(reply.body.contains("callback_malformed"), "{query}");
    }
    assert_eq!(house.zoom.calls(TOKEN), 0);
    assert_eq!(
        browser.come_back(&house, &state).await.status,
        StatusCode::FOUND,
        "none of them has spoiled the attempt"
    );
}

#[tokio::test]
async fn a_denial_is_a_page_and_no_error_of_ours() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let reply = browser.visit(&house, &format!("/zoom/callback?error=access_denied&state={state}")).await;
    insta::assert_snapshot!(reply.shot(), @r#"
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
    <title>The app was not added, because the request was declined.</title>
    <link rel="stylesheet" href="/zoom/style.css">
    </head>
    <body>
    <main>
    <h1>The app was not added, because the request was declined.</h1>
    <p>Add the app again whenever you like.</p>
    <p><a class="button" href="/zoom/install" target="_top">Add the app to Zoom</a></p>
    <footer>
    <p>If you ask for help, pass these on.</p>
    <dl><dt>Code</dt><dd><code>declined</code></dd><dt>Request</dt><dd><code>[id]</code></dd></dl>
    </footer>
    </main>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn mn_12_an_error_text_from_the_address_is_not_shown() {
    let house = Plan::default().build();
    let reply = house.visit("/zoom/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=canary").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(!reply.body.contains("script>") && !reply.body.contains("canary"), "{}", reply.body);
}

#[tokio::test]
async fn every_failure_of_zoom_is_a_sentence_with_the_right_status() {
    let bad = |reason: &str, error: &str| json!({ "reason": reason, "error": error });
    let cases = [
        (TOKEN, 400, bad("Invalid Token!", "invalid_grant"), 400, "code_refused"),
        (TOKEN, 400, bad("Invalid authorization code", "invalid_grant"), 400, "code_refused"),
        (TOKEN, 400, bad("Invalid client_id or client_secret", "invalid_client"), 502, "client_refused"),
        (TOKEN, 400, bad("unsupported grant type", "unsupported_grant_type"), 502, "zoom_refused"),
        (TOKEN, 429, json!({}), 503, "zoom_rate_limited"),
        (TOKEN, 500, json!({}), 503, "zoom_unavailable"),
        (TOKEN, 200, json!({ "access_token": "x" }), 502, "zoom_bad_answer"),
        (ME, 401, json!({ "code": 124 }), 502, "token_refused"),
        (ME, 503, json!({}), 503, "zoom_unavailable"),
        (ME, 200, json!({ "id": "" }), 502, "zoom_bad_answer"),
    ];
    for (path, status, body, expected, code) in cases {
        let house = Plan::default().build();
        let mut browser = Browser::default();
        let state = browser.begin(&house).await;
        house.zoom.answer(path, status, &body);
        let reply = browser.come_back(&house, &state).await;
        assert_eq!(reply.status.as_u16(), expected, "{path} {status} {body}");
        assert!(reply.body.contains(code), "{code}: {}", reply.body);
    }
}

#[tokio::test]
async fn zoom_being_slow_or_gone_or_garbled_is_said_and_heals() {
    for (expected, code) in [(504, "zoom_timeout"), (502, "zoom_unreachable"), (502, "zoom_bad_answer")] {
        let house = Plan::default().build();
        let mut browser = Browser::default();
        let state = browser.begin(&house).await;
        match code {
            "zoom_timeout" => house.zoom.time_out(TOKEN),
            "zoom_unreachable" => house.zoom.cut_off(TOKEN),
            _ => house.zoom.answer_text(TOKEN, 200, "<html>Bad gateway</html>"),
        }
        let reply = browser.come_back(&house, &state).await;
        assert_eq!(reply.status.as_u16(), expected);
        assert!(reply.body.contains(code), "{code}: {}", reply.body);
        let state = browser.begin(&house).await;
        house.zoom.answer(
            TOKEN,
            200,
            &json!({
                "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 3599,
                "scope": "zoomapp:inmeeting",
            }),
        );
        assert_eq!(browser.come_back(&house, &state).await.status, StatusCode::FOUND);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let house = Plan::default().build();
    house.zoom.answer(
        TOKEN,
        200,
        &json!({
            "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 3599, "scope": "user:read",
        }),
    );
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let reply = browser.come_back(&house, &state).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.body.contains("zoomapp:inmeeting") && reply.body.contains("scope_missing"));
}

#[tokio::test]
async fn without_a_deep_link_the_app_is_installed_all_the_same() {
    let house = Plan::default().build();
    house.zoom.answer(LINK, 500, &json!({}));
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    let reply = browser.come_back(&house, &state).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.body.contains("The app has been added to Zoom."));
    assert!(house.installations.of(&ZoomUserId::parse(USER).unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn mn_11_a_deep_link_that_leads_elsewhere_is_not_followed() {
    for link in ["https://evil.example/", "javascript:alert(1)", "https://zoom.us.evil.example/", "http://zoom.us/x"] {
        let house = Plan::default().build();
        house.zoom.answer(LINK, 200, &json!({ "deeplink": link }));
        let mut browser = Browser::default();
        let state = browser.begin(&house).await;
        let reply = browser.come_back(&house, &state).await;
        assert_eq!((reply.status, reply.header("location")), (StatusCode::OK, ""), "{link}");
        assert!(!reply.body.contains(link));
    }
}

#[tokio::test]
async fn mn_10_redirects_do_not_follow_the_host_of_the_request() {
    let house = Plan::default().build();
    for (name, value) in
        [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")]
    {
        for path in ["/zoom/install", "/zoom/callback?code=x"] {
            let request = crate::support::visit(path).header(name, value);
            let reply = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!(reply.status, StatusCode::FOUND);
            assert!(!reply.header("location").contains("evil"), "{}", reply.header("location"));
        }
    }
}

#[tokio::test]
async fn mn_24_a_head_request_neither_begins_nor_ends_an_install() {
    let house = Plan::default().build();
    let mut browser = Browser::default();
    let state = browser.begin(&house).await;
    for path in ["/zoom/install".to_owned(), format!("/zoom/callback?code=x&state={state}")] {
        let head = http::Request::head(&path).body(axum::body::Body::empty()).unwrap();
        let reply = house.send(head).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET"));
        assert!(reply.headers.get("set-cookie").is_none());
    }
    assert_eq!(house.zoom.calls(TOKEN), 0);
    assert_eq!(browser.come_back(&house, &state).await.status, StatusCode::FOUND);
}
