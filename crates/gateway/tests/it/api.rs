//! `/zoom/api/…`: who may call what of Zoom's API, and what becomes of its answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as Received;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use serde_json::{Value, json};
use stagedoor_flows::api::ApiAllow;
use stagedoor_gateway::RelayLimits;
use stagedoor_protocol::id::ZoomUserId;
use url::Url;

use crate::support::{House, PATIENCE, PUBLIC_URL, Plan, Reply, USER, Upstream, get, listen, nowhere};

mod callers;
mod tokens;

const ME: &str = "/zoom/api/v2/users/me";
const TOKEN: &str = "/oauth/token";
const RULES: [&str; 4] =
    ["GET /v2/users/me", "GET /v2/meetings/*", "POST /v2/users/me/meetings", "GET /v2/past_meetings/*/participants"];

/// Zoom's API as a function, and what was asked of it.
#[derive(Clone)]
struct ZoomApi {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(Uri, HeaderMap)>>>,
}

impl ZoomApi {
    async fn start(answer: impl Fn(usize, Received) -> Response + Clone + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, number) = (Arc::clone(&seen), Arc::new(AtomicUsize::new(0)));
        let fallback = move |request: Received| {
            kept.lock().unwrap().push((request.uri().clone(), request.headers().clone()));
            let response = answer(number.fetch_add(1, Ordering::Relaxed), request);
            async move { response }
        };
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(fallback)).await.unwrap() });
        Self { address, seen }
    }

    /// One that answers with the profile.
    async fn well() -> Self {
        Self::start(|_, _| profile()).await
    }

    fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn last(&self) -> (String, HeaderMap) {
        let (uri, headers) = self.seen.lock().unwrap().last().expect("the API was called").clone();
        (uri.to_string(), headers)
    }
}

fn profile() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json!({ "id": USER }).to_string()).into_response()
}

fn refusal(status: u16, code: i64, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let kind = [(header::CONTENT_TYPE, "application/json;charset=UTF-8")];
    (status, kind, json!({ "code": code, "message": message }).to_string()).into_response()
}

fn plan(api: &ZoomApi) -> Plan {
    let mut plan = Plan::default().with(|config| {
        config.api_allow = ApiAllow::parse(&RULES).unwrap();
        config.relay = RelayLimits { answer: 10 * PATIENCE, total: 10 * PATIENCE, ..RelayLimits::default() };
    });
    plan.api_host = Url::parse(&format!("http://{}", api.address)).unwrap();
    plan
}

/// A house with a user who has added the app, and the user's session.
async fn house(api: &ZoomApi) -> (House, String) {
    let house = plan(api).build();
    house.install().await;
    let session = house.session().await;
    (house, session)
}

async fn call(house: &House, path: &str, fields: &[(&str, &str)]) -> Reply {
    let request = fields.iter().fold(get(path), |request, (name, value)| request.header(*name, *value));
    house.send(request.body(Body::empty()).unwrap()).await
}

/// What a page of the app sends.
async fn from_page(house: &House, session: &str, path: &str) -> Reply {
    call(house, path, &[("cookie", session), ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "empty")]).await
}

fn problem(reply: &Reply) -> (u16, String) {
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!(reply.header("cache-control"), "no-store");
    (reply.status.as_u16(), reply.code())
}

async fn is_usable(house: &House) -> bool {
    house.installations.usable(&ZoomUserId::parse(USER).unwrap()).await.unwrap().is_some()
}

/// A user's answers to one call again and again, as Zoom's API gives them one after the other.
async fn ask_again(house: &House, session: &str) -> Reply {
    from_page(house, session, "/zoom/api/v2/meetings/1").await
}

#[tokio::test]
async fn a_page_calls_zooms_api_with_the_users_token() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    let reply = from_page(&house, &session, &format!("{ME}?fields=id")).await;
    assert_eq!((reply.status, reply.json()), (StatusCode::OK, json!({ "id": USER })));
    let (target, headers) = api.last();
    assert_eq!(target, "/v2/users/me?fields=id");
    assert_eq!(headers["authorization"], "Bearer canary-access-token");
    insta::assert_snapshot!(reply.shot(), @r#"
    200 OK
    cache-control: no-store
    content-length: 31
    content-security-policy: default-src 'none'; sandbox
    content-type: application/json
    cross-origin-resource-policy: same-origin
    x-content-type-options: nosniff
    x-request-id: [id]

    {"id":"77A6G6xIS62MkqTlFWJhbg"}
    "#);
}

#[tokio::test]
async fn a_page_schedules_a_meeting() {
    let api = ZoomApi::start(|_, _| (StatusCode::CREATED, "{\"id\":1}").into_response()).await;
    let (house, session) = house(&api).await;
    let request = Request::post("/zoom/api/v2/users/me/meetings")
        .header("cookie", &session)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json");
    let reply = house.send(request.body(Body::from("{\"topic\":\"Analysis\"}")).unwrap()).await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::CREATED, "{\"id\":1}"));
    assert_eq!(api.last().1["content-type"], "application/json");
}

