//! The app as an upstream.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use stagedoor_gateway::{App, AppSource, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;
use url::Url;

use crate::support::{
    House, PATIENCE, PUBLIC_URL, Plan, Reply, USER, Upstream, get, listen, nowhere, raw, raw_connection, visit,
};

/// The values of a header field that the upstream received.
fn received(reply: &Reply, name: &str) -> Vec<String> {
    let json = reply.json();
    let fields = json["headers"].as_array().unwrap().iter();
    fields.filter(|field| field[0] == name).map(|field| field[1].as_str().unwrap().to_owned()).collect()
}

fn names(reply: &Reply) -> Vec<String> {
    reply.json()["headers"].as_array().unwrap().iter().map(|field| field[0].as_str().unwrap().to_owned()).collect()
}

async fn house() -> (House, Upstream, String) {
    let upstream = Upstream::start().await;
    let house = Plan::upstream(upstream.address).build();
    let cookie = house.session().await;
    (house, upstream, cookie)
}

#[tokio::test]
async fn the_upstream_learns_who_calls() {
    let (house, upstream, cookie) = house().await;
    let reply = house.send(get("/who?x=%41").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert_eq!(reply.json()["target"], "/who?x=%41");
    let expected = [
        ("host", upstream.address.to_string()),
        ("x-forwarded-user", USER.into()),
        ("x-forwarded-proto", "https".into()),
        ("x-forwarded-host", "app.example.com".into()),
        ("x-forwarded-for", "127.0.0.1".into()),
        ("x-stagedoor-type", "meeting".into()),
        ("x-stagedoor-meeting", "wceIoD0lTySwype/12+45w==".into()),
        ("x-stagedoor-role", "host".into()),
        ("x-stagedoor-surface", "client".into()),
        ("x-request-id", reply.header("x-request-id").into()),
    ];
    for (name, value) in expected {
        assert_eq!(received(&reply, name), [value], "{name}");
    }
}

#[tokio::test]
async fn a_launch_tells_the_upstream_in_the_same_request() {
    let (house, ..) = house().await;
    let reply = house.launch("/home").await;
    assert_eq!(received(&reply, "x-forwarded-user"), [USER]);
    assert!(reply.cookie("__Host-stagedoor").is_some());
    assert!(received(&reply, "x-zoom-app-context").is_empty());
}

#[tokio::test]
async fn a_guest_has_no_user_and_the_assertion_no_subject() {
    let (house, ..) = house().await;
    let context = house.context_with(&json!({ "uid": Value::Null, "mid": Value::Null, "attendrole": Value::Null }));
    let reply = house.send(visit("/").header("x-zoom-app-context", context).body(Body::empty()).unwrap()).await;
    for name in ["x-forwarded-user", "x-stagedoor-meeting", "x-stagedoor-role"] {
        assert!(received(&reply, name).is_empty(), "{name}");
    }
    assert!(claims(&house, &received(&reply, "x-stagedoor-assertion")[0]).await["sub"].is_null());
}

async fn claims(house: &House, assertion: &str) -> Value {
    let jwks = house.get("/zoom/jwks.json").await;
    assert_eq!(jwks.header("cache-control"), "public, max-age=300");
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&jwks.body).unwrap();
    let kid = jsonwebtoken::decode_header(assertion).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[PUBLIC_URL]);
    validation.set_issuer(&[PUBLIC_URL]);
    validation.validate_exp = false; // The clock of the house stands still.
    decode::<Value>(assertion, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn the_assertion_can_be_verified_with_the_published_keys() {
    let (house, _, cookie) = house().await;
    let reply = house.send(get("/").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    let claims = claims(&house, &received(&reply, "x-stagedoor-assertion")[0]).await;
    assert_eq!((&claims["sub"], &claims["type"], &claims["role"]), (&json!(USER), &json!("meeting"), &json!("host")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
}

#[tokio::test]
async fn an_assertion_is_reused_for_its_session_only() {
    let (house, _, cookie) = house().await;
    let ask = async |cookie: &str| {
        let reply = house.send(get("/").header("cookie", cookie).body(Body::empty()).unwrap()).await;
        received(&reply, "x-stagedoor-assertion")[0].clone()
    };
    let first = ask(&cookie).await;
    assert_eq!(ask(&cookie).await, first);
    let context = house.context_with(&json!({ "attendrole": "participant" }));
    let relaunch = visit("/").header("cookie", &cookie).header("x-zoom-app-context", context);
    let reply = house.send(relaunch.body(Body::empty()).unwrap()).await;
    let second = received(&reply, "x-stagedoor-assertion")[0].clone();
    assert_eq!(claims(&house, &second).await["role"], "participant");
}

#[tokio::test]
async fn mn_20_no_spelling_of_an_identity_header_comes_through() {
    let upstream = Upstream::start().await;
    let gateway = Plan::upstream(upstream.address).open().build().run().await;
    let spellings = [
        "X-Forwarded-User",
        "x-forwarded-user",
        "X_Forwarded_User",
        "x-forwarded_user",
        "X-FORWARDED-USER",
        "X.Forwarded.User",
        "X-Forwarded-Email",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded",
        "Forwarded",
        "X-Real-IP",
        "X_Real_Ip",
        "X-Stagedoor-Type",
        "X_Stagedoor_Role",
        "X-Stagedoor-Assertion",
        "X-Stagedoor-Anything",
        "X-Original-URL",
        "X-Rewrite-URL",
        "Authorization",
        "X_Zoom_App_Context",
        "X-Request-Id",
    ];
    for name in spellings {
        for extra in [String::new(), format!("Connection: {name}\r\n")] {
            let request = format!("GET /x HTTP/1.1\r\nHost: a\r\n{extra}{name}: evil\r\nConnection: close\r\n\r\n");
            let answer = raw(gateway.address, request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
            assert!(!answer.contains("evil"), "{name}: {answer}");
        }
    }
}

#[tokio::test]
async fn mn_20_no_field_comes_through_behind_a_body() {
    let upstream = Upstream::start().await;
    let gateway = Plan::upstream(upstream.address).open().build().run().await;
    let request = "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
                   Trailer: X-Forwarded-User, X-Other\r\n\r\n4\r\nbody\r\n0\r\nX-Forwarded-User: evil\r\nX-Other: evil\r\n\r\n";
    let answer = raw(gateway.address, request.as_bytes()).await;
    assert!(answer.contains("\"body\":\"body\"") && !answer.contains("evil"), "{answer}");
}

#[tokio::test]
async fn mn_20_nobody_reads_back_what_the_upstream_is_told() {
    let (house, upstream, session) = house().await;
    let before = upstream.hits();
    let trace = Request::builder().method("TRACE").uri("/").header("cookie", &session).header("origin", PUBLIC_URL);
    assert_eq!(house.send(trace.body(Body::empty()).unwrap()).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(upstream.hits(), before);
}

#[tokio::test]
async fn mn_20_our_cookies_stay_here_and_others_go_through() {
    let (house, _, cookie) = house().await;
    for (theirs, expected) in [
        ("", None),
        ("a=1", Some("a=1")),
        ("a=1; b=2", Some("a=1; b=2")),
        ("__Host-stagedoor-install=x; a=1", Some("a=1")),
        ("a=1; __HOST-StageDoor-other=x", Some("a=1")),
        ("a=__Host-stagedoor", Some("a=__Host-stagedoor")),
        ("=__Host-stagedoor=x; a=1", Some("a=1")),
        ("__Host-stagedoor-x; a=1", Some("a=1")),
    ] {
        let sent = if theirs.is_empty() { cookie.clone() } else { format!("{theirs}; {cookie}") };
        let reply = house.send(get("/").header("cookie", sent).body(Body::empty()).unwrap()).await;
        assert_eq!(received(&reply, "cookie"), Vec::from_iter(expected), "{theirs}");
    }
    let two = get("/").header("cookie", "a=1").header("cookie", &cookie).header("cookie", "b=2");
    let reply = house.send(two.body(Body::empty()).unwrap()).await;
    assert_eq!(received(&reply, "cookie"), ["a=1; b=2"]);
}

#[tokio::test]
async fn mn_20_the_app_cannot_set_our_cookies() {
    let (house, _, cookie) = house().await;
    let reply = house.send(get("/cookies").header("cookie", &cookie).body(Body::empty()).unwrap()).await;
    let set: Vec<_> = reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(set, ["theirs=1"]);
    let reply = house.send(get("/nameless").header("cookie", &cookie).body(Body::empty()).unwrap()).await;
    assert!(reply.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn fields_of_one_connection_stay_on_it() {
    let (house, _, cookie) = house().await;
    let request = get("/x")
        .header("cookie", &cookie)
        .header("connection", "keep-alive, X-Custom")
        .header("x-custom", "1")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("proxy-authorization", "Basic x")
        .header("upgrade", "h2c")
        .header("http2-settings", "x")
        .header("expect", "100-continue")
        .header("x-kept", "1");
    let reply = house.send(request.body(Body::empty()).unwrap()).await;
    let names = names(&reply);
    for gone in ["connection", "x-custom", "keep-alive", "te", "proxy-authorization", "upgrade", "expect"] {
        assert!(!names.contains(&gone.to_owned()), "{gone}");
    }
    assert!(names.contains(&"x-kept".to_owned()));
    let reply = house.send(get("/framed").header("cookie", &cookie).body(Body::empty()).unwrap()).await;
    assert_eq!((reply.header("x-hop"), reply.header("connection"), reply.header("x-frame-options")), ("", "", ""));
}

#[tokio::test]
async fn forwarded_addresses_count_from_trusted_proxies_only() {
    let cases: [(&[&str], &str, &str); 6] = [
        (&[], "203.0.113.9", "127.0.0.1"),
        (&["10.0.0.0/8"], "203.0.113.9", "127.0.0.1"),
        (&["127.0.0.1"], "203.0.113.9", "203.0.113.9"),
        (&["127.0.0.1"], "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (&["127.0.0.0/8", "10.0.0.0/8"], "203.0.113.9, 10.1.2.3", "203.0.113.9"),
        (&["127.0.0.1"], "203.0.113.9, junk", "127.0.0.1"),
    ];
    let upstream = Upstream::start().await;
    for (trusted, sent, expected) in cases {
        let plan = Plan::upstream(upstream.address)
            .with(|config| config.trusted_proxies = trusted.iter().map(|text| text.parse().unwrap()).collect());
        let house = plan.build();
        let cookie = house.session().await;
        let request = get("/").header("cookie", cookie).header("x-forwarded-for", sent);
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(received(&reply, "x-forwarded-for"), [expected], "{trusted:?} {sent}");
    }
}

#[tokio::test]
async fn bodies_go_through_in_both_directions_as_streams() {
    let (house, _, cookie) = house().await;
    let chunks = stream::iter((0..256).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536]))));
    let upload = Request::put("/count").header("cookie", &cookie).header("sec-fetch-site", "same-origin");
    let reply = house.send(upload.body(Body::from_stream(chunks)).unwrap()).await;
    assert_eq!(reply.body, (256 * 65_536).to_string());

    let request = get("/large").header("cookie", &cookie).header("host", "a").body(Body::empty()).unwrap();
    let mut body = house.router.clone().oneshot(request).await.unwrap().into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!(bytes, 1024 * 65_536);
}

#[tokio::test]
async fn events_arrive_when_they_are_sent() {
    let (house, upstream, cookie) = house().await;
    let request = get("/events").header("cookie", &cookie).header("host", "a").body(Body::empty()).unwrap();
    let mut body = house.router.clone().oneshot(request).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(&first[..], b"data: 0\n\n");
    upstream.release();
    let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(&second[..], b"data: 1\n\n");
}

fn handshake(cookie: &str, origin: &str) -> Vec<u8> {
    format!(
        "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{origin}Cookie: {cookie}\r\n\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_websocket_is_joined_to_the_upstream() {
    let (house, _, cookie) = house().await;
    let gateway = house.run().await;
    let mut socket = raw_connection(gateway.address).await;
    socket.write_all(&handshake(&cookie, &format!("Origin: {PUBLIC_URL}\r\n"))).await.unwrap();
    let head = read_head(&mut socket).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    for word in ["hello", "again"] {
        socket.write_all(word.as_bytes()).await.unwrap();
        let mut echo = [0; 5];
        socket.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, word.to_uppercase().as_bytes());
    }
}

async fn read_head(socket: &mut tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(socket.read(&mut byte).await.unwrap(), 1, "{}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

async fn ask(address: std::net::SocketAddr, request: &[u8]) -> String {
    let mut socket = raw_connection(address).await;
    socket.write_all(request).await.unwrap();
    read_head(&mut socket).await
}

#[tokio::test]
async fn a_websocket_opens_for_our_own_origin_only() {
    let (house, upstream, cookie) = house().await;
    let gateway = house.run().await;
    let reached = upstream.hits();
    for origin in [
        "",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: https://app.example.com\r\nOrigin: https://app.example.com\r\n",
        "Origin: https://zoom.us\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
    ] {
        let answer = ask(gateway.address, &handshake(&cookie, origin)).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{origin}: {answer}");
    }
    let answer = ask(gateway.address, &handshake("", &format!("Origin: {PUBLIC_URL}\r\n"))).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(upstream.hits(), reached);
}

#[tokio::test]
async fn an_upstream_that_is_down_or_slow_or_garbled_is_said() {
    let soon = Duration::from_millis(200);
    let (_socket, unused) = nowhere();
    let slow = Upstream::start().await.address;
    let garbled = garbage().await;
    for (address, path, upstream_answer, status, code) in [
        (unused, "/", PATIENCE, StatusCode::BAD_GATEWAY, "upstream_unreachable"),
        (slow, "/slow", soon, StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
        (garbled, "/", PATIENCE, StatusCode::BAD_GATEWAY, "upstream_broken"),
    ] {
        let limits = Limits { upstream_answer, ..Limits::default() };
        let house = Plan::upstream(address).with(|config| config.limits = limits).build();
        let reply = house.launch(path).await;
        assert_eq!(reply.status, status, "{code}");
        assert!(reply.body.contains(code) && reply.header("content-type").starts_with("text/html"), "{}", reply.body);
        assert!(!reply.body.contains("secret detail"), "mn_32: nothing of the upstream's words is shown");
        let program = get(path).header("x-zoom-app-context", house.context()).header("accept", "application/json");
        assert_eq!(house.send(program.body(Body::empty()).unwrap()).await.code(), code);
    }
}

async fn garbage() -> std::net::SocketAddr {
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"secret detail, and not HTTP\r\n\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_patience_with_the_upstream() {
    let upstream = Upstream::start().await;
    let limits = Limits { upstream_answer: Duration::from_secs(2), ..Limits::default() };
    let house = Plan::upstream(upstream.address).with(|config| config.limits = limits).build();
    let cookie = house.session().await;
    let slowly = stream::unfold(0, async |number| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        (number < 8).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"x")), number + 1))
    });
    let upload = Request::put("/count").header("cookie", &cookie).header("sec-fetch-site", "same-origin");
    let reply = house.send(upload.body(Body::from_stream(slowly)).unwrap()).await;
    assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, "8"));
}

#[tokio::test]
async fn a_request_that_changes_something_is_sent_once() {
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    });
    let mut plan = Plan::default();
    plan.config.app = Some(App::new(AppSource::Upstream(Url::parse(&format!("http://{address}")).unwrap())));
    let house = plan.build();
    let context = house.context();
    let launched = house.send(visit("/").header("x-zoom-app-context", context).body(Body::empty()).unwrap()).await;
    let cookie = format!("__Host-stagedoor={}", launched.cookie("__Host-stagedoor").unwrap());
    let before = seen.load(std::sync::atomic::Ordering::Relaxed);
    let post = Request::post("/pay")
        .header("cookie", cookie)
        .header("origin", PUBLIC_URL)
        .header(header::CONTENT_TYPE, "text/plain");
    let reply = house.send(post.body(Body::from("once")).unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed) - before, 1);
}
