//! The relay towards an API of the tests' own, on a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use futures_util::stream;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::sleep;

use super::*;

const FIRST: &str = "the-first-token-that-was-lent-0123456789";
const SECOND: &str = "the-second-token-that-was-lent-012345678";

/// An API with two tokens: the second one comes when the first was refused.
struct Lender {
    base: Url,
    renewed: AtomicUsize,
}

impl Lender {
    fn at(address: SocketAddr) -> Self {
        Self { base: Url::parse(&format!("http://{address}/base/")).unwrap(), renewed: AtomicUsize::new(0) }
    }
}

impl Api for Lender {
    type Token = &'static str;

    fn user(&self) -> &'static str {
        "ada"
    }

    fn place(&self) -> &'static str {
        "/zoom/connect/tests/api"
    }

    async fn token(&self) -> Result<&'static str, Notice> {
        Ok(FIRST)
    }

    async fn newer(&self, refused: &&'static str) -> Result<&'static str, Notice> {
        assert_eq!(*refused, FIRST);
        self.renewed.fetch_add(1, Ordering::Relaxed);
        Ok(SECOND)
    }

    fn bearer(&self, token: &&'static str) -> Bearer {
        Bearer::new(*token)
    }

    fn base(&self, _: &&'static str) -> Url {
        self.base.clone()
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Verdict {
        match (status, body) {
            (StatusCode::UNAUTHORIZED, _) => Verdict::TokenRefused,
            (_, b"no scope") => Verdict::Say(say(StatusCode::FORBIDDEN, "scope")),
            _ => Verdict::Answer,
        }
    }

    fn refused(&self) -> Notice {
        say(StatusCode::BAD_GATEWAY, "refused")
    }

    fn unavailable(&self, _: StatusCode) -> Notice {
        say(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    }

    fn failed(&self, error: HttpError) -> Notice {
        let code = match error {
            HttpError::Connect { .. } => "unreachable",
            HttpError::Timeout { .. } => "slow",
            HttpError::Broken { .. } => "broken",
            HttpError::TooLarge { .. } => "too_large",
        };
        say(StatusCode::BAD_GATEWAY, code).because(&error)
    }
}

fn say(status: StatusCode, code: &'static str) -> Notice {
    Notice::problem(status, code, "It did not work.", "Try again.")
}

/// Nothing that these tests wait for takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn limits() -> RelayLimits {
    RelayLimits {
        answer: PATIENCE,
        total: PATIENCE,
        request: 100_000,
        response: 100_000,
        kept: 1000,
        ..RelayLimits::default()
    }
}

async fn serve(routes: Router) -> Lender {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().nest("/base", routes)).await.unwrap() });
    Lender::at(address)
}

async fn ask(api: &Lender, target: &str, request: Request) -> Result<Response, Notice> {
    Relay::new(limits()).unwrap().call(api, target, request).await
}

async fn get_from(api: &Lender, target: &str) -> Result<Response, Notice> {
    ask(api, target, Request::get(target).body(Body::empty()).unwrap()).await
}

async fn text(answer: Response) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Says what was called, with which fields, and what came along.
async fn echo(request: Request) -> String {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut lines: Vec<_> = parts.headers.iter().filter(|(name, _)| *name != header::AUTHORIZATION).collect();
    lines.sort_by_key(|(name, _)| name.as_str());
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let fields = lines.join("\n");
    format!("{} {}\n{fields}\n\n{} bytes", parts.method, parts.uri, body.len())
}

fn code(outcome: Result<Response, Notice>) -> &'static str {
    outcome.map_or_else(|notice| notice.code, |answer| panic!("answered {}", answer.status()))
}

