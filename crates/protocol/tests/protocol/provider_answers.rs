use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};
use stagedoor_protocol::jwt::Algorithm;
use stagedoor_protocol::provider::{
    DiscoveryError, Endpoints, Issuer, TokenError, TokenSet, discovery_request, read_discovery, read_revocation,
    read_tokens,
};

fn answer(status: u16, kind: &str, body: impl Display) -> Response<Bytes> {
    Response::builder().status(status).header("content-type", kind).body(Bytes::from(body.to_string())).unwrap()
}

fn read(status: u16, body: impl Display) -> Result<TokenSet, TokenError> {
    read_tokens(&answer(status, "application/json;charset=utf-8", body))
}

fn with(mut body: Value, member: &str, value: impl Into<Option<Value>>) -> Value {
    let members = body.as_object_mut().unwrap();
    members.remove(member);
    members.extend(value.into().map(|value| (member.to_owned(), value)));
    body
}

fn success() -> Value {
    json!({
        "access_token": "at", "token_type": "Bearer", "refresh_token": "rt", "expires_in": 3600,
        "scope": "openid  email", "id_token": "a.b.c", "instance_url": "https://na1.salesforce.com",
    })
}

#[test]
fn a_success_is_read() {
    let tokens = read(200, success()).unwrap();
    assert_eq!(tokens.access.expose(), "at");
    assert_eq!(tokens.refresh.unwrap().expose(), "rt");
    assert_eq!(tokens.expires_in, Some(Duration::from_hours(1)));
    assert_eq!(tokens.scopes.unwrap(), ["openid", "email"]);
    assert_eq!(tokens.id_token.unwrap().expose(), "a.b.c");
}

#[test]
fn what_a_provider_may_leave_out_may_be_missing() {
    let tokens = read(200, json!({"access_token": "gho_x", "token_type": "bearer"})).unwrap();
    assert!(tokens.refresh.is_none() && tokens.expires_in.is_none());
    assert!(tokens.scopes.is_none() && tokens.id_token.is_none());
    let nulls = json!({"access_token": "x", "token_type": "bearer", "refresh_token": null, "expires_in": null});
    assert!(read(200, nulls).unwrap().refresh.is_none());
}

#[test]
fn githubs_form_is_read_like_its_json() {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let body = "access_token=gho_x&expires_in=28800&refresh_token=ghr_x&scope=&token_type=bearer";
    let tokens = read_tokens(&answer(200, form, body)).unwrap();
    assert_eq!((tokens.access.expose(), tokens.expires_in), ("gho_x", Some(Duration::from_hours(8))));
    for bad in ["access_token=a&access_token=b&token_type=bearer", "access_token=a&token_type=bearer&expires_in=2junk"]
    {
        assert_eq!(read_tokens(&answer(200, form, bad)).unwrap_err(), TokenError::Malformed, "{bad}");
    }
    let refused = "error=bad_verification_code&error_description=The+code+passed+is+incorrect+or+expired.";
    assert_eq!(read_tokens(&answer(200, form, refused)).unwrap_err(), TokenError::InvalidGrant);
}

#[test]
fn githubs_refusals_with_200_are_refusals() {
    for (error, expected) in [
        ("bad_verification_code", TokenError::InvalidGrant),
        ("bad_refresh_token", TokenError::InvalidGrant),
        ("incorrect_client_credentials", TokenError::InvalidClient),
        ("unverified_user_email", TokenError::Refused(200)),
    ] {
        assert_eq!(read(200, json!({"error": error})).unwrap_err(), expected);
        let both = with(success(), "error", json!(error));
        assert_eq!(read(200, both).unwrap_err(), expected, "an error counts more than tokens beside it");
    }
    assert_eq!(read(200, json!({"error": 7})).unwrap_err(), TokenError::Malformed);
}

