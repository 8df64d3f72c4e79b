use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::oauth::{TokenError, TokenSet, read_tokens};
use stagedoor_protocol::zoom_error::{ZOOM_ERRORS, zoom_sentence};

fn answer(status: u16, body: impl Display) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
}

fn read(status: u16, body: impl Display) -> Result<TokenSet, TokenError> {
    read_tokens(&answer(status, body))
}

fn success() -> Value {
    json!({
        "access_token": "eyJh.access", "token_type": "bearer", "refresh_token": "eyJh.refresh", "expires_in": 3599,
        "scope": "user:read:user zoomapp:inmeeting", "api_url": "https://api.zoom.us",
    })
}

/// A success with one member set to something else, or removed.
fn with(member: &str, value: impl Into<Option<Value>>) -> Value {
    let mut body = success();
    let members = body.as_object_mut().unwrap();
    members.remove(member);
    members.extend(value.into().map(|value| (member.to_owned(), value)));
    body
}

#[test]
fn a_success_is_read() {
    let tokens = read(200, success()).unwrap();
    assert_eq!(tokens.access.expose(), "eyJh.access");
    assert_eq!(tokens.refresh.expose(), "eyJh.refresh");
    assert_eq!(tokens.expires_in, Duration::from_secs(3599));
    assert_eq!(tokens.scopes, ["user:read:user", "zoomapp:inmeeting"]);
}

#[test]
fn what_zoom_adds_or_spells_otherwise_does_no_harm() {
    for body in [
        with("token_type", json!("Bearer")),
        with("new", json!({"a": [1]})),
        with("api_url", None),
        with("expires_in", json!(3600)),
        with("scope", json!("  user:read:user   zoomapp:inmeeting ")),
    ] {
        assert_eq!(read(200, &body).map(|tokens| tokens.scopes.len()), Ok(2), "{body}");
    }
    assert_eq!(read(200, with("scope", None)).unwrap().scopes, [""; 0]);
}

#[test]
fn an_api_url_counts_only_where_it_is_an_origin_of_zooms() {
    let api = |url: Value| read(200, with("api_url", url)).unwrap().api.map(String::from);
    for url in ["https://api.zoom.us", "https://api-eu.zoom.us/", "https://zoom.us", "https://api.zoomgov.com"] {
        assert_eq!(api(json!(url)).unwrap().trim_end_matches('/'), url.trim_end_matches('/'));
    }
    for url in [
        "http://api.zoom.us",
        "https://api.evil.example",
        "https://zoom.us.evil.example",
        "https://evilzoom.us",
        "https://api.zoom.us@evil.example",
        "https://user:secret@api.zoom.us",
        "https://api.zoom.us:8443",
        "https://api.zoom.us/v2",
        "https://api.zoom.us/?to=https://evil.example",
        "https://api.zoom.us/#x",
        "//api.zoom.us",
        "blob:https://api.zoom.us",
        "https://127.0.0.1",
        "",
    ] {
        assert_eq!(api(json!(url)), None, "{url}");
    }
    assert_eq!(api(json!({"a": 1})), None);
}

#[test]
fn a_success_that_lacks_or_bends_something_makes_no_sense() {
    for body in [
        with("access_token", None),
        with("access_token", json!("")),
        with("access_token", json!(null)),
        with("access_token", json!("a\r\nb")),
        with("access_token", json!("a b")),
        with("access_token", json!("é")),
        with("access_token", json!("x".repeat(8193))),
        with("refresh_token", None),
        with("refresh_token", json!("")),
        with("refresh_token", json!("a\nb")),
        with("token_type", None),
        with("token_type", json!("mac")),
        with("token_type", json!("")),
        with("expires_in", None),
        with("expires_in", json!(-1)),
        with("expires_in", json!(0)),
        with("expires_in", json!(3599.5)),
        with("expires_in", json!("3599")),
        with("expires_in", json!("3599junk")),
        with("expires_in", json!(86_401)),
        with("expires_in", json!(u64::MAX)),
        with("expires_in", json!(1e300)),
        with("scope", json!(["zoomapp:inmeeting"])),
        json!(["access", "refresh", "bearer", 3599, "zoomapp:inmeeting"]),
        json!(null),
    ] {
        assert_eq!(read(200, &body), Err(TokenError::Malformed), "{body}");
    }
}

