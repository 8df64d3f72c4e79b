use std::fmt::Display;

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};
use stagedoor_protocol::api::{Api, ApiError, Profile, Refusal};
use stagedoor_protocol::deeplink::{Action, DeepLinkHosts};
use stagedoor_protocol::secret::AccessToken;
use url::Url;

fn api() -> Api {
    Api {
        origin: Url::parse("https://api.zoom.us").unwrap(),
        hosts: DeepLinkHosts::new(Url::parse("https://zoom.us").unwrap()),
    }
}

fn answer(status: u16, body: impl Display) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
}

fn me(body: &Value) -> Result<Profile, ApiError> {
    Api::read_me(&answer(200, body))
}

fn name(body: &Value) -> Option<String> {
    me(body).unwrap().name
}

fn deep_link(status: u16, body: impl Display) -> Result<String, ApiError> {
    api().read_deep_link(&answer(status, body)).map(|link| link.as_url().to_string())
}

#[test]
fn a_token_travels_in_the_header_and_is_marked_as_sensitive() {
    let request = api().me_request(&AccessToken::new("an-access-token"));
    assert_eq!((request.method(), request.uri().to_string()), (&Method::GET, "https://api.zoom.us/v2/users/me".into()));
    assert_eq!(request.headers()["authorization"], "Bearer an-access-token");
    assert!(request.headers()["authorization"].is_sensitive());
    assert!(request.body().is_empty() && !request.headers().contains_key("content-type"));
}

