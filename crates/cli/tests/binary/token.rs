use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::Place;

const SECRET: &str = "TESTSECRETTESTSECRETTESTSECRET02";

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn consumer_vectors() -> Value {
    vectors(include_str!("../../../protocol/tests/vectors/consumer-tokens.json"))
}

fn place() -> Place {
    let pem = consumer_vectors()["private_key_sec1_pem"].as_str().unwrap().to_owned();
    Place::new().with(&[
        ("CONSUMER_PRIVATE_KEY", &pem),
        ("ZOOM_SDK_KEY", "TESTKEYTESTKEYTESTKEY_01"),
        ("ZOOM_COBROWSE_SDK_SECRET", SECRET),
    ])
}

#[test]
fn a_consumer_token_is_printed_with_what_it_says() {
    let ran = place().run(&["token", "consumer", "--now", "1763769600", r#"{"email":"a@b.c","vip":true}"#]);
    let token = ran.stdout.lines().next().unwrap().to_owned();
    assert_snapshot!(ran.stdout.replace(&token, "[token]"), @r#"
    [token]

    header
      alg          "ES256"
      cty          "text/plain"
      kid          "eetygI1sN3axNQVKrnUzlBsQs5TZU-v1JQTj6efYOhk"

    payload
      email        "a@b.c"
      exp          1763769900  (2025-11-22T00:05:00Z, in 300 s)
      vip          true
    "#);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

#[test]
fn a_consumer_token_lives_as_long_as_the_settings_say() {
    let life = |arguments: &[&str]| {
        let arguments =
            [&["token", "consumer", "--now", "1763769600", "--json", r#"{"email":"a@b.c"}"#], arguments].concat();
        place().run(&arguments).json()["payload"]["exp"].as_i64().unwrap() - 1_763_769_600
    };
    assert_eq!(life(&[]), 300);
    assert_eq!(life(&["--set", "consumer.ttl_seconds=60"]), 60);
    assert_eq!(life(&["--set", "consumer.ttl_seconds=60", "--ttl", "90"]), 90);
}

#[test]
fn a_cobrowse_token_is_printed_with_what_it_says() {
    let arguments = ["token", "cobrowse", "--now", "1763769630", "--role", "2", "--user-id", "agent-1", "--json"];
    let json = place().run(&arguments).json();
    let payload = json!({
        "app_key": "TESTKEYTESTKEYTESTKEY_01", "role_type": 2, "user_id": "agent-1", "user_name": "agent-1",
        "iat": 1_763_769_600, "exp": 1_763_776_800,
    });
    assert_eq!((&json["payload"], &json["warnings"]), (&payload, &json!([])));
    assert_eq!(json["header"], json!({"alg": "HS256", "typ": "JWT"}));
}

#[test]
fn what_the_endpoint_would_not_issue_is_not_issued_here() {
    for arguments in [
        &["token", "cobrowse", "--seconds", "1799"][..],
        &["token", "cobrowse", "--seconds", "172801"],
        &["token", "cobrowse", "--role", "3"],
        &["token", "cobrowse", "--user-name", ""],
        &["token", "consumer", r#"{"exp":1}"#],
        &["token", "consumer", r#"{"a":{}}"#],
        &["token", "consumer", r#"{"a":1,"a":2}"#],
        &["token", "consumer", "[]"],
    ] {
        let ran = place().run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(Place::new().run(&["token", "cobrowse"]).status, 2);
    let ran = place().run(&["token", "cobrowse", "--role", "3", "--seconds", "1"]);
    assert_snapshot!(ran.stderr, @r"
    error: role: Value is not valid. Got 3, expected 1,2
    expirationSeconds: Value must be a whole number between 1800 and 172800
    ");
}

#[test]
fn every_vector_is_explained_as_it_should_be() {
    let cobrowse = vectors(include_str!("../../../protocol/tests/vectors/cobrowse-tokens.json"));
    for (vectors, now) in [(consumer_vectors(), "1763769600"), (cobrowse, "1763769630")] {
        for vector in vectors["tokens"].as_array().unwrap() {
            let token = vector["token"].as_str().unwrap();
            let ran = place().run(&["token", "explain", "--json", "--now", now, token]);
            let warnings = ran.json()["warnings"].clone();
            assert_eq!(warnings == json!([]), vector["valid"] == true, "{}: {warnings}", vector["name"]);
            assert_eq!(ran.status, i32::from(warnings != json!([])));
        }
    }
}

#[test]
fn the_sample_that_zooms_page_prints_is_explained() {
    // The payload of the page, signed with a secret of ours: it lives for 900 s.
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBfa2V5IjoiQnR3aDc3blBrS0l3d1ZLYUtkMUpiMFh1aG50VlhBSmExMjEzIiwicm9sZV90eXBlIjoyLCJpYXQiOjE3MjMxMDI4NTksImV4cCI6MTcyMzEwMzc1OSwidXNlcl9pZCI6InVzZXIyX2FnZW50IiwidXNlcl9uYW1lIjoiYWdlbnQifQ.AAAA";
    let ran = Place::new().run_with(&["token", "explain", "--now", "1723102900"], token);
    assert_eq!(ran.status, 1);
    assert_snapshot!(ran.stderr, @"warning: it lives 900 s; Zoom asks for 1800 at least (the printed sample of its page has 900)");
}

#[test]
fn what_is_no_token_is_status_2() {
    for text in ["", "a.b", "a.b.c", "e30.W10.", "e30.e30.!", "{}"] {
        assert_eq!(Place::new().run_with(&["token", "explain"], text).status, 2, "{text}");
    }
}

#[test]
fn instants_beyond_every_calendar_are_explained_too() {
    for alg in ["ES256", "HS256"] {
        for (iat, exp) in [(i64::MAX, i64::MIN), (i64::MIN, i64::MAX), (i64::MIN, 1)] {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let token = [part(json!({ "alg": alg })), part(json!({ "iat": iat, "exp": exp })), String::new()].join(".");
            let ran = Place::new().run_with(&["token", "explain"], &token);
            assert_eq!(ran.status, 1, "{ran:?}");
            assert!(ran.stdout.contains(&exp.to_string()) && ran.stderr.starts_with("\nwarning: "), "{ran:?}");
        }
    }
}