#[test]
fn mn_31_a_success_with_a_duplicate_member_makes_no_sense() {
    let twice = success().to_string().replacen('{', r#"{"access_token":"other","#, 1);
    assert_eq!(read(200, twice), Err(TokenError::Malformed));
    let unknown = success().to_string().replacen('{', r#"{"x":1,"x":2,"#, 1);
    assert_eq!(read(200, unknown), Err(TokenError::Malformed));
    assert_eq!(read(200, format!("{} junk", success())), Err(TokenError::Malformed));
}

#[test]
fn what_is_not_json_makes_no_sense() {
    for body in ["", "<html>ok</html>", "access_token=a&token_type=bearer", "{", "\u{feff}{}"] {
        for status in [200, 201, 204, 302, 400, 401, 404] {
            assert_eq!(read(status, body), Err(TokenError::Malformed), "{status} {body}");
        }
    }
}

#[test]
fn only_200_is_a_success_and_only_4xx_a_refusal() {
    for status in [100, 201, 202, 204, 301, 302, 304, 307] {
        assert_eq!(read(status, success()), Err(TokenError::Malformed), "{status}");
        assert_eq!(read(status, json!({"error": "invalid_grant"})), Err(TokenError::Malformed), "{status}");
    }
    assert_eq!(read(400, success()), Err(TokenError::Refused(None)));
}

#[test]
fn every_row_of_the_error_table_is_told_apart() {
    let rows = [
        (400, json!({"reason": "Invalid Token!", "error": "invalid_grant"}), TokenError::InvalidGrant(None)),
        (400, json!({"error": "invalid_grant"}), TokenError::InvalidGrant(None)),
        (
            400,
            json!({"reason": "Invalid authorization code 3ZDQH98oh8J0YKDVCU6SY-E3rQ2m9T3Rg", "error": "invalid_request"}),
            TokenError::InvalidGrant(None),
        ),
        (
            400,
            json!({"reason": "Invalid authorization code", "error": "invalid_grant"}),
            TokenError::InvalidGrant(None),
        ),
        (
            400,
            json!({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}),
            TokenError::InvalidClient(None),
        ),
        (401, json!({"error": "invalid_client"}), TokenError::InvalidClient(None)),
        (
            400,
            json!({"reason": "unsupported grant type", "error": "unsupported_grant_type"}),
            TokenError::Refused(None),
        ),
        // The form of before 2022. `invalid_request` is used for Zoom's own troubles too, so it ends no grant.
        (401, json!({"reason": "Invalid Token!", "error": "invalid_request"}), TokenError::Refused(None)),
        (400, json!({"error": "invalid_request"}), TokenError::Refused(None)),
        (
            400,
            json!({"status": false, "errorCode": 4700, "errorMessage": "Invalid redirect url", "result": null}),
            TokenError::Refused(Some(4700)),
        ),
        (400, json!({"code": 4709, "message": "…", "error": "invalid_request"}), TokenError::Refused(Some(4709))),
        (400, json!({}), TokenError::Refused(None)),
        (500, json!({"error": "invalid_grant"}), TokenError::Unavailable(500)),
        (502, json!("<html>"), TokenError::Unavailable(502)),
        (429, json!({"error": "invalid_grant"}), TokenError::RateLimited { retry_after: None }),
    ];
    for (status, body, expected) in rows {
        assert_eq!(read(status, &body), Err(expected), "{status} {body}");
    }
}

#[test]
fn a_refusal_is_recognised_whatever_stands_beside_it() {
    for body in [
        json!({"error": "invalid_grant", "reason": null}),
        json!({"error": "invalid_grant", "reason": 5}),
        json!({"error": "invalid_grant", "code": "x"}),
        json!({"error": "invalid_grant", "code": -1}),
        json!({"error": "invalid_grant", "code": u64::MAX}),
        json!({"error": "invalid_grant", "code": 1.5}),
    ] {
        assert_eq!(read(400, &body), Err(TokenError::InvalidGrant(None)), "{body}");
    }
    let both = json!({"error": "invalid_grant", "code": 4741, "errorCode": 4700});
    assert_eq!(read(400, both), Err(TokenError::InvalidGrant(Some(4741))));
}

#[test]
fn mn_26_nothing_but_invalid_grant_ends_a_grant() {
    let invalid = |status, body: &Value| matches!(read(status, body), Err(TokenError::InvalidGrant(_)));
    assert!(invalid(400, &json!({"error": "invalid_grant"})));
    for error in ["", "Invalid_Grant", "invalid_grant ", "invalid_client", "invalid_request", "server_error"] {
        assert!(!invalid(400, &json!({"error": error, "reason": "Invalid Token!"})), "{error:?}");
    }
    for status in [200, 302, 429, 500, 503] {
        assert!(!invalid(status, &json!({"error": "invalid_grant"})), "{status}");
    }
}

#[test]
fn every_number_of_zoom_becomes_its_sentence() {
    assert_eq!(ZOOM_ERRORS.len(), 17);
    for (number, sentence) in ZOOM_ERRORS {
        let coded = read(400, json!({"error": "invalid_grant", "code": number})).unwrap_err();
        assert_eq!(coded.zoom_code(), Some(*number));
        assert!(coded.to_string().ends_with(&format!(": {sentence}")), "{coded}");
        let (thousands, rest) = (number / 1000, number % 1000);
        let told = read(400, json!({"reason": format!("It failed: https://a.example:8080/ ({thousands},{rest:03})")}));
        assert_eq!(told, Err(TokenError::Refused(Some(*number))));
    }
    assert_eq!(zoom_sentence(4799), None);
    let unknown = read(400, json!({"error": "invalid_client", "code": 4799})).unwrap_err();
    assert_eq!(unknown.to_string(), "Zoom does not know this client id and secret");
}

#[test]
fn mn_12_no_refusal_repeats_what_zoom_wrote() {
    let body = json!({"reason": "Invalid authorization code canary-code", "error": "invalid_request", "x": "canary-x"});
    let error = read(400, body).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

#[test]
fn a_wait_is_read_only_in_whole_believable_seconds() {
    let wait = |value: &str| {
        let mut answer = answer(429, "");
        answer.headers_mut().insert("retry-after", value.parse().unwrap());
        read_tokens(&answer)
    };
    let seconds = |seconds: Option<u64>| Err(TokenError::RateLimited { retry_after: seconds.map(Duration::from_secs) });
    assert_eq!(wait("0"), seconds(Some(0)));
    assert_eq!(wait("30"), seconds(Some(30)));
    assert_eq!(wait("86400"), seconds(Some(86_400)));
    for odd in ["", "86401", "18446744073709551616", "+5", "-5", "5s", "1.5", "2026-01-01T00:00:00Z"] {
        assert_eq!(wait(odd), seconds(None), "{odd}");
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(status in 100..1000u16, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
        prop_assert!(read_tokens(&answer).is_err());
    }

    #[test]
    fn believable_tokens_survive_whatever_they_are(
        access in "[!-~]{1,400}", refresh in "[!-~]{1,400}", expires_in in 1..=86_400u64,
    ) {
        let body = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": expires_in
        });
        let tokens = read(200, body).unwrap();
        prop_assert_eq!((tokens.access.expose(), tokens.refresh.expose()), (&*access, &*refresh));
        prop_assert_eq!(tokens.expires_in.as_secs(), expires_in);
    }
}