#[test]
fn a_deep_link_is_asked_for_with_its_action_as_json() {
    let action = Action::parse(r#"{"say":"hi"}"#).unwrap();
    let request = api().deep_link_request(&AccessToken::new("t"), &action);
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://api.zoom.us/v2/zoomapp/deeplink");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.body(), r#"{"action":"{\"say\":\"hi\"}"}"#);
}

#[test]
fn the_user_is_read_and_the_best_name_taken() {
    let profile =
        me(&json!({"id": "KdYKjnimT4KPd8", "display_name": "Jill Chill", "account_number": 4_398_472_938_i64}));
    assert_eq!(profile.unwrap().id.as_str(), "KdYKjnimT4KPd8");
    assert_eq!(name(&json!({"id": "u", "display_name": "Jill", "first_name": "J"})).as_deref(), Some("Jill"));
    assert_eq!(name(&json!({"id": "u", "first_name": "Jill", "last_name": "Chill"})).as_deref(), Some("Jill Chill"));
    assert_eq!(name(&json!({"id": "u", "display_name": " ", "last_name": "Chill"})).as_deref(), Some("Chill"));
    assert_eq!(name(&json!({"id": "u", "display_name": null})), None);
}

#[test]
fn a_name_cannot_steer_a_terminal() {
    let shown = name(&json!({"id": "u", "display_name": "\u{1b}[2JJill\r\nroot\u{7}\u{9b}1m \u{0}"}));
    assert_eq!(shown.as_deref(), Some("[2JJillroot1m"));
    assert_eq!(name(&json!({"id": "u", "display_name": "\n\u{1b}"})), None);
    assert_eq!(name(&json!({"id": "u", "display_name": "Zoë 日本 🎉"})).as_deref(), Some("Zoë 日本 🎉"));
}

#[test]
fn a_user_without_a_usable_id_is_nobody() {
    for body in [
        json!({}),
        json!({"id": null}),
        json!({"id": 1}),
        json!({"id": ""}),
        json!({"id": "a b"}),
        json!({"id": "a\r\nb"}),
        json!({"id": "é"}),
        json!({"id": "x".repeat(257)}),
        json!(["u", "name", null, null]),
        json!("u"),
    ] {
        assert_eq!(me(&body), Err(ApiError::Malformed), "{body}");
    }
    for text in ["", "<html>", r#"{"id":"a","id":"b"}"#, r#"{"id":"a","x":1,"x":1}"#, r#"{"id":"a"} "#] {
        let read = Api::read_me(&answer(200, text));
        assert_eq!(read.is_err(), !text.ends_with(' '), "{text}");
    }
}

#[test]
fn a_documented_link_is_accepted_with_200_and_201() {
    let link = "https://zoom.us/launch/chatapp/Zx_cSBEZUWRUMIf454A3sRpEzRp8kVmFINKvSBMok37i5bNRqtLbUxy681Qh_wVhFyW2AhyyF2\
                LbtqSz9pFckUUupHg.wEt88YlHQpzp635x";
    for status in [200, 201] {
        assert_eq!(deep_link(status, json!({"deeplink": link, "new": {}})).as_deref(), Ok(link));
    }
}

#[test]
fn mn_11_a_link_that_leads_elsewhere_is_refused() {
    for link in ["https://evil.example/", "javascript:alert(1)", "//zoom.us", "", "blob:https://zoom.us/x"] {
        assert_eq!(deep_link(200, json!({"deeplink": link})), Err(ApiError::ForeignLink), "{link}");
    }
}

#[test]
fn a_success_without_a_link_makes_no_sense() {
    for body in ["", "{}", "null", "[]", r#"["https://zoom.us/x"]"#, "<html>", r#"{"deeplink":null}"#] {
        assert_eq!(deep_link(200, body), Err(ApiError::Malformed), "{body}");
    }
    let twice = r#"{"deeplink":"https://zoom.us/a","deeplink":"https://zoom.us/b"}"#;
    assert_eq!(deep_link(200, twice), Err(ApiError::Malformed));
}

#[test]
fn every_row_of_the_error_table_is_told_apart() {
    let problem = |code: i64| json!({"code": code, "message": "…"});
    let rows = [
        (401, problem(124), ApiError::Token),
        (400, problem(124), ApiError::Token),
        (401, json!({}), ApiError::Token),
        (400, problem(4711), ApiError::Scope),
        (400, problem(4700), ApiError::Refused { status: 400, code: Some(4700) }),
        (403, json!({}), ApiError::Refused { status: 403, code: None }),
        (400, problem(300), ApiError::Refused { status: 400, code: Some(300) }),
        (404, problem(1001), ApiError::Refused { status: 404, code: Some(1001) }),
        (429, problem(429), ApiError::RateLimited),
        (429, json!("<html>"), ApiError::RateLimited),
        (500, json!("<html>"), ApiError::Unavailable(500)),
        (503, problem(124), ApiError::Unavailable(503)),
        (400, json!({"code": "124"}), ApiError::Refused { status: 400, code: None }),
        (400, json!([124]), ApiError::Refused { status: 400, code: None }),
        (400, json!({"code": u64::MAX}), ApiError::Refused { status: 400, code: None }),
        (302, json!({}), ApiError::Refused { status: 302, code: None }),
        (204, json!({}), ApiError::Refused { status: 204, code: None }),
    ];
    for (status, body, expected) in rows {
        assert_eq!(deep_link(status, &body), Err(expected.clone()), "{status} {body}");
        assert_eq!(Api::read_me(&answer(status, &body)), Err(expected), "{status} {body}");
    }
}

#[test]
fn a_refusal_says_whether_the_token_or_a_scope_is_the_matter() {
    let read = |status: u16, body: Value| Refusal::read(status.try_into().unwrap(), body.to_string().as_bytes());
    assert_eq!(read(401, json!({"code": 124, "message": "Invalid access token."})), Refusal::Token);
    assert_eq!(read(400, json!({"code": 124, "message": "Invalid access token."})), Refusal::Token);
    assert_eq!(Refusal::read(401.try_into().unwrap(), b"<html>"), Refusal::Token);
    assert_eq!(read(401, json!({"code": 200, "message": "No permission."})), Refusal::Other(Some(200)));
    let message = "Invalid access token, does not contain scopes:[meeting:read:meeting, meeting:read:meeting:admin].";
    let scopes = vec!["meeting:read:meeting".to_owned(), "meeting:read:meeting:admin".to_owned()];
    assert_eq!(read(400, json!({"code": 4711, "message": message})), Refusal::Scope(scopes));
    assert_eq!(read(400, json!({"code": 4711, "message": "No scopes."})), Refusal::Scope(vec![]));
    assert_eq!(read(404, json!({"code": 1001, "message": "User does not exist: x"})), Refusal::Other(Some(1001)));
    assert_eq!(read(429, json!({"code": 124})), Refusal::Other(Some(124)), "patience is not a refusal of the token");
    assert_eq!(Refusal::read(404.try_into().unwrap(), b""), Refusal::Other(None));
}

#[test]
fn only_what_looks_like_a_scope_is_repeated_to_people() {
    let read = |message: String| {
        Refusal::read(400.try_into().unwrap(), json!({"code": 4711, "message": message}).to_string().as_bytes())
    };
    let hostile = "scopes:[<script>alert(1)</script>, user:read:user, \u{202e}x, Läsen]".to_owned();
    assert_eq!(read(hostile), Refusal::Scope(vec!["user:read:user".into()]));
    assert_eq!(read(format!("scopes:[{}]", "a,".repeat(1000))), Refusal::Scope(vec!["a".into(); 8]));
    assert_eq!(read(format!("scopes:[{}]", "a".repeat(1000))), Refusal::Scope(vec![]));
    assert_eq!(read("scopes:[user:read".into()), Refusal::Scope(vec![]));
}