#[test]
fn mn_31_a_success_that_bends_something_makes_no_sense() {
    for (member, value) in [
        ("access_token", json!(null)),
        ("access_token", json!("")),
        ("access_token", json!("a b")),
        ("access_token", json!("a\r\nb")),
        ("access_token", json!("x".repeat(8193))),
        ("access_token", json!(1)),
        ("refresh_token", json!("")),
        ("refresh_token", json!(["r"])),
        ("id_token", json!("x".repeat(16 * 1024 + 1))),
        ("token_type", json!("mac")),
        ("token_type", json!(null)),
        ("expires_in", json!("3600")),
        ("expires_in", json!(-1)),
        ("expires_in", json!(0)),
        ("expires_in", json!(1.5)),
        ("expires_in", json!(315_360_001)),
        ("scope", json!(["openid"])),
    ] {
        let body = with(success(), member, value);
        assert_eq!(read(200, &body).unwrap_err(), TokenError::Malformed, "{body}");
    }
    for body in ["", "null", "[]", "<html>", r#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#] {
        assert_eq!(read(200, body).unwrap_err(), TokenError::Malformed, "{body}");
    }
    let huge = with(success(), "padding", json!("x".repeat(64 * 1024)));
    assert_eq!(read(200, huge).unwrap_err(), TokenError::Malformed);
}