#[tokio::test]
async fn a_call_goes_below_the_base_with_what_belongs_to_it_and_nothing_else() {
    let api = serve(Router::new().fallback(echo)).await;
    let request = Request::post("/x")
        .header("cookie", "a=1")
        .header("authorization", "Bearer of-the-page")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-http-method-override", "DELETE")
        .header("origin", "https://app.example.com")
        .header("referer", "https://app.example.com/")
        .header("user-agent", "A browser")
        .header("accept-encoding", "gzip")
        .header("te", "trailers")
        .header("content-type", "application/json")
        .header("content-length", "2")
        .header("if-match", "\"1\"");
    let answer = ask(&api, "/meetings/%252Fa%3D%3D?q=%2F%25", request.body(Body::from("{}")).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let host = api.base.authority();
    let expected = format!(
        "POST /meetings/%252Fa%3D%3D?q=%2F%25\naccept-encoding: identity\ncontent-length: 2\n\
         content-type: application/json\nhost: {host}\nif-match: \"1\"\nuser-agent: stagedoor\n\n2 bytes"
    );
    assert_eq!(text(answer).await, expected);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_call_made_again() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let strict = move |request: Request| async move {
        counted.fetch_add(1, Ordering::Relaxed);
        let bearer = request.headers()[header::AUTHORIZATION].to_str().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let is_newer = bearer == format!("Bearer {SECOND}");
        if is_newer { body.into_response() } else { StatusCode::UNAUTHORIZED.into_response() }
    };
    let api = serve(Router::new().route("/strict", any(strict))).await;
    let small = Request::post("/").header("content-length", "5").body(Body::from("small")).unwrap();
    assert_eq!(text(ask(&api, "/strict", small).await.unwrap()).await, "small");
    assert_eq!((api.renewed.load(Ordering::Relaxed), seen.load(Ordering::Relaxed)), (1, 2));

    let large = Request::post("/").header("content-length", "1001").body(Body::from("x".repeat(1001))).unwrap();
    assert_eq!(code(ask(&api, "/strict", large).await), "refused", "a stream is sent once");
    assert_eq!((api.renewed.load(Ordering::Relaxed), seen.load(Ordering::Relaxed)), (2, 3), "but the token is renewed");
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_not_tried_a_third_time() {
    let api = serve(Router::new().route("/never", any(async || StatusCode::UNAUTHORIZED))).await;
    assert_eq!(code(get_from(&api, "/never").await), "refused");
    assert_eq!(api.renewed.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_refusal_is_the_answer_or_is_said_in_our_words() {
    let api = serve(
        Router::new()
            .route("/gone", any(async || (StatusCode::NOT_FOUND, r#"{"code":3001}"#)))
            .route("/scope", any(async || (StatusCode::BAD_REQUEST, "no scope"))),
    )
    .await;
    let gone = get_from(&api, "/gone").await.unwrap();
    assert_eq!((gone.status(), text(gone).await), (StatusCode::NOT_FOUND, r#"{"code":3001}"#.into()));
    assert_eq!(code(get_from(&api, "/scope").await), "scope");
}

#[tokio::test]
async fn mn_13_an_answer_that_holds_the_token_is_cut_off() {
    let echo = async |request: Request| {
        let bearer = request.headers()[header::AUTHORIZATION].to_str().unwrap().to_owned();
        ([("etag", bearer.clone())], format!("{{\"authorization\":\"{bearer}\"}}"))
    };
    let api = serve(Router::new().route("/echo", get(echo))).await;
    let answer = get_from(&api, "/echo").await.unwrap();
    assert!(!answer.headers().contains_key("etag"));
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test]
async fn mn_20_an_answer_brings_no_cookie_no_cors_and_no_policy_of_theirs() {
    let fields = [
        ("set-cookie", "a=1"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("content-security-policy", "default-src *"),
        ("clear-site-data", "\"*\""),
        ("refresh", "0; url=https://evil.example"),
        ("server", "theirs"),
        ("authorization", "Bearer x"),
        ("x-auth-token", "x"),
        ("www-authenticate", "Basic"),
        ("cache-control", "public"),
        ("connection", "x-custom"),
        ("x-ratelimit-remaining", "3"),
        ("x-zm-trackingid", "v=2.0"),
    ];
    let api = serve(Router::new().route("/loud", get(async move || (fields, "ok")))).await;
    let answer = get_from(&api, "/loud").await.unwrap();
    let mut names: Vec<_> = answer.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = "cache-control content-length content-security-policy content-type cross-origin-resource-policy \
                    x-ratelimit-remaining x-zm-trackingid";
    assert_eq!(names.join(" "), expected);
    assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn mn_25_a_redirect_is_not_followed_and_leads_nowhere_else() {
    let to = |status: StatusCode, location: &'static str| get(async move || (status, [("location", location)]));
    let found = StatusCode::FOUND;
    let api = serve(
        Router::new()
            .route("/here", to(found, "/base/there?x=1"))
            .route("/away", to(found, "https://files.example/x?access_token=secret"))
            .route("/up", to(found, "/other"))
            .route("/dots", to(found, "/base/%2e%2e/other"))
            .route("/user", to(found, "//eve@127.0.0.1/base/x"))
            .route("/script", to(found, "javascript:alert(1)"))
            .route("/made", to(StatusCode::CREATED, "/base/things/7"))
            .route("/made-elsewhere", to(StatusCode::CREATED, "https://files.example/7")),
    )
    .await;
    let answer = get_from(&api, "/here").await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (found, &"/zoom/connect/tests/api/there?x=1".parse().unwrap())
    );
    for away in ["/away", "/up", "/dots", "/user", "/script"] {
        assert_eq!(code(get_from(&api, away).await), "broken", "{away}");
    }
    assert_eq!(get_from(&api, "/made").await.unwrap().headers()["location"], "/zoom/connect/tests/api/things/7");
    assert!(!get_from(&api, "/made-elsewhere").await.unwrap().headers().contains_key("location"));
}

#[tokio::test]
async fn mn_25_an_answer_comes_in_time_and_in_size_or_not_at_all() {
    let endless =
        async || Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 10_000]))));
    let drip = async || {
        Body::from_stream(stream::unfold((), async |()| {
            sleep(Duration::from_millis(100)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        }))
    };
    let api = serve(
        Router::new()
            .route("/hang", get(std::future::pending::<()>))
            .route("/large", get(async || "x".repeat(100_001)))
            .route("/endless", get(endless))
            .route("/drip", get(drip))
            .route("/refusal", get(async || (StatusCode::BAD_REQUEST, "x".repeat(MAX_REFUSAL + 1))))
            .route("/page", get(async || (StatusCode::FORBIDDEN, [("content-type", "Text/HTML")], "<h1>No")))
            .route("/down", get(async || StatusCode::INTERNAL_SERVER_ERROR)),
    )
    .await;
    for (path, expected) in
        [("/large", "too_large"), ("/refusal", "broken"), ("/page", "broken"), ("/down", "unavailable")]
    {
        assert_eq!(code(get_from(&api, path).await), expected, "{path}");
    }
    assert!(get_from(&api, "/endless").await.unwrap().into_body().collect().await.is_err());
    let hasty = |answer, total| Relay::new(RelayLimits { answer, total, ..limits() }).unwrap();
    let request = || Request::new(Body::empty());
    let half_a_second = Duration::from_millis(500);
    assert_eq!(code(hasty(half_a_second, PATIENCE).call(&api, "/hang", request()).await), "slow");
    // It is well until the whole call is over.
    let answer = hasty(PATIENCE, 4 * half_a_second).call(&api, "/drip", request()).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, answer.into_body().collect()).await;
    assert!(end.expect("the drip ends with the whole call").is_err());
    // Bound, and never listened on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nowhere = Lender::at(socket.local_addr().unwrap());
    assert_eq!(code(get_from(&nowhere, "/").await), "unreachable");
}

#[tokio::test]
async fn answers_that_nobody_reads_stop_no_other() {
    let endless =
        async || Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 10_000]))));
    let api = serve(Router::new().route("/endless", get(endless)).route("/short", get(async || "short"))).await;
    let relay = Relay::new(limits()).unwrap();
    let call = |path: &'static str| relay.call(&api, path, Request::get(path).body(Body::empty()).unwrap());
    let unread =
        futures_util::future::try_join_all((0..8).map(|_| call("/endless"))).await.map_err(|notice| notice.code);
    assert_eq!(unread.as_ref().map(Vec::len), Ok(8));
    assert_eq!(text(call("/short").await.unwrap()).await, "short");
}

