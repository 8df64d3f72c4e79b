//! The authorize page: what it takes, what it refuses, and that a refusal sends nobody anywhere.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::json;
use url::Url;

use crate::stage::{CLIENT_ID, Stage};

/// The authorize URL with one parameter replaced, or left out.
fn with(stage: &Stage, name: &str, value: Option<&str>) -> Url {
    let mut url = stage.authorize_url(&[("state", "s")]);
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    url.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(value.map(|value| (name, value)));
    url
}

#[tokio::test]
async fn the_redirect_uri_must_be_on_the_allow_list_character_by_character() {
    let stage = Stage::bare().await;
    stage.always_allow().await;
    let known = stage.redirect_uri();
    let wrong = [
        format!("{known}/"),
        format!("{known}?a=b"),
        format!("{known}#"),
        known.replace("callback", "Callback"),
        known.replace("http://", "https://"),
        known.replace("http://localhost", "http://LOCALHOST"),
        known.replace("localhost", "localhost.evil.example"),
        known.replace("/zoom/", "/x/../zoom/"),
        known.replace("http://", "http://user@"),
        stage.app.clone(),
        "javascript:alert(1)".into(),
    ];
    for uri in wrong.iter().map(|uri| Some(uri.as_str())).chain([Some(""), None]) {
        let answer = stage.http.get(with(&stage, "redirect_uri", uri).as_str()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{uri:?}");
        assert_eq!(
            answer.json(),
            json!({"status": false, "errorCode": 4700, "errorMessage": "Invalid redirect url", "result": null})
        );
    }
    assert_eq!(stage.http.get(stage.authorize_url(&[]).as_str()).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_person_gets_a_page_that_names_the_redirect_and_the_code() {
    let stage = Stage::bare().await;
    let url = with(&stage, "redirect_uri", Some("https://evil.example/<script>"));
    let answer = stage.http.browse(url.as_str()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert!(answer.text().contains("Invalid redirect: https://evil.example/") && answer.text().contains("(4,700)"));
    assert!(!answer.text().contains("<script>"), "the address is escaped");
    assert!(!answer.headers.contains_key("location"));
}

#[tokio::test]
async fn an_unknown_client_a_wrong_type_and_a_repeated_parameter_are_refused() {
    let stage = Stage::bare().await;
    stage.always_allow().await;
    let twice = format!("{}&client_id={CLIENT_ID}", with(&stage, "state", None));
    for (url, code) in [
        (with(&stage, "client_id", Some("another")).to_string(), 4702),
        (with(&stage, "client_id", None).to_string(), 4702),
        (with(&stage, "response_type", Some("token")).to_string(), 4700),
        (with(&stage, "response_type", None).to_string(), 4700),
        (twice, 4700),
    ] {
        let answer = stage.http.get(&url).await;
        assert_eq!(
            (answer.status, answer.json()["errorCode"].clone()),
            (StatusCode::BAD_REQUEST, json!(code)),
            "{url}"
        );
        assert!(!answer.headers.contains_key("location"));
    }
}

#[tokio::test]
async fn an_unknown_challenge_method_is_refused() {
    let stage = Stage::bare().await;
    stage.always_allow().await;
    for more in [
        &[("code_challenge", "c"), ("code_challenge_method", "S512")][..],
        &[("code_challenge", "c"), ("code_challenge_method", "s256")],
        &[("code_challenge_method", "S256")],
    ] {
        let answer = stage.http.get(stage.authorize_url(more).as_str()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{more:?}");
    }
}

#[tokio::test]
async fn the_state_comes_back_as_it_was_and_only_if_there_was_one() {
    let stage = Stage::bare().await;
    stage.always_allow().await;
    for state in ["plain", "with space+plus&and=more", "ümläut/\u{1F600}", "%41"] {
        let answer = stage.http.get(stage.authorize_url(&[("state", state)]).as_str()).await;
        assert_eq!(answer.location_param("state").as_deref(), Some(state));
    }
    let answer = stage.http.get(stage.authorize_url(&[]).as_str()).await;
    assert_eq!(answer.location_param("state"), None);
    let code = answer.location_param("code").unwrap();
    assert!(
        code.len() == 33 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "{code}"
    );
}

#[tokio::test]
async fn a_redirect_url_with_a_query_keeps_it() {
    let adjust = |config: &mut stagedoor_emulator::Config| {
        config.redirect_urls = vec!["https://app.example.com/back?tenant=1".parse().unwrap()];
    };
    let stage = Stage::with(|_| None, adjust).await;
    stage.always_allow().await;
    let url = with(&stage, "redirect_uri", Some("https://app.example.com/back?tenant=1"));
    let location = stage.http.get(url.as_str()).await.location();
    assert!(location.as_str().starts_with("https://app.example.com/back?tenant=1&code="), "{location}");
}

#[tokio::test]
async fn the_consent_page_asks_and_cannot_be_framed() {
    let stage = Stage::bare().await;
    let answer = stage.http.browse(stage.authorize_url(&[]).as_str()).await;
    assert_eq!(answer.status, StatusCode::OK);
    for text in ["Sample app", "Ada Lovelace", "Grace Hopper", "user:read:user"] {
        assert!(answer.text().contains(text), "{text}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let targets = policy.split("form-action 'self' ").nth(1).unwrap().split(';').next().unwrap();
    let by_number = stage.at.zoom.replace("localhost", "127.0.0.1");
    let expected = BTreeSet::from([stage.app.as_str(), &stage.at.zoom, &by_number]);
    assert_eq!(targets.split(' ').collect::<BTreeSet<_>>(), expected);
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
