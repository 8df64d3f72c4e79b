use http::Method;
use proptest::prelude::*;
use stagedoor_flows::api::{ApiAllow, ApiRefused, Rule};
use stagedoor_flows::fault::{Classified, Fault};

fn allows(rules: &[&str], method: &str, path: &str) -> bool {
    ApiAllow::parse(rules).unwrap().check(&method.parse().unwrap(), path).is_ok()
}

#[test]
fn nothing_is_allowed_unless_a_rule_says_so() {
    assert_eq!(ApiAllow::default().check(&Method::GET, "/v2/users/me").unwrap_err(), ApiRefused::NotAllowed);
    assert!(!allows(&["GET /v2/users/me"], "GET", "/v2/users"));
    assert!(!allows(&["GET /v2/users/me"], "POST", "/v2/users/me"));
    assert!(allows(&["GET /v2/users/me"], "GET", "/v2/users/me"));
    assert!(allows(&["GET /v2/users/me"], "HEAD", "/v2/users/me"), "who may read may read the head");
    assert!(!allows(&["POST /v2/users/me"], "HEAD", "/v2/users/me"));
}

#[test]
fn a_star_is_one_segment_and_two_stars_are_the_rest() {
    let one = &["GET /v2/meetings/*"];
    assert!(allows(one, "GET", "/v2/meetings/85746065"));
    for other in ["/v2/meetings", "/v2/meetings/", "/v2/meetings/1/registrants", "/v2/meetings//1", "/v2/Meetings/1"] {
        assert!(!allows(one, "GET", other), "{other}");
    }
    let inside = &["GET /v2/meetings/*/registrants"];
    assert!(allows(inside, "GET", "/v2/meetings/1/registrants"));
    assert!(!allows(inside, "GET", "/v2/meetings//registrants"));
    let rest = &["GET /v2/meetings/**"];
    assert!(allows(rest, "GET", "/v2/meetings/1") && allows(rest, "GET", "/v2/meetings/1/registrants/2"));
    for other in ["/v2/meetings", "/v2/meetings/", "/v2/meetings/1/", "/v2/meetings/1//2", "/v2/meetingsx/1"] {
        assert!(!allows(rest, "GET", other), "{other}");
    }
}

#[test]
fn the_rule_that_allowed_a_call_names_nobody() {
    let allow = ApiAllow::parse(&["GET /v2/users/me", "GET /v2/users/*"]).unwrap();
    assert_eq!(allow.check(&Method::GET, "/v2/users/ada@example.com").unwrap().as_str(), "GET /v2/users/*");
}

#[test]
fn mn_22_an_escape_is_never_read_as_what_it_stands_for() {
    let rules = &["GET /v2/users/me", "GET /v2/meetings/*"];
    for hidden in ["/v2/users/%6de", "/v2/users/%6De", "/v2%2Fusers/me", "/V2/users/me", "/v2/users/me%20"] {
        assert!(!allows(rules, "GET", hidden), "{hidden}");
    }
}

#[test]
fn mn_22_an_escaped_percent_sign_stands_in_a_meeting_uuid_or_nowhere() {
    let rules = &["GET /v2/meetings/*", "GET /v2/past_meetings/*/participants"];
    for uuid in [
        "%252FajXp112QmuoKj4854875%253D%253D",
        "%252fajXp112QmuoKj48548%252F%252Fw%253d%253d",
        "wceIoD0lTySwype%252F12%252B45w%253D%253D",
    ] {
        assert!(allows(rules, "GET", &format!("/v2/meetings/{uuid}")), "{uuid}");
        assert!(allows(rules, "GET", &format!("/v2/past_meetings/{uuid}/participants")), "{uuid}");
    }
    assert!(allows(rules, "GET", "/v2/meetings/wceIoD0lTySwype12%2B45w%3D%3D"), "encoded once");
    for hidden in [
        "%252e%252e%252fusers%252fme",
        "1%252Fregistrants",
        "123456789012345%252Fregistrants",
        "%252F",
        "%2500",
        "%25252FajXp112QmuoKj4854875%25253D%25253D",
        "100%25",
        "%252FajXp112QmuoKj4854875%253D%253D%252Fx",
    ] {
        assert!(!allows(rules, "GET", &format!("/v2/meetings/{hidden}")), "{hidden}");
    }
}

