//! The website: who visits it, what Zoom makes of their token, and Cobrowse sessions; with a backend that is written here.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_emulator::{ApiKey, SdkApp, SdkSecret};
use stagedoor_protocol::jwt::{Choice, JwtError, SignedJwt, Terms, VerifyingKeys};
use stagedoor_protocol::time::UnixSeconds;

use crate::stage::{ADA, Answer, GRACE, Stage};

const SDK_KEY: &str = "TestSdkKey01";
const SDK_SECRET: &str = "canary-sdk-secret-44aa";
const API_KEY: &str = "canary-api-key-77bb";

/// An ES256 key, and its public half as PEM.
struct Key {
    pair: EcdsaKeyPair,
    pem: String,
}

impl Key {
    fn new() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let prefix = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").unwrap();
        let der = [prefix.as_slice(), pair.public_key().as_ref()].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        Self { pair, pem }
    }

    fn sign(&self, payload: &Value) -> String {
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "cty": "text/plain"})), part(payload));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token as Zoom's Cobrowse sample makes it.
fn cobrowse_token(role: u8, user: &str, more: &Value) -> String {
    let now = now();
    let mut payload = json!({
        "app_key": SDK_KEY, "role_type": role, "iat": now, "exp": now + 7200, "user_id": user, "user_name": user,
    });
    for (name, value) in more.as_object().unwrap() {
        payload[name] = value.clone();
    }
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SDK_SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn now() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

/// What the backend was asked: the headers and the body.
type Asked = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// Gives tokens of agents to whoever has the API key, and takes webhooks from anybody.
fn backend(asked: &Asked) -> Router {
    async fn token(State(asked): State<Asked>, headers: HeaderMap, body: String) -> Response {
        let body: Value = serde_json::from_str(&body).unwrap();
        asked.lock().unwrap().push((headers.clone(), body.clone()));
        if headers.get(AUTHORIZATION).is_none_or(|value| value != &format!("Bearer {API_KEY}")) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let token = cobrowse_token(2, body["userId"].as_str().unwrap(), &json!({"user_name": body["userName"]}));
        axum::Json(json!({"token": token})).into_response()
    }
    Router::new().route("/zoom/cobrowse/token", post(token)).with_state(Arc::clone(asked))
}

async fn stage(asked: &Asked, key: Option<&Key>) -> Stage {
    let (router, pem) = (backend(asked), key.map(|key| key.pem.clone()));
    let adjust = |config: &mut stagedoor_emulator::Config| {
        config.website.public_key = pem;
        config.website.sdk = SdkApp { key: SDK_KEY.into(), secret: SdkSecret::new(SDK_SECRET) };
        config.website.api_key = Some(ApiKey::new(API_KEY));
    };
    Stage::with(|_| Some(router), adjust).await
}

async fn send(stage: &Stage, path: &str, cookie: &str, body: &Value) -> Answer {
    let request = Request::post(format!("{}{path}", stage.at.website))
        .header(CONTENT_TYPE, "application/json")
        .header(COOKIE, cookie)
        .body(Body::from(body.to_string()));
    stage.http.send(request.unwrap()).await
}

async fn get(stage: &Stage, path: &str, cookie: &str) -> Answer {
    let request = Request::get(format!("{}{path}", stage.at.website)).header(COOKIE, cookie);
    stage.http.send(request.body(Body::empty()).unwrap()).await
}

/// Signs a customer in; returns the cookies.
async fn sign_in(stage: &Stage) -> String {
    let answer = send(stage, "/sign-in", "", &json!({"sub": "c-1001"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let cookies = answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    cookies.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// The session token among the cookies.
fn session_token(cookies: &str) -> &str {
    cookies.split("; ").find_map(|pair| pair.strip_prefix("shop_jwt=")).unwrap()
}

/// Believes a session token as a careful backend does.
async fn judge(stage: &Stage, token: &str) -> Result<(), JwtError> {
    let keys = VerifyingKeys::read_set(&get(stage, "/jwks.json", "").await.body).unwrap();
    let claims = SignedJwt::read(token, Choice::ByKey)?.open(&keys)?;
    let terms = Terms { issuer: &stage.at.website, audience: "example-shop", now: UnixSeconds(now()), grace: 0 };
    terms.check(&claims).map(drop)
}

/// The widget reports what it got of the endpoint; returns what the flow sees.
async fn chat(stage: &Stage, cookie: &str, (http, jwt): (u16, Option<&str>)) -> Value {
    let report = json!({"occasion": "start", "asked": {"http": http, "took_ms": 5}, "jwt": jwt});
    send(stage, "/~zoom/chat", cookie, &report).await.json()
}

#[tokio::test]
async fn a_visitor_is_nobody_until_they_sign_in_and_after_they_sign_out() {
    let stage = stage(&Asked::default(), None).await;
    assert_eq!(get(&stage, "/whoami", "").await.status, StatusCode::UNAUTHORIZED);
    let cookies = sign_in(&stage).await;
    let who = get(&stage, "/whoami", &cookies).await.json();
    assert_eq!((who["email"].as_str(), who["sub"].as_str()), (Some("katherine@example.com"), Some("c-1001")));
    assert_eq!(get(&stage, "/whoami", "shop_session=guessed").await.status, StatusCode::UNAUTHORIZED);
    send(&stage, "/sign-out", &cookies, &json!({})).await;
    assert_eq!(get(&stage, "/whoami", &cookies).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&stage, "/sign-in", "", &json!({"sub": "nobody"})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_itself_knows_its_visitor_whatever_whoami_answers() {
    let stage = stage(&Asked::default(), None).await;
    let cookies = sign_in(&stage).await;
    stage.put("faults", json!({"website": "html"})).await;
    assert_eq!(get(&stage, "/site.json", &cookies).await.json()["visitor"]["sub"], "c-1001");
    assert_eq!(get(&stage, "/site.json", "").await.json()["visitor"], Value::Null);
}

#[tokio::test]
async fn a_token_that_comes_with_another_status_than_200_is_none() {
    let key = Key::new();
    let stage = stage(&Asked::default(), Some(&key)).await;
    let jwt = key.sign(&json!({"exp": now() + 300, "email": "k@example.com"}));
    for (status, is_known) in [(200, true), (401, false), (500, false)] {
        assert_eq!(chat(&stage, "", (status, Some(&jwt))).await["authenticationStatus"], is_known, "{status}");
    }
    let order = json!({"asked": {"http": 403, "took_ms": 5}, "token": cobrowse_token(1, "k", &json!({}))});
    assert_eq!(send(&stage, "/~zoom/cobrowse/start", "", &order).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_cookie_that_is_a_token_is_signed_with_the_key_of_the_jwks() {
    let stage = stage(&Asked::default(), None).await;
    let cookies = sign_in(&stage).await;
    let jwt = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("shop_jwt=")).unwrap();
    let key = get(&stage, "/jwks.json", "").await.json()["keys"][0].clone();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let point = [vec![4], decode(key["x"].as_str().unwrap()), decode(key["y"].as_str().unwrap())].concat();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED, point);
    public.verify(signed.as_bytes(), &decode(signature)).unwrap();
    let payload: Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
    assert_eq!((payload["iss"].as_str(), payload["sub"].as_str()), (Some(stage.at.website.as_str()), Some("c-1001")));
    assert!(payload["exp"].as_i64().unwrap() > now() && payload["aud"] == "example-shop");
}

#[tokio::test]
async fn a_verified_token_sets_the_variables_of_the_table() {
    let key = Key::new();
    let stage = stage(&Asked::default(), Some(&key)).await;
    let rules = json!([{"field": "email", "variable": "global_custom.Shop.mail"}, {"field": "vip", "variable": "v"}]);
    stage.put("website", json!({"variables": rules})).await;
    let jwt = key.sign(&json!({"exp": now() + 300, "email": "k@example.com", "vip": true, "unmapped": 1}));
    let seen = chat(&stage, "", (200, Some(&jwt))).await;
    let variables =
        json!([{"variable": "global_custom.Shop.mail", "value": "k@example.com"}, {"variable": "v", "value": true}]);
    assert_eq!(seen, json!({"authenticationStatus": true, "variables": variables}));
    let shown = stage.read("state").await["website"]["chat"].clone();
    assert_eq!((shown["authenticated"].as_bool(), &shown["variables"]), (Some(true), &variables));
    let steps = stage.steps().await;
    let titles: Vec<_> =
        steps.iter().map(|step| (step["title"].as_str().unwrap(), step["status"].as_str().unwrap())).collect();
    assert_eq!(titles, [("Who is the visitor?", "ok"), ("Begin the engagement", "ok")]);
    assert!(!json!(steps).to_string().contains(&jwt));
}

#[tokio::test]
async fn a_visitor_who_is_not_signed_in_chats_unauthenticated_and_nothing_is_wrong() {
    let stage = stage(&Asked::default(), Some(&Key::new())).await;
    let seen = chat(&stage, "", (401, None)).await;
    assert_eq!(seen, json!({"authenticationStatus": false, "variables": []}));
    assert!(stage.steps().await.iter().all(|step| step["status"] == "ok" && step["problem"].is_null()));
    let cookies = sign_in(&stage).await;
    chat(&stage, &cookies, (401, None)).await;
    let steps = stage.steps().await;
    assert_eq!(steps[2]["problem"]["setting"], "consumer.identity", "the backend should have known them");
}

#[tokio::test]
async fn a_session_is_forged_as_its_fault_says_and_the_next_one_is_genuine() {
    let stage = stage(&Asked::default(), None).await;
    for (fault, expected) in [
        ("expired", JwtError::Expired),
        ("der_signature", JwtError::Signature),
        ("other_key", JwtError::UnknownKey),
        ("confusion", JwtError::UnknownKey),
        ("alg_none", JwtError::Algorithm),
    ] {
        stage.put("faults", json!({"website": {"id": fault, "times": 1}})).await;
        assert_eq!(judge(&stage, session_token(&sign_in(&stage).await)).await, Err(expected), "{fault}");
        assert_eq!(judge(&stage, session_token(&sign_in(&stage).await)).await, Ok(()), "after {fault}");
    }
}

#[tokio::test]
async fn a_whoami_in_trouble_says_something_else_or_nothing() {
    let stage = stage(&Asked::default(), None).await;
    let cookies = sign_in(&stage).await;
    for (fault, status, says) in [("down", 500, "<html>"), ("html", 200, "<html>"), ("anybody", 200, "{}")] {
        stage.put("faults", json!({ "website": fault })).await;
        let answer = get(&stage, "/whoami", &cookies).await;
        assert_eq!(answer.status.as_u16(), status, "{fault}");
        assert!(answer.text().starts_with(says), "{fault}");
    }
    stage.put("faults", json!({"website": "hang"})).await;
    let soon = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, get(&stage, "/whoami", &cookies)).await.is_err());
    stage.put("faults", json!({ "website": null })).await;
    assert_eq!(get(&stage, "/whoami", &cookies).await.json()["sub"], "c-1001");
}

#[tokio::test]
async fn a_token_that_is_not_right_authenticates_nobody_and_says_why() {
    let key = Key::new();
    let stage = stage(&Asked::default(), Some(&key)).await;
    let payload = json!({"exp": now() + 300, "email": "k@example.com"});
    let hs256 = {
        let signed = format!("{}.{}", part(&json!({"alg": "HS256"})), part(&payload));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.pem.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    for (jwt, why) in [
        (key.sign(&json!({"exp": now() - 1, "email": "k@example.com"})), "expired"),
        (key.sign(&json!({"exp": (now() + 300) * 1000})), "milliseconds"),
        (Key::new().sign(&payload), "does not fit"),
        (hs256, "HS256"),
        ("nonsense".into(), "three parts"),
    ] {
        let seen = chat(&stage, "", (200, Some(&jwt))).await;
        assert_eq!(seen["authenticationStatus"], false, "{why}");
        let steps = stage.steps().await;
        let problem = &steps.last().unwrap()["problem"];
        assert!(problem["sentence"].as_str().unwrap().contains(why), "{problem}");
    }
}

#[tokio::test]
async fn an_answer_that_a_page_cannot_read_names_the_headers_that_are_missing() {
    let stage = stage(&Asked::default(), None).await;
    let report = json!({"occasion": "start", "asked": {"http": null, "took_ms": 5}, "jwt": null});
    send(&stage, "/~zoom/chat", "", &report).await;
    let problem = stage.steps().await[0]["problem"].clone();
    assert_eq!(problem["setting"], "consumer.origins");
    assert!(problem["fix"].as_str().unwrap().contains(&format!("Access-Control-Allow-Origin: {}", stage.at.website)));
}

#[tokio::test]
async fn a_reload_belongs_to_the_chat_that_goes_on() {
    let key = Key::new();
    let stage = stage(&Asked::default(), Some(&key)).await;
    let reload = json!({"occasion": "reload", "asked": {"http": 401, "took_ms": 5}, "jwt": null});
    assert_eq!(send(&stage, "/~zoom/chat", "", &reload).await.status, StatusCode::NOT_FOUND);
    chat(&stage, "", (401, None)).await;
    let engagement = stage.read("state").await["website"]["chat"]["engagement"].clone();
    send(&stage, "/~zoom/chat", "", &reload).await;
    assert_eq!(stage.read("state").await["website"]["chat"]["engagement"], engagement);
    let flows: std::collections::BTreeSet<_> =
        stage.steps().await.iter().map(|step| step["flow"].to_string()).collect();
    assert_eq!(flows.len(), 1);
}

#[tokio::test]
async fn a_key_is_pasted_and_taken_away_and_nonsense_is_not_one() {
    let key = Key::new();
    let stage = stage(&Asked::default(), None).await;
    let jwt = key.sign(&json!({"exp": now() + 300, "email": "k@example.com"}));
    assert_eq!(chat(&stage, "", (200, Some(&jwt))).await["authenticationStatus"], false);
    let shown = stage.put("website", json!({"public_key": key.pem})).await;
    assert_eq!(shown["website"]["public_key"], key.pem);
    assert_eq!(chat(&stage, "", (200, Some(&jwt))).await["authenticationStatus"], true);
    assert_eq!(stage.put("website", json!({"public_key": ""})).await["website"]["public_key"], Value::Null);
    for wrong in [
        json!({"public_key": "nonsense"}),
        json!({"auth_endpoint": "https://localhost/"}),
        json!({"variables": [{"field": "", "variable": "x"}]}),
        json!({"way": "somehow"}),
        json!({"more": 1}),
    ] {
        assert_eq!(stage.try_control(Method::PUT, "website", &wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// A page hands a token to Zoom.
async fn enter(stage: &Stage, path: &str, token: &str, pin: Option<&str>) -> Answer {
    let order = json!({"asked": {"http": 200, "took_ms": 5}, "token": token, "pin": pin});
    send(stage, &format!("/~zoom/cobrowse/{path}"), "", &order).await
}

fn error_code(answer: &Answer) -> u64 {
    answer.json()["error"]["errorCode"].as_u64().unwrap_or_else(|| panic!("no error: {}", answer.text()))
}

#[tokio::test]
async fn a_customer_and_an_agent_meet_by_the_pin() {
    let asked = Asked::default();
    let stage = stage(&asked, None).await;
    let started = enter(&stage, "start", &cobrowse_token(1, "customer", &json!({})), None).await.json();
    let pin = started["pincode"].as_str().unwrap();
    assert!(pin.len() == 6 && pin.bytes().all(|byte| byte.is_ascii_digit()));
    let desk = send(&stage, "/desk/token", "", &json!({"agent": GRACE})).await.json();
    assert_eq!(desk["asked"]["http"], 200);
    assert_eq!(asked.lock().unwrap()[0].1, json!({"role": 2, "userId": GRACE, "userName": "Grace Hopper"}));
    let joined = enter(&stage, "join", desk["token"].as_str().unwrap(), Some(pin)).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text());
    let look = send(&stage, "/~zoom/cobrowse/look", "", &json!({"connection": started["connection"]})).await.json();
    let names: Vec<_> = look["members"].as_array().unwrap().iter().map(|member| member["user_name"].clone()).collect();
    assert_eq!((look["isLive"].as_bool(), names), (Some(true), vec![json!("customer"), json!("Grace Hopper")]));
    send(&stage, "/~zoom/cobrowse/leave", "", &json!({"connection": started["connection"]})).await;
    let look = send(&stage, "/~zoom/cobrowse/look", "", &json!({"connection": joined.json()["connection"]})).await;
    assert_eq!(look.json()["isLive"], false);
    assert!(stage.steps().await.iter().all(|step| step["status"] == "ok"));
}

#[tokio::test]
async fn zoom_refuses_by_the_numbers_of_its_sdk() {
    let stage = stage(&Asked::default(), None).await;
    let agent = |user: &str| cobrowse_token(2, user, &json!({}));
    let byop = cobrowse_token(1, "customer", &json!({"enable_byop": 1}));
    assert_eq!(error_code(&enter(&stage, "start", &byop, None).await), 1009);
    assert_eq!(error_code(&enter(&stage, "start", &byop, Some("not a pin")).await), 1008);
    assert_eq!(enter(&stage, "start", &byop, Some("desk1")).await.json()["pincode"], "DESK1");
    assert_eq!(error_code(&enter(&stage, "start", &byop, Some("Desk1")).await), 1010);
    assert_eq!(error_code(&enter(&stage, "join", &agent("a0"), Some("000")).await), 1006);
    for number in 0..5 {
        assert_eq!(enter(&stage, "join", &agent(&format!("a{number}")), Some("desk1")).await.status, StatusCode::OK);
    }
    assert_eq!(error_code(&enter(&stage, "join", &agent("a0"), Some("desk1")).await), 1015);
    assert_eq!(error_code(&enter(&stage, "join", &agent("a5"), Some("desk1")).await), 1013);
    assert_eq!(error_code(&enter(&stage, "join", &cobrowse_token(1, "c2", &json!({})), Some("desk1")).await), 1012);
    for bad in [
        agent("a0"),
        cobrowse_token(1, "c", &json!({"exp": now() - 1})),
        cobrowse_token(1, "c", &json!({"exp": now() + 60})),
        "x.y.z".into(),
    ] {
        assert_eq!(error_code(&enter(&stage, "start", &bad, None).await), 2001, "{bad}");
    }
    let steps = stage.steps().await;
    assert!(steps.last().unwrap()["problem"]["sentence"].as_str().unwrap().starts_with("2001 TOKEN_INVALID: "));
    assert!(!json!(steps).to_string().contains(SDK_SECRET) && !json!(steps).to_string().contains(API_KEY));
}

#[tokio::test]
async fn a_page_without_a_token_gets_nowhere_and_the_diagram_says_that_this_is_right() {
    let stage = stage(&Asked::default(), None).await;
    let refused = |sneaked: bool| json!({"asked": {"http": 401, "took_ms": 5}, "token": null, "pin": "123456", "sneaked": sneaked});
    assert_eq!(send(&stage, "/~zoom/cobrowse/join", "", &refused(true)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.steps().await[0]["status"], "ok");
    send(&stage, "/~zoom/cobrowse/join", "", &refused(false)).await;
    assert_eq!(
        stage.steps().await[1]["problem"]["setting"],
        "cobrowse.api_keys",
        "an agent of the website should get one"
    );
    let token = cobrowse_token(2, "anybody", &json!({}));
    let given = json!({"asked": {"http": 200, "took_ms": 5}, "token": token, "pin": "123456", "sneaked": true});
    send(&stage, "/~zoom/cobrowse/join", "", &given).await;
    assert_eq!(stage.steps().await[2]["status"], "failed", "a backend that gives it to anybody is told");
    let unknown = send(&stage, "/desk/token", "", &json!({"agent": "nobody"})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sessions_are_told_by_webhooks() {
    let got: Arc<Mutex<Vec<Value>>> = Arc::default();
    let sink = Arc::clone(&got);
    let hooks = async move |body: String| {
        let json: Value = serde_json::from_str(&body).unwrap();
        sink.lock().unwrap().push(json.clone());
        // Whatever the token is; validation is tried elsewhere.
        axum::Json(json!({"plainToken": json["payload"]["plainToken"]}))
    };
    let stage = Stage::with(
        |_| Some(Router::new().route("/hooks", post(hooks))),
        |config| config.website.sdk = SdkApp { key: SDK_KEY.into(), secret: SdkSecret::new(SDK_SECRET) },
    )
    .await;
    stage.put("webhook", json!({"url": format!("{}/hooks", stage.app)})).await;
    let started = enter(&stage, "start", &cobrowse_token(1, "customer", &json!({})), None).await.json();
    enter(&stage, "join", &cobrowse_token(2, ADA, &json!({})), started["pincode"].as_str()).await;
    send(&stage, "/~zoom/cobrowse/leave", "", &json!({"connection": started["connection"]})).await;
    let deliveries = stage.read("deliveries").await;
    let bodies: Vec<Value> = deliveries
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| serde_json::from_str(delivery["body"].as_str().unwrap()).unwrap())
        .collect();
    let events: Vec<_> =
        bodies.iter().map(|body| body["event"].as_str().unwrap().replace("cobrowse.session_", "")).collect();
    assert_eq!(events, ["started", "user_joined", "user_joined", "user_left", "user_left", "ended"]);
    let object = |at: usize| &bodies[at]["payload"]["object"];
    assert_eq!((&object(0)["session_id"], object(2)["role_type"].as_str()), (&started["sessionId"], Some("agent")));
    assert_eq!(object(4)["leave_reason"], "The session end");
    assert_eq!(object(5)["session_pin"], started["pincode"]);
    assert_ne!(object(1)["user_connection_id"], started["connection"], "it would let others act for the customer");
}

#[tokio::test]
async fn other_origins_and_other_names_have_no_say_on_the_website() {
    let stage = stage(&Asked::default(), None).await;
    let request = Request::post(format!("{}/sign-in", stage.at.website))
        .header(CONTENT_TYPE, "application/json")
        .header("origin", "https://evil.example")
        .body(Body::from(r#"{"sub":"c-1001"}"#));
    assert_eq!(stage.http.send(request.unwrap()).await.status, StatusCode::FORBIDDEN);
    let answer = stage.http.get_as_host(&format!("{}/whoami", stage.at.website), "evil.example").await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    let page = get(&stage, "/", "").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("frame-ancestors {}", stage.at.zoom)) && policy.contains(&stage.app), "{policy}");
}