#[tokio::test]
async fn nothing_is_called_that_the_operator_does_not_allow() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    for path in
        ["/zoom/api/v2/users", "/zoom/api/v2/users/me/token", "/zoom/api/oauth/token", "/zoom/api/v2/meetings/1/x"]
    {
        let reply = from_page(&house, &session, path).await;
        assert_eq!(problem(&reply), (403, "api_not_allowed".into()), "{path}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("app.api_allow"), "{}", reply.body);
    }
    let delete = Request::delete(ME).header("cookie", &session).header("sec-fetch-site", "same-origin");
    assert_eq!(problem(&house.send(delete.body(Body::empty()).unwrap()).await), (403, "api_not_allowed".into()));
    let trace = Request::builder().method("TRACE").uri(ME).header("cookie", &session).header("origin", PUBLIC_URL);
    assert_eq!(house.send(trace.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN);
    let mut closed = plan(&api);
    closed.config.api_allow = ApiAllow::default();
    let closed = closed.build();
    let session = closed.session().await;
    assert_eq!(problem(&from_page(&closed, &session, ME).await), (403, "api_not_allowed".into()));
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn mn_22_the_path_that_is_allowed_is_the_path_that_is_called() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    let uuid = "/v2/past_meetings/%252FajXp112QmuoKj4854875%253D%253D/participants";
    assert_eq!(from_page(&house, &session, &format!("/zoom/api{uuid}?page_size=3")).await.status, StatusCode::OK);
    assert_eq!(api.last().0, format!("{uuid}?page_size=3"), "byte by byte");
    let before = api.calls();
    for (path, status) in [
        ("/v2/meetings/%2Fusers", 400),
        ("/v2/meetings/..", 400),
        ("/v2/meetings/%2e%2e/users", 400),
        ("//v2/users/me", 400),
        ("/v2/meetings/..;/users", 400),
        ("/v2/meetings/%252e%252e%252fusers", 403),
        ("/v2/meetings/1%252Fregistrants", 403),
        ("/v2/users/%6De", 403),
        ("/V2/users/me", 403),
        ("/v2/users/me/", 403),
    ] {
        let reply = from_page(&house, &session, &format!("/zoom/api{path}")).await;
        assert_eq!(reply.status.as_u16(), status, "{path}");
    }
    assert_eq!(from_page(&house, &session, "/zoom/api").await.code(), "not_found");
    assert_eq!(api.calls(), before);
}

#[tokio::test]
async fn mn_20_neither_cookies_nor_anything_of_the_callers_identity_reaches_zoom() {
    let api = ZoomApi::well().await;
    let (house, session) = house(&api).await;
    let fields = [
        ("cookie", session.as_str()),
        ("cookie", "theirs=1"),
        ("sec-fetch-site", "same-origin"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-user", "eve"),
        ("x_forwarded_user", "eve"),
        ("x-stagedoor-type", "eve"),
        ("forwarded", "for=192.0.2.1"),
        ("x-http-method-override", "DELETE"),
        ("x-custom", "1"),
        ("connection", "x-custom"),
        ("accept", "application/json"),
    ];
    assert_eq!(call(&house, ME, &fields).await.status, StatusCode::OK);
    let headers = api.last().1;
    let mut names: Vec<_> = headers.keys().map(header::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "authorization", "host", "user-agent"]);
}

#[tokio::test]
async fn mn_32_failures_of_zoom_are_told_in_our_words() {
    let page = |status: u16| {
        let kind = [(header::CONTENT_TYPE, "text/html")];
        (StatusCode::from_u16(status).unwrap(), kind, "<h1>secret detail</h1>").into_response()
    };
    let api = ZoomApi::start(move |number, _| match number {
        0 => page(500),
        1 => page(503),
        2 => page(403),
        3 => refusal(400, 4711, "Invalid access token, does not contain scopes:[meeting:read:meeting]."),
        4 => refusal(400, 4700, "Unauthorized."),
        _ => refusal(404, 3001, "Meeting does not exist: 1."),
    })
    .await;
    let (house, session) = house(&api).await;
    for (status, code) in [(503, "zoom_unavailable"), (503, "zoom_unavailable"), (502, "zoom_bad_answer")] {
        let reply = ask_again(&house, &session).await;
        assert_eq!(problem(&reply), (status, code.into()));
        assert!(!reply.body.contains("secret detail"), "{}", reply.body);
    }
    let scope = ask_again(&house, &session).await;
    assert_eq!(problem(&scope), (403, "scope_missing".into()));
    assert!(scope.json()["detail"].as_str().unwrap().contains("meeting:read:meeting"), "{}", scope.body);
    assert_eq!(scope.json()["install"], format!("{PUBLIC_URL}/zoom/install"));
    assert_eq!(problem(&ask_again(&house, &session).await), (403, "scope_missing".into()));
    let missing = ask_again(&house, &session).await;
    assert_eq!(
        (missing.status, missing.json()["code"].as_i64()),
        (StatusCode::NOT_FOUND, Some(3001)),
        "that is the answer"
    );
    assert!(is_usable(&house).await);
}

#[tokio::test]
async fn mn_13_no_answer_holds_the_token() {
    let api = ZoomApi::start(|number, request| {
        let token = request.headers()["authorization"].to_str().unwrap().to_owned();
        match number {
            0 => ([("x-zm-trackingid", token)], "{}").into_response(),
            1 => refusal(400, 300, &token),
            _ => token.into_response(),
        }
    })
    .await;
    let (house, session) = house(&api).await;
    let reply = from_page(&house, &session, ME).await;
    assert!(!format!("{:?}", reply.headers).contains("canary"), "{:?}", reply.headers);
    let gateway = house.run().await;
    for _ in 0..2 {
        let request = format!("GET {ME} HTTP/1.1\r\nHost: a\r\nCookie: {session}\r\nConnection: close\r\n\r\n");
        let answer = crate::support::raw(gateway.address, request.as_bytes()).await;
        assert!(!answer.contains("canary") && !answer.contains("\r\n0\r\n"), "cut off before its end: {answer}");
    }
    assert_eq!(api.calls(), 3);
}

#[tokio::test]
async fn zoom_hanging_is_said_within_the_deadline_and_slows_nothing_else() {
    let silent = listen().await;
    let api = ZoomApi { address: silent.local_addr().unwrap(), seen: Arc::default() };
    let (house, session) = self::house(&api).await;
    // Nothing of this ends by itself, so whoever waited for it would wait for ever.
    let hanging = join_all((0..32).map(|_| from_page(&house, &session, ME)));
    let others = async {
        for _ in 0..50 {
            assert_eq!(call(&house, "/zoom/session", &[("cookie", &session)]).await.status, StatusCode::OK);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = hanging => panic!("Zoom does not hang"),
        ended = tokio::time::timeout(PATIENCE, others) => ended.expect("others do not wait"),
    }

    let mut hasty = plan(&api);
    hasty.config.relay.answer = Duration::from_millis(500);
    let hasty = hasty.build();
    hasty.install().await;
    let session = hasty.session().await;
    let replies = join_all((0..32).map(|_| from_page(&hasty, &session, ME)));
    for reply in tokio::time::timeout(PATIENCE, replies).await.expect("the deadline of half a second") {
        assert_eq!(problem(&reply), (504, "zoom_timeout".into()));
    }
    let (_socket, address) = nowhere();
    let nowhere = ZoomApi { address, seen: Arc::default() };
    let (house, session) = self::house(&nowhere).await;
    assert_eq!(problem(&from_page(&house, &session, ME).await), (502, "zoom_unreachable".into()));
}

#[tokio::test]
async fn mn_33_one_user_has_so_many_calls_at_once() {
    let silent = listen().await;
    let api = ZoomApi { address: silent.local_addr().unwrap(), seen: Arc::default() };
    let (house, session) = house(&api).await;
    let mut calls: FuturesUnordered<_> = (0..40).map(|_| from_page(&house, &session, ME)).collect();
    for _ in 0..8 {
        let refused = tokio::time::timeout(PATIENCE, calls.next()).await.expect("a refusal at once").unwrap();
        assert_eq!(refused.code(), "too_many_calls");
    }
    let more = tokio::time::timeout(Duration::from_millis(200), calls.next()).await;
    assert!(more.is_err(), "32 are under way");
}

#[tokio::test]
async fn calls_are_counted_by_what_came_of_them() {
    let api = ZoomApi::start(|number, _| match number {
        0 => profile(),
        1 => refusal(404, 3001, "Meeting does not exist: canary-meeting."),
        2 => refusal(429, 429, "Later."),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    })
    .await;
    let (house, session) = house(&api).await;
    for _ in 0..4 {
        from_page(&house, &session, "/zoom/api/v2/meetings/canary-meeting").await;
    }
    from_page(&house, &session, "/zoom/api/v2/canary-path").await;
    let request = get("/metrics").body(Body::empty()).unwrap();
    let metrics = tower::ServiceExt::oneshot(house.gateway.admin_router(), request).await.unwrap();
    let metrics = axum::body::to_bytes(metrics.into_body(), 1 << 20).await.unwrap();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    for outcome in ["answered", "refused", "rate_limited", "failed", "denied"] {
        let line = format!("stagedoor_api_calls_total{{outcome=\"{outcome}\"}} 1");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("canary"), "mn_12: {metrics}");
}