#[test]
fn what_is_not_a_rule_is_refused() {
    for wrong in [
        "",
        "GET",
        "/v2/users/me",
        "get /v2/users/me",
        "GET  /v2/users/me",
        "GET /v2/users/me ",
        "HEAD /v2/users/me",
        "TRACE /v2/users/me",
        "* /v2/users/me",
        "GET v2/users/me",
        "GET /v2",
        "GET /v2/",
        "GET /v2//users",
        "GET /v2/users/",
        "GET /v2/../oauth/token",
        "GET /oauth/token",
        "GET /v2/users/me?x=1",
        "GET /v2/users/m*",
        "GET /v2/**/me",
        "GET /v2/users/%6de",
        "GET https://api.zoom.us/v2/users/me",
    ] {
        assert_eq!(Rule::parse(wrong).unwrap_err().0, wrong, "{wrong:?}");
        assert!(ApiAllow::parse(&["GET /v2/users/me", wrong]).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_refusal_says_what_helps() {
    let scope = ApiRefused::ScopeMissing(vec!["meeting:read:meeting".into()]);
    assert_eq!(scope.sentence(), "Zoom did not grant what this call needs: meeting:read:meeting.");
    assert!(scope.is_healed_by_install() && ApiRefused::Guest.is_healed_by_install());
    assert!(!ApiRefused::NotAllowed.is_healed_by_install() && !ApiRefused::TokenRefused.is_healed_by_install());
    assert!(ApiRefused::NotAllowed.advice().contains("app.api_allow"), "it names the setting");
    assert_eq!(ApiRefused::TokenRefused.fault(), Fault::Zoom);
}

proptest! {
    #[test]
    fn a_path_of_plain_segments_is_allowed_by_itself_and_by_stars(
        names in prop::collection::vec("[A-Za-z0-9_~-]{1,12}", 1..6),
        at in any::<prop::sample::Index>(),
    ) {
        let path = format!("/v2/{}", names.join("/"));
        let mut starred = names.clone();
        starred[at.index(names.len())] = "*".into();
        for rule in [format!("GET {path}"), format!("GET /v2/{}", starred.join("/")), "GET /v2/**".into()] {
            prop_assert!(allows(&[&rule], "GET", &path), "{rule} {path}");
            let longer = format!("{path}/more");
            prop_assert_eq!(allows(&[&rule], "GET", &longer), rule.ends_with("**"));
        }
    }

    #[test]
    fn a_rule_without_stars_allows_one_path_and_no_other(path in "/v2/[ -~]{0,20}") {
        prop_assert_eq!(allows(&["DELETE /v2/users/me"], "DELETE", &path), path == "/v2/users/me");
    }

    #[test]
    fn mn_22_no_path_that_is_allowed_leaves_its_segments_when_decoded_twice(
        path in r"/v2/(%25|%2[eEfF]|%25252[ef]|[/.a]){0,12}",
    ) {
        let decode = |text: &str| percent_decode(percent_decode(text.as_bytes()).as_slice());
        if allows(&["GET /v2/*", "GET /v2/**"], "GET", &path) && path.contains("%25") {
            let seen = decode(&path);
            let seen = String::from_utf8_lossy(&seen);
            prop_assert!(!seen.split('/').any(|segment| segment == "." || segment == ".."), "{} {}", path, seen);
        }
    }

    #[test]
    fn any_text_is_a_rule_or_is_refused(text in ".{0,60}") {
        if let Ok(rule) = Rule::parse(&text) {
            prop_assert_eq!(rule.as_str(), text);
        }
    }
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let escape = (text[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let byte = escape.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(text[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    decoded
}
