//! `/zoom/consumer-auth`: who the visitor of a website is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_flows::consumer::{ClaimMap, Consumer, Forward, ForwardTerms, SigningKeys};
use stagedoor_flows::port::Clock as _;
use stagedoor_gateway::{HttpClient, OutboundLimits};
use stagedoor_protocol::consumer::ConsumerKey;
use stagedoor_protocol::jwt::Es256Key;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::support::{House, PATIENCE, Plan, Reply, Upstream, get, listen, nowhere};

const SITE: &str = "https://www.example.com";
const PATH: &str = "/zoom/consumer-auth";

/// A deployment with nothing but consumer authentication, which asks `whoami`.
fn house(whoami: &str) -> House {
    house_with_patience(whoami, PATIENCE)
}

/// The same, with a deadline for the answer of `whoami`.
fn house_with_patience(whoami: &str, total: Duration) -> House {
    let limits = OutboundLimits { connect: total, total, body: 4096 };
    let http = Arc::new(HttpClient::new(limits).unwrap());
    let terms = ForwardTerms { url: Url::parse(whoami).unwrap(), cookies: Some(vec!["sid".into()]), cache_seconds: 0 };
    let plan = Plan::alone(move |flows, clock| {
        let forward = Arc::new(Forward::new(http, clock.clone(), terms));
        let key: ConsumerKey = Es256Key::from_scalar(&[1; 32]).unwrap().into();
        let claims = ClaimMap::parse([("email", "email")], &[]).unwrap();
        flows.consumer = Some(Consumer::new(SigningKeys::new(key, None), forward, claims, 300, clock));
    });
    plan.with(|config| config.consumer_origins = vec![Url::parse(SITE).unwrap()]).build()
}

