//! `/zoom/cobrowse/token`: tokens for customers, agents and servers.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_flows::cobrowse::{ApiKey, ApiKeyTerms, Cobrowse, CobrowseTerms, PerMinute};
use stagedoor_flows::port::Clock;
use stagedoor_gateway::{Config, SystemEntropy};
use stagedoor_protocol::cobrowse::{CobrowseKey, Lifetime, Role};
use stagedoor_protocol::id::{SdkKey, ZoomUserId};
use stagedoor_protocol::secret::SdkSecret;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::support::{House, Plan, Reply, USER, Upstream, log_to, visit};

const SITE: &str = "https://www.example.com";
const PATH: &str = "/zoom/cobrowse/token";
const JSON: (&str, &str) = ("content-type", "application/json");
const CUSTOMER: &str = r#"{"role":1}"#;
const AGENT: &str = r#"{"role":2}"#;

fn terms() -> CobrowseTerms {
    CobrowseTerms {
        origins: vec![SITE.into()],
        agents: vec![ZoomUserId::parse(USER).unwrap()],
        api_keys: vec![ApiKeyTerms {
            name: "desk".into(),
            hash: ApiKey::from_bytes([1; 32]).hash(),
            roles: vec![Role::Customer, Role::Agent],
            per_minute: PerMinute::of(1000),
        }],
        page_lifetime: Lifetime::DEFAULT,
        per_address: PerMinute::of(5),
        all_pages: PerMinute::of(1000),
    }
}

fn cobrowse_with(terms: CobrowseTerms, clock: Arc<dyn Clock>) -> Cobrowse {
    let key = CobrowseKey::new(SdkKey::parse("an-sdk-key").unwrap(), &SdkSecret::new("canary-sdk-secret"));
    Cobrowse::new(key, terms, clock, Arc::new(SystemEntropy))
}

fn cobrowse(clock: Arc<dyn Clock>) -> Cobrowse {
    cobrowse_with(terms(), clock)
}

/// Beside a Zoom App.
fn plan() -> Plan {
    Plan::default().flows(|flows, clock| flows.cobrowse = Some(cobrowse(clock)))
}

/// Without one.
fn alone() -> House {
    Plan::alone(|flows, clock| flows.cobrowse = Some(cobrowse(clock))).build()
}

