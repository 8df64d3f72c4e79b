//! `/zoom/connect/…`: third-party OAuth over HTTP, from the page's request to the launch that claims.

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use stagedoor_protocol::id::ZoomUserId;
use url::Url;

use crate::support::{House, Plan, Reply, USER, get, listen, visit};

const ACME: &str = "/zoom/connect/acme";
const TOKEN: &str = "/acme/token";
const LINK: &str = "/v2/zoomapp/deeplink";

/// A page of the app, in a session.
struct Page {
    cookie: String,
}

impl Page {
    /// The user has added the app and opened it.
    async fn of_user(house: &House) -> Self {
        house.install().await;
        Self { cookie: house.session().await }
    }

    async fn send(&self, house: &House, method: Method, path: &str) -> Reply {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &self.cookie);
        house.send(request.header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap()).await
    }

    async fn begin(&self, house: &House) -> String {
        let reply = self.send(house, Method::POST, ACME).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let url = Url::parse(reply.json()["authorizeUrl"].as_str().unwrap()).unwrap();
        url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
    }

    async fn state(&self, house: &House) -> Value {
        self.send(house, Method::GET, ACME).await.json()
    }

    /// The client opens the app by a deep link, with its cookie.
    async fn relaunch(&mut self, house: &House, action: &str) -> Reply {
        let context = house.context_with(&json!({ "act": action }));
        let request = visit("/").header("x-zoom-app-context", context).header(header::COOKIE, &self.cookie);
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        self.cookie = format!("__Host-stagedoor={}", reply.cookie("__Host-stagedoor").unwrap());
        reply
    }

    /// All thirteen steps.
    async fn connect(&mut self, house: &House) {
        let state = self.begin(house).await;
        come_back(house, &state).await;
        self.relaunch(house, &action(house)).await;
    }
}

/// The external browser comes back from the provider; it has no cookie.
async fn come_back(house: &House, state: &str) -> Reply {
    house.visit(&format!("{ACME}/callback?code=canary-provider-code&state={state}")).await
}

/// The action that Zoom was asked to put into a deep link last.
fn action(house: &House) -> String {
    let body: Value = serde_json::from_str(&house.zoom.last_body(LINK)).unwrap();
    body["action"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_ends_in_the_session_that_began_it() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    let begun = page.send(&house, Method::POST, ACME).await;
    assert_eq!(begun.header("cache-control"), "no-store");
    let state = page.begin(&house).await;
    assert_eq!(page.state(&house).await["attempt"], "pending");

    let back = come_back(&house, &state).await;
    assert_eq!(
        (back.status, back.header("location")),
        (StatusCode::FOUND, "https://zoom.us/launch/chatapp/canary-deep-link")
    );
    assert_eq!((back.header("cache-control"), back.header("referrer-policy")), ("no-store", "no-referrer"));
    assert_eq!(house.zoom.calls(TOKEN), 0, "mn_08: nothing is exchanged in the browser");

    let opened = page.relaunch(&house, &action(&house)).await;
    assert_eq!(opened.status, StatusCode::OK);
    let mut told = page.state(&house).await;
    told["connectedAt"] = "[instant]".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&told).unwrap(), @r#"
    {
      "account": null,
      "attempt": null,
      "connected": true,
      "connectedAt": "[instant]",
      "provider": "acme",
      "reauthorize": false,
      "scopes": [
        "notes"
      ]
    }
    "#);
    let session = page.send(&house, Method::GET, "/zoom/session").await.json();
    assert_eq!(session["connections"], json!([{ "provider": "acme", "account": null }]));
    assert_eq!(session["action"], Value::Null, "mn_07: the handle is no page's business");
}

#[tokio::test]
async fn a_page_in_the_web_client_claims_with_the_context_it_hands_over() {
    let house = Plan::default().build();
    let page = Page::of_user(&house).await;
    let state = page.begin(&house).await;
    come_back(&house, &state).await;
    let context = house.context_with(&json!({ "act": action(&house) }));
    let request = get("/zoom/context").header("x-stagedoor-context", context).header(header::COOKIE, &page.cookie);
    let reply = house.send(request.header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap()).await;
    assert_eq!(reply.json()["connections"][0]["provider"], "acme");
}

