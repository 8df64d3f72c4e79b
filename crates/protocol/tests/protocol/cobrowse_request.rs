use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::cobrowse::{CobrowseRequest, Lifetime, MAX_REQUEST, Role};

fn parse(body: &Value) -> Result<CobrowseRequest, Value> {
    parse_text(&body.to_string())
}

fn parse_text(body: &str) -> Result<CobrowseRequest, Value> {
    CobrowseRequest::parse(body.as_bytes()).map_err(|error| serde_json::to_value(error).unwrap())
}

/// `property: reason` of each mistake.
fn mistakes(body: &str) -> Vec<String> {
    let error = parse_text(body).expect_err(body);
    let said =
        |error: &Value| format!("{}: {}", error["property"].as_str().unwrap(), error["reason"].as_str().unwrap());
    error["errors"].as_array().unwrap().iter().map(said).collect()
}

#[test]
fn what_zooms_sample_takes_is_taken() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/cobrowse-requests.json")).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        match parse(&case["request"]) {
            Ok(request) => {
                assert_eq!(case["status"], 200, "{case}");
                assert_eq!(request.role.number(), case["payload"]["role_type"], "{case}");
                assert_eq!(request.lifetime.unwrap_or(Lifetime::DEFAULT).seconds(), case["lifetime"], "{case}");
            }
            Err(error) => {
                let properties: Vec<_> =
                    error["errors"].as_array().unwrap().iter().map(|error| error["property"].clone()).collect();
                assert_eq!((&case["status"], &case["properties"]), (&json!(400), &Value::from(properties)), "{case}");
            }
        }
    }
}

#[test]
fn a_request_with_everything_is_read() {
    let body = json!({
        "role": 2, "userId": "agent-1", "userName": "Agent One", "expirationSeconds": 1800, "enableByop": 1,
    });
    let request = parse(&body).unwrap();
    assert_eq!((request.role, request.lifetime, request.byop), (Role::Agent, Some(Lifetime::MIN), true));
    assert_eq!((request.user_id.unwrap().as_str(), request.user_name.unwrap().as_str()), ("agent-1", "Agent One"));
    assert!(!parse(&json!({"role": 1, "enableByop": 0})).unwrap().byop);
}

#[test]
fn both_edges_of_every_limit() {
    let is_taken = |member: &str, value: Value| parse(&json!({"role": 1, member: value})).is_ok();
    for (member, value, taken) in [
        ("expirationSeconds", json!(1_799), false),
        ("expirationSeconds", json!(1_800), true),
        ("expirationSeconds", json!(172_800), true),
        ("expirationSeconds", json!(172_801), false),
        ("expirationSeconds", json!(-1_800), false),
        ("expirationSeconds", json!(1e300), false),
        ("userName", json!(""), false),
        ("userName", json!("n"), true),
        ("userName", json!("🎉".repeat(80)), true),
        ("userName", json!("n".repeat(81)), false),
        ("userId", json!(""), false),
        ("userId", json!("u".repeat(80)), true),
        ("userId", json!("u".repeat(81)), false),
        ("enableByop", json!(0), true),
        ("enableByop", json!(1), true),
        ("enableByop", json!(2), false),
        ("enableByop", json!(-1), false),
    ] {
        assert_eq!(is_taken(member, value.clone()), taken, "{member} {value}");
    }
}

#[test]
fn mn_31_numbers_are_numbers_and_every_mistake_is_named() {
    for (body, expected) in [
        (r#"{"role":"1"}"#, "role: Value of type string not allowed, must be of type number"),
        (r#"{"role":"2junk"}"#, "role: Value of type string not allowed, must be of type number"),
        (r#"{"role":1.5}"#, "role: Value is not valid. Got 1.5, expected 1,2"),
        (r#"{"role":1.0}"#, "role: Value is not valid. Got 1.0, expected 1,2"),
        (r#"{"role":true}"#, "role: Value true not allowed, must be of type number"),
        (r#"{"role":null}"#, "role: Value null not allowed, must be of type number"),
        (r#"{"role":[1]}"#, "role: Value of type array not allowed, must be of type number"),
        ("{}", "role: Property required, but not present in request body"),
        (
            r#"{"role":1,"expirationSeconds":1800.5}"#,
            "expirationSeconds: Value must be a whole number between 1800 and 172800",
        ),
        (
            r#"{"role":1,"expirationSeconds":"3600"}"#,
            "expirationSeconds: Value of type string not allowed, must be of type number",
        ),
        (r#"{"role":1,"enableByop":true}"#, "enableByop: Value true not allowed, must be of type number"),
        (r#"{"role":1,"userId":5}"#, "userId: Value 5 not allowed, must be of type string"),
        (r#"{"role":1,"role":2}"#, "role: Property present more than once"),
        (r#"{"role":1,"\u0072ole":2}"#, "role: Property present more than once"),
        (
            r#"{"role":1,"enable_byop":1}"#,
            "enable_byop: Property not known, expected role,userId,userName,expirationSeconds,enableByop",
        ),
        (r#"{"role":1,"userId":{"a":1,"a":2}}"#, "body: Value is not a JSON object"),
        ("[]", "body: Value is not a JSON object"),
        (r#"[1,"id","name",1800,0]"#, "body: Value is not a JSON object"),
        ("null", "body: Value is not a JSON object"),
        ("", "body: Value is not a JSON object"),
        (r#"{"role":1}{"role":2}"#, "body: Value is not a JSON object"),
        (r#"{"role":1"#, "body: Value is not a JSON object"),
    ] {
        assert_eq!(mistakes(body), [expected], "{body}");
    }
}

#[test]
fn all_mistakes_come_at_once_in_the_order_of_the_sample() {
    let body = r#"{"hue":1,"expirationSeconds":5,"userName":2,"userId":1,"role":9}"#;
    let names: Vec<_> = mistakes(body).iter().map(|said| said.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["role", "userId", "userName", "expirationSeconds", "hue"]);
}

#[test]
fn a_long_body_is_one_mistake_and_an_answer_stays_short() {
    let long = json!({"role": 1, "userName": "x".repeat(1_000_000)}).to_string();
    assert_eq!(mistakes(&long), ["body: Value exceed max length. Expected less than or equal to 4096 bytes"]);
    let padded = format!("{{\"role\":1{}}}", " ".repeat(MAX_REQUEST - 10));
    assert_eq!(padded.len(), MAX_REQUEST);
    assert!(parse_text(&padded).is_ok());
    let many: Value = (0..60).map(|at| (format!("{at}{}", "x".repeat(50)), json!(1))).collect();
    let answer = serde_json::to_string(&parse(&many).unwrap_err()).unwrap();
    assert!(answer.len() < MAX_REQUEST, "{answer}");
}

proptest! {
    #[test]
    fn whatever_is_read_is_within_the_limits(body in prop_oneof![
        ".{0,200}",
        "\\{(\"(role|userId|userName|expirationSeconds|enableByop|x)\":([0-9]{1,6}|\"[a-z]{0,90}\"|null|true),?){0,6}\\}",
    ]) {
        if let Ok(request) = parse_text(&body) {
            let object: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&object["role"], &json!(request.role.number()));
            prop_assert_eq!(object.get("userId").cloned(), request.user_id.map(|id| json!(id)));
            prop_assert_eq!(object.get("userName").cloned(), request.user_name.map(|name| json!(name)));
            prop_assert_eq!(object.get("expirationSeconds").cloned(), request.lifetime.map(|life| json!(life.seconds())));
        }
    }
}
