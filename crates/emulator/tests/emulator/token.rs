//! The token endpoint: what a code and a refresh token are good for, and each of Zoom's errors.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Answer, CLIENT_ID, CLIENT_SECRET, GRACE, Stage, basic};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes()))
}

fn assert_error(answer: &Answer, reason: &str, error: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json(), json!({"reason": reason, "error": error}));
    assert!(answer.header("content-type").unwrap().starts_with("application/json"));
}

fn invalid_code(answer: &Answer) {
    assert_error(answer, "Invalid authorization code", "invalid_grant");
}

async fn is_live(stage: &Stage, token: &str) -> bool {
    stage.api(Method::GET, "/v2/users/me", token, None).await.status == StatusCode::OK
}

#[tokio::test]
async fn a_code_becomes_tokens_of_zooms_shape() {
    let stage = Stage::bare().await;
    let code = stage.code(&[]).await;
    let answer = stage.exchange(&code, &[]).await;
    assert!(answer.header("x-zm-trackingid").unwrap().starts_with("v=2.0;"));
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "bearer");
    assert_eq!(tokens["expires_in"], 3599);
    assert_eq!(tokens["scope"], "user:read:user zoomapp:inmeeting");
    assert_eq!(tokens["api_url"], stage.at.zoom);
    for name in ["access_token", "refresh_token"] {
        let token = tokens[name].as_str().unwrap();
        assert!(token.len() > 256 && token.starts_with("eyJ") && token.matches('.').count() == 2, "{token}");
    }
}

#[tokio::test]
async fn an_unknown_member_appears_sometimes() {
    let stage = Stage::bare().await;
    let mut seen = [false; 2];
    for _ in 0..60 {
        let more = stage.tokens().await.as_object().unwrap().contains_key("emulator_extra");
        seen[usize::from(more)] = true;
    }
    assert_eq!(seen, [true, true]);
}

#[tokio::test]
async fn a_code_works_once() {
    let stage = Stage::bare().await;
    let code = stage.code(&[]).await;
    assert_eq!(stage.exchange(&code, &[]).await.status, StatusCode::OK);
    invalid_code(&stage.exchange(&code, &[]).await);
}

#[tokio::test]
async fn a_code_that_was_tried_wrongly_is_used_up() {
    let stage = Stage::bare().await;
    let code = stage.code(&[("code_challenge", VERIFIER)]).await;
    invalid_code(&stage.exchange(&code, &[("code_verifier", "wrong")]).await);
    invalid_code(&stage.exchange(&code, &[("code_verifier", VERIFIER)]).await);
}

#[tokio::test]
async fn a_code_lives_five_minutes_of_the_emulators_clock() {
    let stage = Stage::bare().await;
    let (early, late) = (stage.code(&[]).await, stage.code(&[]).await);
    stage.put("clock", json!({"advance_ms": 290_000})).await;
    assert_eq!(stage.exchange(&early, &[]).await.status, StatusCode::OK);
    stage.put("clock", json!({"advance_ms": 10_000})).await;
    invalid_code(&stage.exchange(&late, &[]).await);
}

#[tokio::test]
async fn tokens_are_asked_for_by_post_alone_and_the_diagram_says_so() {
    let stage = Stage::bare().await;
    for path in ["/oauth/token", "/oauth/revoke"] {
        let answer = stage.http.browse(&format!("{}{path}?grant_type=refresh_token", stage.at.zoom)).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")));
        let steps = stage.steps().await;
        assert_eq!(steps.last().unwrap()["problem"]["sentence"], "This request is no POST.");
    }
}

#[tokio::test]
async fn an_unknown_and_a_missing_code_are_refused() {
    let stage = Stage::bare().await;
    invalid_code(&stage.exchange("3ZDQH98oh8J0YKDVCU6SY-E3rQ2m9T3Rg", &[]).await);
    invalid_code(&stage.token(&[("grant_type", "authorization_code")]).await);
}