async fn send(house: &House, method: Method, path: &str, fields: &[(&str, &str)], body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    house.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn post(house: &House, fields: &[(&str, &str)], body: &str) -> Reply {
    let fields: Vec<_> = fields.iter().copied().chain([JSON]).collect();
    send(house, Method::POST, PATH, &fields, body).await
}

fn claims(reply: &Reply) -> Value {
    let json = reply.json();
    let token = json["token"].as_str().unwrap_or_else(|| panic!("no token: {}", reply.shot()));
    assert_eq!(json.as_object().unwrap().len(), 1);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn bearer() -> String {
    format!("Bearer {}", ApiKey::from_bytes([1; 32]).expose())
}

#[tokio::test]
async fn the_answers_as_they_stand_on_the_wire() {
    let house = alone();
    let issued = post(&house, &[("origin", SITE)], r#"{"role":1,"userName":"Ada"}"#).await;
    let token = issued.json()["token"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(issued.shot().replace(&token, "[jwt]"), @r#"
    200 OK
    access-control-allow-origin: https://www.example.com
    cache-control: no-store
    content-type: application/json
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]

    {"token":"[jwt]"}
    "#);
    let wrong = r#"{"role":9,"userId":1,"userName":"","expirationSeconds":5,"enableByop":true,"x":1}"#;
    insta::assert_snapshot!(post(&house, &[("origin", SITE)], wrong).await.shot(), @r#"
    400 Bad Request
    access-control-allow-origin: https://www.example.com
    cache-control: no-store
    content-type: application/json
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]

    {"errors":[{"property":"role","reason":"Value is not valid. Got 9, expected 1,2"},{"property":"userId","reason":"Value 1 not allowed, must be of type string"},{"property":"userName","reason":"Value is empty"},{"property":"expirationSeconds","reason":"Value must be a whole number between 1800 and 172800"},{"property":"enableByop","reason":"Value true not allowed, must be of type number"},{"property":"x","reason":"Property not known, expected role,userId,userName,expirationSeconds,enableByop"}]}
    "#);
    insta::assert_snapshot!(post(&house, &[("origin", SITE)], AGENT).await.shot(), @r#"
    401 Unauthorized
    access-control-allow-origin: https://www.example.com
    cache-control: no-store
    content-type: application/problem+json
    vary: Origin
    www-authenticate: Bearer
    x-content-type-options: nosniff
    x-request-id: [id]

    {"type":"about:blank","title":"Unauthorized","status":401,"code":"authentication_required","detail":"This token is for somebody who proves who they are. Send a session of an agent or an API key; a page of a listed site can ask for role 1.","requestId":"[id]"}
    "#);
    let preflight = [("origin", SITE), ("access-control-request-method", "POST")];
    insta::assert_snapshot!(send(&house, Method::OPTIONS, PATH, &preflight, "").await.shot(), @r#"
    204 No Content
    access-control-allow-headers: content-type
    access-control-allow-methods: POST
    access-control-allow-origin: https://www.example.com
    access-control-max-age: 600
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]
    "#);
}

#[tokio::test]
async fn an_agent_in_zoom_gets_an_agent_token_for_the_page_of_the_app() {
    let house = plan().build();
    let session = house.session().await;
    for fields in [
        vec![("cookie", session.as_str()), ("sec-fetch-site", "same-origin"), ("origin", "https://app.example.com")],
        vec![("cookie", session.as_str()), ("origin", "https://app.example.com")],
    ] {
        let reply = post(&house, &fields, AGENT).await;
        assert_eq!((reply.status, &claims(&reply)["role_type"]), (StatusCode::OK, &json!(2)), "{fields:?}");
        assert_eq!(reply.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn mn_18_a_session_counts_only_on_a_request_of_our_own_pages() {
    let house = plan().build();
    let session = house.session().await;
    for fields in [
        vec![],
        vec![("origin", SITE)],
        vec![("origin", SITE), ("sec-fetch-site", "cross-site")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://app.example.com")],
        vec![("sec-fetch-site", "none")],
    ] {
        let fields: Vec<_> = fields.into_iter().chain([("cookie", session.as_str())]).collect();
        let reply = post(&house, &fields, AGENT).await;
        assert!(matches!(reply.status.as_u16(), 401 | 403), "{fields:?}: {}", reply.shot());
        assert!(!reply.body.contains("eyJ"), "{fields:?}");
    }
}

#[tokio::test]
async fn a_user_who_is_no_agent_gets_nothing() {
    let house = plan().build();
    let context = house.context_with(&json!({"uid": "somebody-else"}));
    let launched = house.send(visit("/").header("x-zoom-app-context", context).body(Body::empty()).unwrap()).await;
    let cookie = format!("__Host-stagedoor={}", launched.cookie("__Host-stagedoor").unwrap());
    for body in [CUSTOMER, AGENT] {
        let reply = post(&house, &[("cookie", &cookie), ("origin", "https://app.example.com")], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::FORBIDDEN, "not_an_agent"));
    }
}

#[tokio::test]
async fn an_upstream_acts_for_the_agent_whose_assertion_it_has() {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).flows(|flows, clock| flows.cobrowse = Some(cobrowse(clock))).build();
    let echoed = house.launch("/echo").await.json();
    let assertion = echoed["headers"].as_array().unwrap().iter().find(|field| field[0] == "x-stagedoor-assertion");
    let assertion = assertion.unwrap()[1].as_str().unwrap().to_owned();
    let reply = post(&house, &[("x-stagedoor-assertion", &assertion)], AGENT).await;
    assert_eq!(claims(&reply)["role_type"], 2);
    for wrong in ["", "x", &assertion[..assertion.len() - 2]] {
        let reply = post(&house, &[("x-stagedoor-assertion", wrong), ("origin", SITE)], CUSTOMER).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::FORBIDDEN, "assertion_invalid"), "{wrong}");
    }
    house.clock.advance_seconds(61);
    let reply = post(&house, &[("x-stagedoor-assertion", &assertion)], AGENT).await;
    assert_eq!(reply.code(), "assertion_expired");
}

#[tokio::test]
async fn a_server_with_a_key_gets_what_it_asks_for() {
    for house in [alone(), plan().build()] {
        let body = r#"{"role":2,"userId":"agent-1","userName":"Grace","expirationSeconds":172800}"#;
        let reply = post(&house, &[("authorization", &bearer())], body).await;
        let said = claims(&reply);
        assert_eq!((&said["user_id"], &said["user_name"]), (&json!("agent-1"), &json!("Grace")));
        assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 172_800);
    }
}

#[tokio::test]
async fn mn_23_a_wrong_credential_is_401_whoever_else_it_might_be() {
    let house = plan().build();
    let session = house.session().await;
    let (key, other) = (bearer(), format!("Bearer {}", ApiKey::from_bytes([2; 32]).expose()));
    for wrong in ["", "Bearer", "Bearer x", "Basic eDp5", &key.replace("Bearer ", ""), &key.to_uppercase(), &other] {
        let fields = [
            ("authorization", wrong),
            ("origin", SITE),
            ("cookie", session.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        let reply = post(&house, &fields, CUSTOMER).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{wrong}: {}", reply.shot());
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    let twice = [("authorization", key.as_str()), ("authorization", key.as_str())];
    assert_eq!(post(&house, &twice, CUSTOMER).await.status, StatusCode::UNAUTHORIZED);
}

/// The status of a cell of the matrix below.
fn expected(method: &str, credential: &str, sender: &str, body: &str) -> u16 {
    match (method, credential, sender) {
        ("POST", "an API key", _) => 200,
        ("POST", _, "listed") if credential == "nothing" && body == CUSTOMER => 200,
        ("POST", "a wrong key", _) | ("POST", _, "listed" | "silent" | "ours") => 401,
        ("OPTIONS", _, "listed" | "silent" | "ours") => 204,
        ("POST" | "OPTIONS", ..) => 403,
        _ => 405,
    }
}

#[tokio::test]
async fn mn_19_origin_by_credentials_by_method_every_cell_is_as_it_is_written() {
    type Fields = &'static [(&'static str, &'static str)];
    let house = Plan::alone(|flows, clock| {
        let terms = CobrowseTerms { per_address: PerMinute::of(10_000), ..terms() };
        flows.cobrowse = Some(cobrowse_with(terms, clock));
    })
    .build();
    let key = bearer();
    let credentials = [("nothing", None), ("an API key", Some(key.as_str())), ("a wrong key", Some("Bearer nobody"))];
    let senders: [(&str, Fields, &str); 13] = [
        ("the site", &[("origin", SITE), ("sec-fetch-site", "cross-site")], "listed"),
        ("the site in an old browser", &[("origin", SITE)], "listed"),
        ("our own page", &[("origin", "https://app.example.com"), ("sec-fetch-site", "same-origin")], "ours"),
        ("another site", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], "other"),
        ("a name that begins like the site", &[("origin", "https://www.example.com.evil.example")], "other"),
        ("the site without TLS", &[("origin", "http://www.example.com")], "other"),
        ("the site in capitals", &[("origin", "https://WWW.EXAMPLE.COM")], "other"),
        ("the site with its port", &[("origin", "https://www.example.com:443")], "other"),
        ("a sandboxed frame", &[("origin", "null")], "other"),
        ("a file", &[("origin", "file://")], "other"),
        ("an origin of nothing", &[("origin", "")], "other"),
        ("two origins", &[("origin", SITE), ("origin", "https://evil.example")], "other"),
        ("a program", &[], "silent"),
    ];
    for (who, fields, kind) in senders {
        for (what, credential) in credentials {
            for (method, body) in [
                ("POST", CUSTOMER),
                ("POST", AGENT),
                ("OPTIONS", ""),
                ("GET", ""),
                ("HEAD", ""),
                ("PUT", CUSTOMER),
                ("DELETE", ""),
            ] {
                let credential = credential.map(|value| ("authorization", value));
                let fields: Vec<_> = fields.iter().copied().chain(credential).chain([JSON]).collect();
                let reply = send(&house, method.parse().unwrap(), PATH, &fields, body).await;
                let cell = format!("{who}, {what}, {method} {body}: {}", reply.shot());

                let expected = expected(method, what, kind, body);
                assert_eq!(reply.status.as_u16(), expected, "{cell}");
                assert_eq!(reply.body.contains("eyJ"), expected == 200, "{cell}");
                let origin = if kind == "listed" { SITE } else { "" };
                assert_eq!(reply.header("access-control-allow-origin"), origin, "{cell}");
                assert_eq!(reply.header("access-control-allow-credentials"), "", "{cell}");
                assert_eq!(reply.header("vary"), "Origin", "{cell}");
                assert!(expected == 204 || reply.header("cache-control") == "no-store", "{cell}");
                assert!(reply.headers.values().all(|value| value != "*"), "{cell}");
            }
        }
    }
}

#[tokio::test]
async fn mn_31_bodies_are_read_strictly_and_a_refusal_is_clear() {
    let house = alone();
    let large = format!(r#"{{"role":1,"userName":"{}"}}"#, "x".repeat(1024 * 1024));
    let key = bearer();
    for (kind, body, status, says) in [
        ("application/json", r#"{"role":"2junk"}"#, 400, "must be of type number"),
        ("application/json", r#"{"role":1,"role":2}"#, 400, "present more than once"),
        ("application/json", r#"{"role":2,"expirationSeconds":1799}"#, 400, "between 1800 and 172800"),
        ("application/json", r#"{"role":2,"expirationSeconds":172801}"#, 400, "between 1800 and 172800"),
        ("application/json", r#"{"role":2,"expirationSeconds":1800}"#, 200, "token"),
        ("application/json; charset=utf-8", r#"{"role":2,"expirationSeconds":172800}"#, 200, "token"),
        ("application/json", r#"{"role":1,"admin":true}"#, 400, "not known"),
        ("application/json", "[]", 400, "not a JSON object"),
        ("application/json", "", 400, "not a JSON object"),
        ("application/json", &large, 413, "body_too_large"),
        ("text/plain", CUSTOMER, 415, "json_required"),
        ("application/x-www-form-urlencoded", "role=1", 415, "json_required"),
    ] {
        let fields = [("content-type", kind), ("authorization", key.as_str())];
        let reply = send(&house, Method::POST, PATH, &fields, body).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(reply.status.as_u16(), status, "{kind} {shown}: {}", reply.body);
        assert!(reply.body.contains(says) && reply.body.len() < 600, "{kind} {shown}: {}", reply.body);
    }
}

#[tokio::test]
async fn mn_21_pages_are_limited_by_the_address_that_a_trusted_proxy_names() {
    let ask = async |house: &House, forwarded: &str| {
        post(house, &[("origin", SITE), ("x-forwarded-for", forwarded)], CUSTOMER).await
    };
    let house = alone();
    for at in 0..5 {
        assert_eq!(ask(&house, &format!("192.0.2.{at}")).await.status, StatusCode::OK);
    }
    let reply = ask(&house, "192.0.2.9").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_tokens"));
    assert_eq!(reply.header("retry-after"), "13");
    assert_eq!(reply.header("access-control-allow-origin"), SITE);
    house.clock.advance_seconds(13);
    assert_eq!(ask(&house, "192.0.2.9").await.status, StatusCode::OK);

    let trusting = Plan::alone(|flows, clock| flows.cobrowse = Some(cobrowse(clock)))
        .with(|config: &mut Config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()])
        .build();
    for _ in 0..5 {
        assert_eq!(ask(&trusting, "192.0.2.1").await.status, StatusCode::OK);
    }
    assert_eq!(ask(&trusting, "192.0.2.1").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(&trusting, "192.0.2.2").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_front_end_of_the_sample_finds_its_address_where_that_is_wanted() {
    let at_root = |on: bool| plan().with(move |config| config.cobrowse_at_root = on).build();
    let house = at_root(true);
    let reply = send(&house, Method::POST, "/", &[("origin", SITE), JSON], CUSTOMER).await;
    assert_eq!(claims(&reply)["role_type"], 1);
    let preflight = [("origin", SITE), ("access-control-request-method", "POST")];
    let reply = send(&house, Method::OPTIONS, "/", &preflight, "").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (StatusCode::NO_CONTENT, SITE));
    assert_eq!(send(&house, Method::POST, "/", &[JSON], AGENT).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.launch("/").await.status, StatusCode::OK, "the app is still there");
    let off = at_root(false);
    let reply = send(&off, Method::POST, "/", &[("origin", SITE), JSON], CUSTOMER).await;
    assert!(!reply.body.contains("token") && reply.status != StatusCode::OK, "{}", reply.shot());
    let reply = send(&alone(), Method::POST, "/", &[("origin", SITE), JSON], CUSTOMER).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.shot());
}

#[tokio::test]
async fn without_settings_there_is_no_such_route() {
    let house = Plan::default().build();
    let reply = post(&house, &[("origin", SITE)], CUSTOMER).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (StatusCode::NOT_FOUND, ""));
}

/// Keeps what is logged for auditors.
#[derive(Clone, Default)]
struct Audit(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Audit {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                use std::fmt::Write as _;
                write!(self.0, "{}={value:?} ", field.name()).unwrap();
            }
        }
        let mut line = Line(format!("{} ", event.metadata().target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

#[tokio::test]
async fn mn_12_every_token_leaves_a_line_without_the_token() {
    let audit = Audit::default();
    let _guard = log_to(tracing_subscriber::registry().with(audit.clone()));
    let house = alone();
    let page = post(&house, &[("origin", SITE)], r#"{"role":1,"userName":"Ada"}"#).await;
    let server = post(&house, &[("authorization", &bearer())], r#"{"role":2,"userId":"agent-1"}"#).await;
    post(&house, &[("origin", SITE)], AGENT).await;
    let lines = audit.0.lock().unwrap().clone();
    let audited: Vec<_> = lines.iter().filter(|line| line.starts_with("audit ")).collect();
    assert_eq!(audited.len(), 2, "{lines:?}");
    let (page_id, exp) = (claims(&page)["user_id"].clone(), claims(&page)["exp"].clone());
    for part in
        [r#"caller="page https://www.example.com""#, "role=1", &format!("user_id={page_id}"), &format!("expires={exp}")]
    {
        assert!(audited[0].contains(part), "{part}: {}", audited[0]);
    }
    assert!(audited[1].contains(r#"caller="key desk""#) && audited[1].contains(r#"user_id="agent-1""#));
    for secret in ["eyJ", "canary", ApiKey::from_bytes([1; 32]).expose(), &server.json()["token"].to_string()] {
        assert!(lines.iter().all(|line| !line.contains(secret)), "{secret}");
    }
}