#[tokio::test]
async fn only_a_page_of_ours_begins_or_ends_and_only_by_its_method() {
    let house = Plan::default().build();
    let page = Page::of_user(&house).await;
    for method in [Method::POST, Method::DELETE] {
        let anonymous = Request::builder().method(&method).uri(ACME).body(Body::empty()).unwrap();
        assert_eq!(house.send(anonymous).await.code(), "session_required");
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-nothing", "1")]
        {
            let foreign = Request::builder().method(&method).uri(ACME).header(header::COOKIE, &page.cookie);
            let reply = house.send(foreign.header(name, value).body(Body::empty()).unwrap()).await;
            assert_eq!((reply.status, reply.code()), (StatusCode::FORBIDDEN, "cross_site".into()), "{name}");
        }
    }
    let put = page.send(&house, Method::PUT, ACME).await;
    assert_eq!((put.status, put.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, POST, DELETE"));
    for method in [Method::POST, Method::HEAD] {
        let reply = page.send(&house, method, &format!("{ACME}/callback?code=c&state=s")).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_guest_and_a_user_without_the_app_are_asked_to_install_first() {
    let house = Plan::default().build();
    let stranger = Page { cookie: house.session().await };
    let reply = stranger.send(&house, Method::POST, ACME).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::CONFLICT, "install_required".into()));
    assert_eq!(reply.json()["install"], "https://app.example.com/zoom/install");
    assert_eq!(stranger.state(&house).await["connected"], false);
    let unknown = stranger.send(&house, Method::POST, "/zoom/connect/nobody").await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "provider_unknown".into()));
}

#[tokio::test]
async fn what_the_external_browser_sees_is_plain_and_says_what_to_do() {
    let house = Plan::default().build();
    let page = Page::of_user(&house).await;
    let state = page.begin(&house).await;
    come_back(&house, &state).await;
    let again = come_back(&house, &state).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(again.body.contains("This sign-in has arrived already") && !again.body.contains("canary"));
    let over = house.visit(&format!("{ACME}/callback?code=c&state=nobody-began-this")).await;
    assert_eq!(over.status, StatusCode::BAD_REQUEST);
    assert!(over.body.contains("This sign-in is over.") && over.body.contains("Go back to Zoom"));
    assert_eq!(over.header("cache-control"), "no-store");
    assert!(over.header("content-security-policy").starts_with("default-src 'none'"));
    for query in ["", "code=a&code=b&state=s", "state=%00", "code=c%0d%0a&state=s"] {
        let odd = house.visit(&format!("{ACME}/callback?{query}")).await;
        assert_eq!(odd.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_our_own_words_and_never_in_the_providers() {
    let house = Plan::default().build();
    let page = Page::of_user(&house).await;
    let state = page.begin(&house).await;
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let query = format!("error=access_denied&error_description={script}&error_uri={script}&state={state}");
    let denied = house.visit(&format!("{ACME}/callback?{query}")).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    assert!(denied.body.contains("You have said no") && !denied.body.to_lowercase().contains("script>"));
    assert_eq!(page.state(&house).await["attempt"], "declined");
}

#[tokio::test]
async fn a_link_into_the_clients_own_scheme_leaves_a_page_behind() {
    let house = Plan::default().build();
    let page = Page::of_user(&house).await;
    let state = page.begin(&house).await;
    house.zoom.answer(LINK, 200, &json!({ "deeplink": "zoommtg://zoom.us/launch?action=go&x=%22" }));
    let back = come_back(&house, &state).await;
    assert_eq!(back.status, StatusCode::OK);
    assert_eq!(back.header("refresh"), "0;url=zoommtg://zoom.us/launch?action=go&x=%22");
    assert!(
        back.body.contains("You are signed in")
            && back.body.contains(r#"href="zoommtg://zoom.us/launch?action=go&#38;x=%22""#)
    );
}

#[tokio::test]
async fn mn_11_a_link_that_does_not_lead_to_zoom_is_not_followed() {
    for link in ["https://evil.example/", "javascript:alert(1)", "http://zoom.us/x", "https://zoom.us@evil.example/"] {
        let house = Plan::default().build();
        let page = Page::of_user(&house).await;
        let state = page.begin(&house).await;
        house.zoom.answer(LINK, 200, &json!({ "deeplink": link }));
        let back = come_back(&house, &state).await;
        assert_eq!((back.status, back.header("location")), (StatusCode::BAD_GATEWAY, ""), "{link}");
    }
}

#[tokio::test]
async fn a_claim_that_fails_opens_the_app_all_the_same() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    let state = page.begin(&house).await;
    come_back(&house, &state).await;
    house.zoom.time_out(TOKEN);
    let opened = page.relaunch(&house, &action(&house)).await;
    assert_eq!(opened.status, StatusCode::OK);
    let state = page.state(&house).await;
    assert_eq!((&state["connected"], &state["attempt"]), (&json!(false), &json!("failed")));
}

#[tokio::test]
async fn a_launch_without_an_action_of_ours_touches_neither_store_nor_network() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    let before = house.zoom.calls(TOKEN) + house.zoom.calls(LINK);
    for action in ["installed", "stagedoor.connect.", "go"] {
        assert_eq!(page.relaunch(&house, action).await.status, StatusCode::OK);
    }
    assert_eq!(house.zoom.calls(TOKEN) + house.zoom.calls(LINK), before);
}

#[tokio::test]
async fn disconnecting_revokes_and_forgets() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    page.connect(&house).await;
    let gone = page.send(&house, Method::DELETE, ACME).await;
    assert_eq!(gone.json(), json!({ "provider": "acme", "connected": false, "revoked": true }));
    assert!(house.zoom.last_body("/acme/revoke").contains("token=canary-provider-refresh"));
    assert_eq!(page.state(&house).await["connected"], false);
    let again = page.send(&house, Method::DELETE, ACME).await;
    assert_eq!(again.json()["revoked"], false);
}

#[tokio::test]
async fn a_deauthorised_user_has_no_connection_left() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    page.connect(&house).await;
    house.installations.revoke(&ZoomUserId::parse(USER).unwrap()).await.unwrap();
    house.clock.advance_seconds(1);
    let page = Page { cookie: house.session().await };
    assert_eq!(page.state(&house).await["connected"], false);
}