#[tokio::test]
async fn an_upload_goes_on_as_long_as_it_moves_and_fits() {
    let api = serve(Router::new().route("/count", any(echo))).await;
    let every = |pause: u64, chunks: usize, size: usize| {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            sleep(Duration::from_millis(pause)).await;
            (sent < chunks).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size])), sent + 1))
        }))
    };
    let hasty = Relay::new(RelayLimits { answer: Duration::from_secs(2), ..limits() }).unwrap();
    let request = Request::put("/").body(every(400, 8, 10)).unwrap();
    let answer = hasty.call(&api, "/count", request).await.unwrap();
    assert!(text(answer).await.ends_with("\n80 bytes"), "it took longer than an answer may");
    let slowly = |chunks, size| every(100, chunks, size);
    assert_eq!(code(ask(&api, "/count", Request::put("/").body(slowly(8, 20_000)).unwrap()).await), "body_too_large");
    let announced = Request::put("/").header("content-length", "100001").body(slowly(1, 100_001)).unwrap();
    assert_eq!(code(ask(&api, "/count", announced).await), "body_too_large");
    let short = Request::put("/").header("content-length", "1000").body(slowly(1, 10)).unwrap();
    let broken =
        Request::put("/").body(Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))])));
    assert!(hasty.call(&api, "/count", short).await.is_err());
    assert_eq!(code(ask(&api, "/count", broken.unwrap()).await), "body_broken");
    for method in [Method::TRACE, Method::CONNECT] {
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        assert_eq!(code(ask(&api, "/count", request).await), "method_not_allowed");
    }
}