#[tokio::test]
async fn the_redirect_uri_must_be_the_one_of_the_authorize_request() {
    let stage = Stage::bare().await;
    for uri in [None, Some("https://evil.example/"), Some("")] {
        let code = stage.code(&[]).await;
        let mut form = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
        form.extend(uri.map(|uri| ("redirect_uri", uri)));
        let answer = stage.token(&form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{uri:?}");
        assert_eq!(answer.json()["error"], "invalid_request");
    }
}

#[tokio::test]
async fn a_verifier_must_answer_the_challenge_that_was_sent() {
    let stage = Stage::bare().await;
    let hashed = s256(VERIFIER);
    let s256 = vec![("code_challenge", hashed.as_str()), ("code_challenge_method", "S256")];
    let plain = vec![("code_challenge", VERIFIER), ("code_challenge_method", "plain")];
    let unnamed = vec![("code_challenge", VERIFIER)];
    let short = vec![("code_challenge", "\u{7}short"), ("code_challenge_method", "plain")];
    for (challenge, verifier, fits) in [
        (&s256, Some(VERIFIER), true),
        (&s256, Some(hashed.as_str()), false),
        (&s256, Some("wrong"), false),
        (&s256, None, false),
        (&plain, Some(VERIFIER), true),
        (&plain, Some(hashed.as_str()), false),
        (&plain, None, false),
        (&unnamed, Some(VERIFIER), true),
        (&unnamed, Some("wrong"), false),
        // Zoom enforces neither the length nor the characters of RFC 7636.
        (&short, Some("\u{7}short"), true),
        (&vec![], None, true),
        // A verifier without a challenge: RFC 9700 section 2.1.1.
        (&vec![], Some(VERIFIER), false),
    ] {
        let code = stage.code(challenge).await;
        let more: Vec<_> = verifier.map(|verifier| ("code_verifier", verifier)).into_iter().collect();
        let answer = stage.exchange(&code, &more).await;
        assert_eq!(answer.status == StatusCode::OK, fits, "{challenge:?} {verifier:?}");
        if !fits {
            invalid_code(&answer);
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_a_400_and_leave_the_code_alone() {
    let stage = Stage::bare().await;
    let code = stage.code(&[]).await;
    let redirect = stage.redirect_uri();
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &redirect)])
        .finish();
    let wrong = [
        None,
        Some(basic(CLIENT_ID, "wrong")),
        Some(basic("wrong", CLIENT_SECRET)),
        Some("Basic !!!".into()),
        Some("Basic bm9jb2xvbg==".into()),
        Some(format!("Bearer {CLIENT_SECRET}")),
    ];
    for authorization in wrong {
        let mut request = Request::post(format!("{}/oauth/token", stage.at.zoom))
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(value) = &authorization {
            request = request.header("authorization", value);
        }
        let answer = stage.http.send(request.body(Body::from(form.clone())).unwrap()).await;
        assert_error(&answer, "Invalid client_id or client_secret", "invalid_client");
    }
    assert_eq!(stage.exchange(&code, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn credentials_may_be_parameters() {
    let stage = Stage::bare().await;
    let code = stage.code(&[]).await;
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &stage.redirect_uri())])
        .extend_pairs([("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)])
        .finish();
    let request = Request::post(format!("{}/oauth/token", stage.at.zoom))
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let answer = stage.http.send(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn json_and_other_grants_are_unsupported() {
    let stage = Stage::bare().await;
    let unsupported = |answer: &Answer| assert_error(answer, "unsupported grant type", "unsupported_grant_type");
    unsupported(&stage.token(&[("grant_type", "password")]).await);
    unsupported(&stage.token(&[("code", "x")]).await);
    unsupported(&stage.token(&[]).await);
    let request = Request::post(format!("{}/oauth/token", stage.at.zoom))
        .header("authorization", basic(CLIENT_ID, CLIENT_SECRET))
        .header("content-type", "application/json");
    let body = json!({"grant_type": "authorization_code", "code": stage.code(&[]).await}).to_string();
    unsupported(&stage.http.send(request.body(Body::from(body)).unwrap()).await);
}

#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let stage = Stage::bare().await;
    let answer = stage.token(&[("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b")]).await;
    assert_eq!((answer.status, answer.json()["error"].clone()), (StatusCode::BAD_REQUEST, json!("invalid_request")));
}

#[tokio::test]
async fn parameters_in_the_url_work_and_are_warned_about() {
    let stage = Stage::bare().await;
    let tokens = stage.tokens().await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let url = format!("{}/oauth/token?grant_type=refresh_token&refresh_token={refresh}", stage.at.zoom);
    let request = Request::post(url).header("authorization", basic(CLIENT_ID, CLIENT_SECRET));
    let answer = stage.http.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let steps = stage.steps().await;
    let step = steps.last().unwrap();
    assert_eq!(step["status"], "ok");
    assert!(step["problem"]["sentence"].as_str().unwrap().contains("URL"), "{step}");
}

#[tokio::test]
async fn a_refresh_token_rotates_and_the_old_one_dies_at_once() {
    let stage = Stage::bare().await;
    let first = stage.tokens().await;
    let answer = stage.refresh(first["refresh_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let second = answer.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(second["scope"], first["scope"]);
    assert_error(&stage.refresh(first["refresh_token"].as_str().unwrap()).await, "Invalid Token!", "invalid_grant");
    assert_error(&stage.refresh("unknown").await, "Invalid Token!", "invalid_grant");
    assert!(is_live(&stage, first["access_token"].as_str().unwrap()).await, "access tokens live until they expire");
    assert!(is_live(&stage, second["access_token"].as_str().unwrap()).await);
    assert_eq!(stage.refresh(second["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn access_tokens_live_an_hour_and_refresh_tokens_ninety_days() {
    let stage = Stage::bare().await;
    let tokens = stage.tokens().await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    stage.put("clock", json!({"advance_ms": 3_590_000})).await;
    assert!(is_live(&stage, access).await);
    stage.put("clock", json!({"advance_ms": 10_000})).await;
    let answer = stage.api(Method::GET, "/v2/users/me", access, None).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::UNAUTHORIZED, json!(124)));
    stage.put("clock", json!({"offset_ms": 91_i64 * 24 * 3600 * 1000})).await;
    assert_error(&stage.refresh(refresh).await, "Invalid Token!", "invalid_grant");
}

#[tokio::test]
async fn a_test_may_shorten_the_life_of_access_tokens() {
    let stage = Stage::bare().await;
    stage.put("tokens", json!({"access_seconds": 5})).await;
    let tokens = stage.tokens().await;
    assert_eq!(tokens["expires_in"], 4);
    stage.put("clock", json!({"advance_ms": 6_000})).await;
    assert!(!is_live(&stage, tokens["access_token"].as_str().unwrap()).await);
    assert_eq!(stage.refresh(tokens["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_authorization_of_the_same_user_kills_the_older_tokens() {
    let stage = Stage::bare().await;
    let first = stage.tokens().await;
    stage.put("user", json!({"id": GRACE})).await;
    let of_grace = stage.tokens().await;
    stage.put("user", json!({"id": crate::stage::ADA})).await;
    let second = stage.tokens().await;
    assert!(!is_live(&stage, first["access_token"].as_str().unwrap()).await);
    assert_error(&stage.refresh(first["refresh_token"].as_str().unwrap()).await, "Invalid Token!", "invalid_grant");
    assert!(is_live(&stage, second["access_token"].as_str().unwrap()).await);
    assert!(is_live(&stage, of_grace["access_token"].as_str().unwrap()).await, "another user's tokens live on");
}

async fn revoke(stage: &Stage, token: &str, secret: &str) -> Answer {
    let request = Request::post(format!("{}/oauth/revoke", stage.at.zoom))
        .header("authorization", basic(CLIENT_ID, secret))
        .header("content-type", "application/x-www-form-urlencoded");
    stage.http.send(request.body(Body::from(format!("token={token}"))).unwrap()).await
}

#[tokio::test]
async fn a_revoked_grant_is_dead() {
    let stage = Stage::bare().await;
    let tokens = stage.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(revoke(&stage, access, "wrong").await.status, StatusCode::BAD_REQUEST);
    assert!(is_live(&stage, access).await);
    let answer = revoke(&stage, access, CLIENT_SECRET).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"status": "success"})));
    assert!(!is_live(&stage, access).await);
    assert_error(&stage.refresh(tokens["refresh_token"].as_str().unwrap()).await, "Invalid Token!", "invalid_grant");
    assert_eq!(stage.read("state").await["installed"], Value::Array(vec![]));
}

#[tokio::test]
async fn a_revocation_without_a_form_ends_nothing_and_says_so() {
    let stage = Stage::bare().await;
    let tokens = stage.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let request = Request::post(format!("{}/oauth/revoke", stage.at.zoom))
        .header("authorization", basic(CLIENT_ID, CLIENT_SECRET))
        .header("content-type", "application/json");
    let body = json!({"token": access}).to_string();
    let answer = stage.http.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    assert!(is_live(&stage, access).await);
    assert_eq!(revoke(&stage, "unknown", CLIENT_SECRET).await.status, StatusCode::OK);
    let steps = stage.steps().await;
    let step = steps.last().unwrap();
    assert_eq!(step["status"], "ok");
    assert!(step["problem"]["sentence"].as_str().unwrap().contains("nothing ended"), "{step}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let stage = Stage::bare().await;
    let answer = stage.token(&[("grant_type", &"x".repeat(70_000))]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