/// The third party's API: tells what it was asked with.
async fn api() -> Url {
    let echo = async |request: axum::extract::Request| {
        let authorization =
            request.headers().get("authorization").is_some_and(|value| value == "Bearer canary-provider-access");
        let cookies = request.headers().contains_key("cookie");
        let seen = json!({ "target": request.uri().to_string(), "authorized": authorization, "cookies": cookies });
        ([("content-type", "application/json"), ("set-cookie", "a=b")], seen.to_string()).into_response()
    };
    let listener = listen().await;
    let url = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
    url
}

#[tokio::test]
async fn the_providers_api_is_called_with_the_users_token_below_its_base_alone() {
    let house = Plan { acme_api: Some(api().await), ..Plan::default() }.build();
    let mut page = Page::of_user(&house).await;
    let early = page.send(&house, Method::GET, &format!("{ACME}/api/notes")).await;
    assert_eq!((early.status, early.code()), (StatusCode::CONFLICT, "not_connected".into()));
    page.connect(&house).await;
    let reply = page.send(&house, Method::GET, &format!("{ACME}/api/notes?page=2")).await;
    assert_eq!(reply.json(), json!({ "target": "/v1/notes?page=2", "authorized": true, "cookies": false }));
    assert!(reply.headers.get("set-cookie").is_none(), "mn_20");
    let escaped = page.send(&house, Method::GET, "/zoom/connect/%61cme/api/notes").await;
    assert_eq!(escaped.code(), "provider_unknown", "mn_22: {}", escaped.body);
    for path in ["api/../v2/notes", "api/%2e%2e/v2", "api//notes", "api/%2fnotes"] {
        let reply = page.send(&house, Method::GET, &format!("{ACME}/{path}")).await;
        assert!(reply.status.is_client_error(), "{path}: {} {}", reply.status, reply.body);
    }
    let foreign = get(&format!("{ACME}/api/notes")).header(header::COOKIE, &page.cookie);
    let foreign = house.send(foreign.header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap()).await;
    assert_eq!(foreign.code(), "cross_site");
    let anonymous = house.get(&format!("{ACME}/api/notes")).await;
    assert_eq!(anonymous.code(), "session_required");
}

#[tokio::test]
async fn a_provider_without_an_api_setting_is_not_called() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    page.connect(&house).await;
    let reply = page.send(&house, Method::GET, &format!("{ACME}/api/notes")).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::NOT_FOUND, "api_not_allowed".into()));
}

#[tokio::test]
async fn mn_13_no_token_code_or_handle_reaches_a_browser() {
    let house = Plan::default().build();
    let mut page = Page::of_user(&house).await;
    let state = page.begin(&house).await;
    let mut seen = vec![come_back(&house, &state).await, come_back(&house, &state).await];
    let action = action(&house);
    seen.push(page.relaunch(&house, &action).await);
    for path in [ACME, "/zoom/session"] {
        seen.push(page.send(&house, Method::GET, path).await);
    }
    seen.push(page.send(&house, Method::DELETE, ACME).await);
    for reply in &seen {
        let shown = format!("{:?}{}", reply.headers, reply.body);
        assert!(!shown.contains("canary-provider"), "{shown}");
        assert!(!shown.contains(&action), "{shown}");
    }
}
