//! Input that nobody sends by accident: every route answers 4xx, nothing panics, nothing hangs.

use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::COOKIE;
use proptest::prelude::*;
use stagedoor_gateway::cookie::Cookies;
use stagedoor_gateway::headers::rules::{ReferrerPolicy, accept_csp, is_hsts};
use stagedoor_gateway::{Limits, admission};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{PATIENCE, Plan, Upstream, raw, raw_connection, until};

const ROUTES: [&str; 7] =
    ["/", "/zoom/install", "/zoom/callback", "/zoom/session", "/zoom/jwks.json", "/zoom/style.css", "/zoom/x"];

#[tokio::test]
async fn mn_31_messages_that_can_be_read_in_two_ways_are_refused_and_the_connection_closed() {
    let upstream = Upstream::start().await;
    // Nobody waits for more of them: that would take longer than this test waits for an answer.
    let limits = Limits { head: 10 * PATIENCE, idle: 10 * PATIENCE, ..Limits::default() };
    let plan = Plan::upstream(upstream.address).open().with(|config| config.limits = limits);
    let gateway = plan.build().run().await;
    let post = "POST / HTTP/1.1\r\nHost: a\r\n";
    let messages = [
        ("both lengths", format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("both lengths, turned", format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")),
        ("two lengths", format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx")),
        ("a list of lengths", format!("{post}Content-Length: 1, 2\r\n\r\nxx")),
        ("a signed length", format!("{post}Content-Length: +1\r\n\r\nx")),
        ("another encoding", format!("{post}Transfer-Encoding: gzip\r\n\r\n")),
        ("chunked twice removed", format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")),
        ("a hidden encoding", format!("{post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n")),
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into()),
        ("no host", "GET / HTTP/1.1\r\n\r\n".into()),
        ("another host in the target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into()),
        ("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".into()),
        ("a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n".into()),
        ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n".into()),
        ("a folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n".into()),
        ("a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n".into()),
        ("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n".into()),
        ("one bare line feed", "GET / HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n".into()),
        ("a bare line feed at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n".into()),
        ("a bare carriage return", "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\rX-B: 2\r\n\r\n".into()),
        ("a zero byte in a value", "GET / HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n".into()),
        ("a zero byte in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("a fragment in the query", "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("a broken escape in the query", "GET /a?b=%zz HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("a backslash in the query", "GET /a?b=\\ HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("a tunnel", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        ("another version", "GET / HTTP/1.9\r\nHost: a\r\n\r\n".into()),
        ("no version", "GET /\r\n\r\n".into()),
    ];
    for (what, message) in messages {
        // A second request behind the first shows whether the connection was closed.
        let two = format!("{message}GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
        for sent in [&message, &two] {
            let answer = raw(gateway.address, sent.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
            assert!(!answer.contains("/second"), "{what}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
        }
    }
    assert_eq!(upstream.hits(), 0);
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_the_clients_fault() {
    let upstream = Upstream::start().await;
    let gateway = Plan::upstream(upstream.address).open().build().run().await;
    for chunk in ["1\nx\r\n0\r\n\r\n", "zz\r\n", "-1\r\nx\r\n", "1\r\nxx\r\n0\r\n\r\n", "fffffffffffffffff\r\nx"] {
        let post = "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer =
            raw(gateway.address, format!("{post}{chunk}GET /second HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{chunk:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{chunk:?}: {answer}");
    }
}

#[tokio::test]
async fn oversized_heads_are_refused_on_every_route() {
    let gateway = Plan::default().build().run().await;
    for route in ROUTES {
        for head in [
            format!("GET {route}?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000)),
            format!("GET {route} HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(70_000)),
            format!("GET {route} HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200)),
        ] {
            let answer = raw(gateway.address, head.as_bytes()).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{route}: {answer}");
        }
    }
}

#[tokio::test]
async fn every_route_answers_hostile_fields_with_4xx() {
    let house = Plan::default().build();
    let junk = ["\"", "%", "\u{fe}", "';--", "{{7*7}}", "../../etc/passwd", "=;=;=", ";;;;", "\t", "true", "[]", "-1"];
    for route in ROUTES {
        for name in [
            "cookie",
            "x-zoom-app-context",
            "origin",
            "accept",
            "sec-fetch-dest",
            "range",
            "if-none-match",
            "content-type",
        ] {
            for value in junk {
                for method in ["GET", "POST", "HEAD", "OPTIONS"] {
                    let request = http::Request::builder().method(method).uri(route).header(name, value.as_bytes());
                    let reply = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
                    assert!(!reply.status.is_server_error(), "{method} {route} {name}: {value}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let head = Duration::from_millis(300);
    let limits = Limits { head, idle: 10 * PATIENCE, ..Limits::default() };
    let gateway = Plan::default().with(|config| config.limits = limits).build().run().await;
    for start in ["G", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "PRI * HT"] {
        let started = Instant::now();
        raw(gateway.address, start.as_bytes()).await;
        assert!(started.elapsed() >= head, "{start}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn an_idle_connection_ends_later_than_a_slow_head() {
    let idle = Duration::from_millis(900);
    let limits = Limits { head: Duration::from_millis(200), idle, ..Limits::default() };
    let gateway = Plan::default().with(|config| config.limits = limits).build().run().await;
    for (what, request) in
        [("at the start", &b""[..]), ("between requests", b"GET /zoom/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n")]
    {
        let started = Instant::now();
        let answer = raw(gateway.address, request).await;
        assert!(started.elapsed() >= idle, "{what}: {:?}", started.elapsed());
        assert_eq!(answer.matches("HTTP/1.1 200").count(), usize::from(!request.is_empty()), "{what}: {answer}");
    }
}

#[tokio::test]
async fn a_slow_answer_does_not_count_as_idle() {
    let short = Duration::from_millis(400);
    let limits = Limits { head: short, idle: short, ..Limits::default() };
    let upstream = Upstream::start().await;
    let plan = Plan::upstream(upstream.address).with(|config| {
        config.limits = limits;
        config.app.as_mut().unwrap().browsers = stagedoor_gateway::Browsers::Allow;
    });
    let gateway = plan.build().run().await;
    for (path, last) in [("/late", "late"), ("/events", "data: 1")] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let slowly = async {
            tokio::time::sleep(4 * short).await;
            upstream.release();
        };
        let (answer, ()) = tokio::join!(raw(gateway.address, request.as_bytes()), slowly);
        assert!(answer.contains(last), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_left() {
    let limits = Limits { idle: Duration::from_millis(300), ..Limits::default() };
    let upstream = Upstream::start().await;
    let plan = Plan::upstream(upstream.address).with(|config| {
        config.limits = limits;
        config.app.as_mut().unwrap().browsers = stagedoor_gateway::Browsers::Allow;
    });
    let gateway = plan.build().run().await;
    let mut connection = raw_connection(gateway.address).await;
    connection.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    until("the upstream is left, too", async || upstream.abandoned() == 1).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.len() < 32 * 1024 * 1024, "the answer of 64 MiB went on: {}", rest.len());
}

#[tokio::test]
async fn http_2_is_spoken_without_tls_and_held_to_the_same_rules() {
    let gateway = Plan::default().build().run().await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .http2_only(true)
        .build_http::<axum::body::Body>();
    for (path, host, status) in [
        ("/zoom/jwks.json", None, 200),
        ("/a//b", None, 400),
        ("/zoom/session", None, 401),
        ("/", Some("evil.example"), 400),
    ] {
        let mut request = http::Request::get(format!("http://{}{path}", gateway.address));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = client.request(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, status), "{path}");
    }
}

#[tokio::test]
async fn mn_21_no_header_of_a_client_opens_the_gate() {
    let house = Plan::default().build();
    for (name, value) in [
        ("user-agent", "Mozilla/5.0 ZoomApps/1.0 ZoomWebKit/537.36"),
        ("x-forwarded-user", "77A6G6xIS62MkqTlFWJhbg"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-stagedoor-assertion", "eyJhbGciOiJub25lIn0.e30."),
        ("x-original-url", "/robots.txt"),
        ("authorization", "Bearer x"),
        ("x-requested-with", "XMLHttpRequest"),
        ("sec-fetch-site", "same-origin"),
        ("upgrade", "h2c"),
    ] {
        let request = crate::support::get("/app.js").header(name, value).body(axum::body::Body::empty()).unwrap();
        assert_eq!(house.send(request).await.status, http::StatusCode::UNAUTHORIZED, "{name}");
    }
}

#[tokio::test]
async fn more_connections_than_the_limit_wait_for_their_turn() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let gateway = Plan::default().with(|config| config.limits = limits).build().run().await;
    let holders = [raw_connection(gateway.address).await, raw_connection(gateway.address).await];
    let mut waiting = raw_connection(gateway.address).await;
    waiting.write_all(b"GET /zoom/jwks.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let early = tokio::time::timeout(Duration::from_millis(200), waiting.read_to_end(&mut answer)).await;
    assert!(early.is_err(), "answered beyond the limit");
    drop(holders);
    tokio::time::timeout(PATIENCE, waiting.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// How an upstream might read a path: decoded, without parameters, dot segments resolved.
fn resolved(path: &str) -> Vec<String> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let mut segments = Vec::new();
    for segment in decoded.split('/').map(|segment| segment.split(';').next().unwrap_or_default()) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name.to_owned()),
        }
    }
    segments
}

proptest! {
    #[test]
    fn mn_22_an_admitted_path_below_a_prefix_resolves_below_it(rest in "[a-z./;%\\\\25eEfFcC0-]{0,24}") {
        let path = format!("/public/{rest}");
        if admission::path(&path).is_ok() {
            let segments = resolved(&path);
            prop_assert_eq!(segments.first().map(String::as_str), Some("public"), "{}", path);
        }
    }

    #[test]
    fn any_text_is_admitted_or_refused_without_a_panic(path in "\\PC{0,60}") {
        let _ = admission::path(&path);
        let _ = admission::path(&format!("/{path}"));
    }

    #[test]
    fn plain_paths_are_admitted(path in "(/[a-zA-Z0-9_~!$&'()*+,=:@-]{1,8}){1,5}/?") {
        prop_assert_eq!(admission::path(&path), Ok(()));
    }

    #[test]
    fn any_cookie_field_is_read_without_a_panic(fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let mut headers = HeaderMap::new();
        for field in fields {
            if let Ok(value) = http::HeaderValue::from_bytes(&field) {
                headers.append(COOKIE, value);
            }
        }
        let _ = Cookies::read(&headers);
    }

    #[test]
    fn a_cookie_is_read_wherever_it_stands_but_only_if_it_is_alone(
        before in prop::collection::vec("[a-z]{1,8}=[a-z]{0,8}", 0..4),
        after in prop::collection::vec("[a-z]{1,8}=[a-z]{0,8}", 0..4),
        value in "[A-Za-z0-9_-]{1,40}",
        twice in any::<bool>(),
    ) {
        let ours = format!("__Host-stagedoor={value}");
        let mut pairs = [before, vec![ours.clone()], after].concat();
        if twice {
            pairs.push(ours);
        }
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, pairs.join("; ").parse().unwrap());
        prop_assert_eq!(Cookies::read(&headers).session, (!twice).then_some(value.as_str()));
    }

    #[test]
    fn mn_29_whatever_an_app_sends_our_frame_ancestors_are_in_its_policy_once(
        fields in prop::collection::vec("((default-src|Frame-Ancestors|frame-ancestors|img-src|;|,| |'none'|[*]|evil[.]example){0,12})", 1..4),
    ) {
        let values: Vec<_> = fields.iter().map(|field| http::HeaderValue::from_str(field).unwrap()).collect();
        if let Some(policy) = accept_csp(values.iter(), "'self' https://zoom.example", false) {
            let policy = policy.to_str().unwrap().to_ascii_lowercase();
            let directives: Vec<_> = policy.split([';', ',']).map(str::trim).collect();
            let ancestors: Vec<_> = directives.iter().filter(|directive| directive.starts_with("frame-ancestors ") || **directive == "frame-ancestors").collect();
            prop_assert_eq!(ancestors, [&"frame-ancestors 'self' https://zoom.example"], "{}", policy);
        }
    }

    #[test]
    fn a_kept_hsts_value_lasts_as_long_as_ours(age in any::<u64>(), rest in "(; ?(includeSubDomains|preload|max-age=0|junk)){0,3}") {
        let value = format!("max-age={age}{rest}");
        if is_hsts(value.as_bytes(), 31_536_000) {
            prop_assert!(age >= 31_536_000 && !rest.contains("max-age"));
        }
    }

    #[test]
    fn strictness_of_referrer_policies_is_an_order(a in policy(), b in policy(), c in policy()) {
        prop_assert!(a.is_at_least(a));
        prop_assert!(!(a.is_at_least(b) && b.is_at_least(a)) || a == b);
        prop_assert!(!(a.is_at_least(b) && b.is_at_least(c)) || a.is_at_least(c));
    }
}

fn policy() -> impl Strategy<Value = ReferrerPolicy> {
    let names = [
        "no-referrer",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
        "origin",
        "origin-when-cross-origin",
        "no-referrer-when-downgrade",
        "unsafe-url",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| ReferrerPolicy::parse(name.as_bytes()).unwrap())
}