/// A site whose whoami knows one session.
async fn site() -> String {
    let router = axum::Router::new().route(
        "/whoami",
        axum::routing::get(async |headers: http::HeaderMap| {
            let known = headers.get("cookie").is_some_and(|cookie| cookie == "sid=known");
            let body = if known { r#"{"email":"a@b.c","secret":"canary"}"# } else { "{}" };
            (if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, body)
        }),
    );
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/whoami")
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn ask(house: &House, method: Method, fields: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(PATH);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    house.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_visitor_who_is_signed_in_gets_a_token_under_both_names() {
    let house = house(&site().await);
    let reply = ask(&house, Method::GET, &[("origin", SITE), ("cookie", "a=b; sid=known")]).await;
    let json = reply.json();
    assert_eq!((reply.status, &json["token"]), (StatusCode::OK, &json["loginUserIdJwt"]));
    let now = house.clock.now().to_seconds().0;
    assert_eq!(claims(&json["token"]), json!({"email": "a@b.c", "exp": now + 300}));
    assert_eq!(json.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn the_answers_as_they_stand_on_the_wire() {
    let house = house(&site().await);
    let signed_in = ask(&house, Method::GET, &[("origin", SITE), ("cookie", "sid=known")]).await;
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(signed_in.shot().replace(&token, "[jwt]"), @r#"
    200 OK
    access-control-allow-credentials: true
    access-control-allow-origin: https://www.example.com
    cache-control: no-store
    content-type: application/json
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]

    {"loginUserIdJwt":"[jwt]","token":"[jwt]"}
    "#);
    insta::assert_snapshot!(ask(&house, Method::GET, &[("origin", SITE)]).await.shot(), @r#"
    401 Unauthorized
    access-control-allow-credentials: true
    access-control-allow-origin: https://www.example.com
    cache-control: no-store
    content-type: application/problem+json
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]

    {"type":"about:blank","title":"Unauthorized","status":401,"code":"not_signed_in","detail":"Nobody is signed in on the site, as far as it says. Sign in there; a chat works without it, unauthenticated.","requestId":"[id]"}
    "#);
    let preflight = [("origin", SITE), ("access-control-request-method", "GET")];
    insta::assert_snapshot!(ask(&house, Method::OPTIONS, &preflight).await.shot(), @r#"
    204 No Content
    access-control-allow-credentials: true
    access-control-allow-headers: content-type
    access-control-allow-methods: GET
    access-control-allow-origin: https://www.example.com
    access-control-max-age: 600
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]
    "#);
    insta::assert_snapshot!(ask(&house, Method::GET, &[("origin", "https://evil.example")]).await.shot(), @r#"
    403 Forbidden
    cache-control: no-store
    content-type: application/problem+json
    vary: Origin
    x-content-type-options: nosniff
    x-request-id: [id]

    {"type":"about:blank","title":"Forbidden","status":403,"code":"origin_not_allowed","detail":"Pages of this site may not ask here. Add its origin to the settings if it is yours.","requestId":"[id]"}
    "#);
}

type Fields = &'static [(&'static str, &'static str)];

/// Who sends the request, by what their browser says.
const SENDERS: [(&str, Fields, Sender); 20] = [
    ("a page of the site", &[("origin", SITE), ("sec-fetch-site", "cross-site")], Sender::Listed),
    ("the same in an old browser", &[("origin", SITE)], Sender::Listed),
    ("a page of ours", &[("sec-fetch-site", "same-origin")], Sender::Own),
    ("a page of ours that says its origin", &[("origin", "https://app.example.com")], Sender::Own),
    ("a program, or an old browser on a page of ours", &[], Sender::Own),
    ("a person who opens the address", &[("sec-fetch-site", "none")], Sender::Own),
    ("another site", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], Sender::Foreign),
    ("a sister of the site", &[("origin", "https://shop.example.com")], Sender::Foreign),
    ("the site without TLS", &[("origin", "http://www.example.com")], Sender::Foreign),
    ("the site at another port", &[("origin", "https://www.example.com:8443")], Sender::Foreign),
    ("a name that begins like the site", &[("origin", "https://www.example.com.evil.example")], Sender::Foreign),
    ("the site in capitals", &[("origin", "https://WWW.EXAMPLE.COM")], Sender::Foreign),
    ("the site with its port", &[("origin", "https://www.example.com:443")], Sender::Foreign),
    ("the site with a slash", &[("origin", "https://www.example.com/")], Sender::Foreign),
    ("a sandboxed frame", &[("origin", "null")], Sender::Foreign),
    ("a file", &[("origin", "file://")], Sender::Foreign),
    ("an origin of nothing", &[("origin", "")], Sender::Foreign),
    ("an image or a script of another site", &[("sec-fetch-site", "cross-site")], Sender::Foreign),
    ("an image of a sister site", &[("sec-fetch-site", "same-site")], Sender::Foreign),
    ("two origins", &[("origin", SITE), ("origin", "https://evil.example")], Sender::Foreign),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    Listed,
    Own,
    Foreign,
}

#[tokio::test]
async fn mn_19_origin_by_credentials_by_method_every_cell_is_as_it_is_written() {
    let house = house(&site().await);
    let cookies = [("signed in", Some("sid=known")), ("unknown", Some("sid=other")), ("anonymous", None)];
    let methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"];
    for (who, fields, sender) in SENDERS {
        for (visitor, cookie) in cookies {
            for method in methods {
                let fields: Vec<_> = fields.iter().copied().chain(cookie.map(|cookie| ("cookie", cookie))).collect();
                let reply = ask(&house, method.parse().unwrap(), &fields).await;
                let cell = format!("{who}, {visitor}, {method}: {}", reply.shot());

                let expected = match (method, sender, visitor) {
                    ("GET" | "OPTIONS", Sender::Foreign, _) => 403,
                    ("GET", _, "signed in") => 200,
                    ("GET", ..) => 401,
                    ("OPTIONS", ..) => 204,
                    _ => 405,
                };
                assert_eq!(reply.status.as_u16(), expected, "{cell}");
                let has_token = reply.body.contains("eyJ");
                assert_eq!(has_token, expected == 200, "{cell}");

                let (origin, credentials) = if sender == Sender::Listed { (SITE, "true") } else { ("", "") };
                assert_eq!(reply.header("access-control-allow-origin"), origin, "{cell}");
                assert_eq!(reply.header("access-control-allow-credentials"), credentials, "{cell}");
                assert_eq!(reply.header("vary"), "Origin", "{cell}");
                let methods = if expected == 204 && sender == Sender::Listed { "GET" } else { "" };
                assert_eq!(reply.header("access-control-allow-methods"), methods, "{cell}");
                assert!(expected == 204 || reply.header("cache-control") == "no-store", "{cell}");
                assert!(reply.headers.values().all(|value| value != "*"), "{cell}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_of_another_site_makes_the_site_be_asked() {
    let upstream = Upstream::start().await;
    let house = house(&format!("http://{}/", upstream.address));
    ask(&house, Method::GET, &[("origin", "https://evil.example"), ("cookie", "sid=known")]).await;
    ask(&house, Method::OPTIONS, &[("origin", SITE), ("cookie", "sid=known")]).await;
    ask(&house, Method::POST, &[("origin", SITE), ("cookie", "sid=known")]).await;
    assert_eq!(upstream.hits(), 0);
}

/// A server that does something unkind to every connection.
async fn unkind(does: fn(tokio::net::TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> String {
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(does(stream));
        }
    });
    format!("http://{address}/whoami")
}

async fn says(stream: &mut tokio::net::TcpStream, bytes: &[u8]) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(bytes).await;
}

/// Sites in trouble, each with its whoami.
async fn troubled_sites(closed: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("nobody listens", format!("http://{closed}/whoami")),
        (
            "it never answers",
            unkind(|stream| {
                Box::pin(async move {
                    std::future::pending::<()>().await;
                    drop(stream);
                })
            })
            .await,
        ),
        (
            "one byte at a time",
            unkind(|mut stream| {
                Box::pin(async move {
                    says(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n").await;
                    while stream.write_all(b" ").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                })
            })
            .await,
        ),
        ("it hangs up", unkind(|stream| Box::pin(async move { drop(stream) })).await),
        (
            "it breaks off",
            unkind(|mut stream| {
                Box::pin(async move {
                    says(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"email\":\"a@b.c\"}").await;
                })
            })
            .await,
        ),
        ("it is not HTTP", unkind(|mut stream| Box::pin(async move { says(&mut stream, b"hello\r\n").await })).await),
        (
            "it says too much",
            unkind(|mut stream| {
                Box::pin(async move {
                    let body = format!(r#"{{"email":"a@b.c","more":"{}"}}"#, "x".repeat(8192));
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    says(&mut stream, answer.as_bytes()).await;
                })
            })
            .await,
        ),
        (
            "it leads elsewhere",
            unkind(|mut stream| {
                Box::pin(async move {
                    says(&mut stream, b"HTTP/1.1 302 Found\r\nlocation: /signed-in\r\ncontent-length: 0\r\n\r\n").await;
                })
            })
            .await,
        ),
    ]
}

#[tokio::test]
async fn mn_25_a_whoami_that_is_down_slow_or_unkind_is_401_within_the_deadline_and_never_a_token() {
    let (_socket, closed) = nowhere();
    for (what, whoami) in troubled_sites(closed).await {
        let house = house_with_patience(&whoami, Duration::from_millis(300));
        let asked = ask(&house, Method::GET, &[("origin", SITE), ("cookie", "sid=known")]);
        // The sites that are slow would take much longer than this.
        let reply = tokio::time::timeout(PATIENCE, asked).await.expect("an answer within the deadline");
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "not_signed_in"), "{what}");
        assert_eq!(reply.header("access-control-allow-origin"), SITE, "{what}: the page can read that");
        assert!(!reply.body.contains("eyJ"), "{what}");
    }
}

#[tokio::test]
async fn it_stands_alone() {
    let house = house(&site().await);
    for path in ["/", "/zoom/install", "/zoom/session", "/zoom/cobrowse/token", "/zoom/jwks.json"] {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let none = Plan::default().build();
    let reply = none.send(get(PATH).header("origin", SITE).body(Body::from(Bytes::new())).unwrap()).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (StatusCode::NOT_FOUND, ""));
}