#[test]
fn mn_26_only_invalid_grant_is_a_dead_grant() {
    assert_eq!(read(400, json!({"error": "invalid_grant"})).unwrap_err(), TokenError::InvalidGrant);
    assert_eq!(read(401, json!({"error": "invalid_client"})).unwrap_err(), TokenError::InvalidClient);
    assert_eq!(read(400, json!({"error": "invalid_request"})).unwrap_err(), TokenError::Refused(400));
    for (status, body) in [(400, "<html>"), (403, ""), (302, "{}"), (204, ""), (401, r#"{"error":"a","error":"b"}"#)] {
        assert_eq!(read(status, body).unwrap_err(), TokenError::Malformed, "{status} {body}");
    }
    assert_eq!(read(503, json!({"error": "invalid_grant"})).unwrap_err(), TokenError::Unavailable(503));
    let busy = |value: &str| {
        let mut answer = answer(429, "application/json", json!({"error": "invalid_grant"}));
        answer.headers_mut().insert("retry-after", value.parse().unwrap());
        read_tokens(&answer).unwrap_err()
    };
    assert_eq!(busy("7"), TokenError::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    for odd in ["Wed, 21 Oct 2026 07:28:00 GMT", "+7", "86401", ""] {
        assert_eq!(busy(odd), TokenError::RateLimited { retry_after: None });
    }
}

#[test]
fn a_revocation_is_any_success() {
    for status in [200, 202, 204] {
        assert_eq!(read_revocation(&answer(status, "text/plain", "")), Ok(()));
    }
    assert_eq!(read_revocation(&answer(503, "text/html", "")), Err(TokenError::Unavailable(503)));
    let refused = json!({"error": "unsupported_token_type"});
    assert_eq!(read_revocation(&answer(400, "application/json", refused)), Err(TokenError::Refused(400)));
}

fn document() -> Value {
    json!({
        "issuer": "https://acme.example", "authorization_endpoint": "https://login.acme.example/authorize",
        "token_endpoint": "https://oauth.acme.example/token", "jwks_uri": "https://acme.example/keys",
        "revocation_endpoint": "https://acme.example/revoke", "code_challenge_methods_supported": ["plain", "S256"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256", "ES512"],
        "authorization_response_iss_parameter_supported": true, "scopes_supported": ["openid"],
    })
}

fn discover(body: &Value) -> Result<Endpoints, DiscoveryError> {
    read_discovery(&answer(200, "application/json", body), "https://acme.example")
}

#[test]
fn a_discovery_document_is_read_and_only_trusted_algorithms_of_it_count() {
    let endpoints = discover(&document()).unwrap();
    let issuer = Issuer { identifier: "https://acme.example".into(), is_always_named: true };
    assert_eq!(endpoints.issuer, Some(issuer));
    assert_eq!(endpoints.token.as_str(), "https://oauth.acme.example/token");
    assert_eq!(endpoints.algorithms, [Algorithm::RS256, Algorithm::ES256]);
    assert!(endpoints.revoke.is_some());
    let silent = with(document(), "id_token_signing_alg_values_supported", None);
    assert_eq!(discover(&silent).unwrap().algorithms, [Algorithm::RS256]);
}

#[test]
fn a_discovery_document_that_lies_or_lacks_something_is_refused() {
    for (member, value, expected) in [
        ("issuer", json!("https://evil.example"), DiscoveryError::Issuer),
        ("issuer", json!("https://acme.example/"), DiscoveryError::Issuer),
        ("issuer", Value::Null, DiscoveryError::Malformed),
        ("token_endpoint", Value::Null, DiscoveryError::Malformed),
        ("token_endpoint", json!("http://acme.example/token"), DiscoveryError::Endpoint),
        ("token_endpoint", json!("http://localhost:9/token"), DiscoveryError::Endpoint),
        ("token_endpoint", json!("https://user@acme.example/token"), DiscoveryError::Endpoint),
        ("token_endpoint", json!("https://acme.example/token#x"), DiscoveryError::Endpoint),
        ("token_endpoint", json!("/token"), DiscoveryError::Endpoint),
        ("authorization_endpoint", json!("javascript:alert(1)"), DiscoveryError::Endpoint),
        ("jwks_uri", json!("file:///etc/passwd"), DiscoveryError::Endpoint),
        ("revocation_endpoint", json!("http://acme.example/"), DiscoveryError::Endpoint),
        ("code_challenge_methods_supported", json!(["plain"]), DiscoveryError::Pkce),
        ("id_token_signing_alg_values_supported", json!(["none", "HS256"]), DiscoveryError::Algorithms),
    ] {
        assert_eq!(discover(&with(document(), member, value.clone())), Err(expected), "{member} {value}");
    }
    let not_there = answer(404, "application/json", document());
    assert_eq!(read_discovery(&not_there, "https://acme.example"), Err(DiscoveryError::Status(404)));
    let huge = with(document(), "padding", json!("x".repeat(256 * 1024)));
    assert_eq!(discover(&huge), Err(DiscoveryError::Malformed));
    let twice = answer(200, "application/json", document().to_string().replacen('{', r#"{"issuer":"x","#, 1));
    assert_eq!(read_discovery(&twice, "https://acme.example"), Err(DiscoveryError::Malformed));
}

#[test]
fn http_is_good_enough_where_the_issuer_is_on_this_machine() {
    let local = json!({
        "issuer": "http://localhost:4005", "authorization_endpoint": "http://localhost:4005/authorize",
        "token_endpoint": "http://127.0.0.1:4005/token",
    });
    let read = |body: &Value| read_discovery(&answer(200, "application/json", body), "http://localhost:4005");
    assert!(read(&local).is_ok());
    let away = with(local, "token_endpoint", json!("http://acme.example/token"));
    assert_eq!(read(&away), Err(DiscoveryError::Endpoint));
}

#[test]
fn the_document_lies_below_the_issuer() {
    for (issuer, expected) in [
        ("https://acme.example", Some("https://acme.example/.well-known/openid-configuration")),
        ("https://acme.auth0.com/", Some("https://acme.auth0.com/.well-known/openid-configuration")),
        ("https://acme.okta.com/oauth2/a", Some("https://acme.okta.com/oauth2/a/.well-known/openid-configuration")),
        ("http://localhost:4005", Some("http://localhost:4005/.well-known/openid-configuration")),
        ("http://acme.example", None),
        ("acme.example", None),
        ("https://acme.example/#x", None),
    ] {
        let request = discovery_request(issuer);
        assert_eq!(request.map(|request| request.uri().to_string()).as_deref(), expected, "{issuer}");
    }
}
