//! A call of Zoom's API: a rule and a path that somebody sends, and Zoom's refusal.

#![no_main]

use http::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use stagedoor_flows::api::{ApiAllow, Rule};
use stagedoor_protocol::api::Refusal;

fuzz_target!(|data: &[u8]| {
    let _ = Refusal::read(StatusCode::UNAUTHORIZED, data);
    if let Refusal::Scope(scopes) = Refusal::read(StatusCode::BAD_REQUEST, data) {
        let is_plain = |scope: &String| scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<');
        assert!(scopes.len() <= 8 && scopes.iter().all(is_plain));
    }

    let Ok(text) = std::str::from_utf8(data) else { return };
    let (rule, path) = text.split_once('\n').unwrap_or(("GET /v2/**", text));
    let Ok(rule) = Rule::parse(rule) else { return };
    let (_, pattern) = rule.as_str().split_once(' ').expect("a rule has two words");
    let allow: ApiAllow = [rule.clone()].into_iter().collect();
    if [Method::GET, Method::POST, Method::DELETE].iter().any(|method| allow.check(method, path).is_ok()) {
        assert!(path.starts_with("/v2/") && !path.contains("//"), "{path}");
        let (given, wanted) = (path.split('/').count(), pattern.split('/').count());
        assert!(if pattern.ends_with("/**") { given >= wanted } else { given == wanted }, "{pattern} {path}");
        assert!(pattern.contains('*') || path == pattern, "{pattern} {path}");
    }
});
