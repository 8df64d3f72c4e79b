//! A deployment that answers anything.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use stagedoor_protocol::time::UnixMillis;

use super::good;
use crate::doctor::Severity;
use crate::doctor::ask::{Answer, Asked};

/// Headers that are looked at.
const READ: [&str; 16] = [
    "content-type",
    "strict-transport-security",
    "x-content-type-options",
    "content-security-policy",
    "referrer-policy",
    "x-frame-options",
    "cross-origin-embedder-policy",
    "cache-control",
    "age",
    "date",
    "location",
    "set-cookie",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "x-anything",
];

/// What anybody may answer: pieces of what is looked for, and anything else that HTTP lets through.
fn anything() -> impl Strategy<Value = Asked> {
    let pieces = select(vec![
        "max-age=",
        "nosniff",
        ";",
        ",",
        "=",
        " ",
        "\"",
        "'none'",
        "script-src ",
        "frame-ancestors",
        "*",
        "https://",
        "zoom.us",
        "?",
        "&",
        "state=",
        "redirect_uri=",
        "code_challenge_method=S256",
        "__Host-stagedoor=x",
        "SameSite",
        "Path=/",
        "text/html",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "99999999999999999999",
        "%",
        "%zz",
        "context_",
        "ü",
    ]);
    let text = prop_oneof![vec(pieces, 0..8).prop_map(|pieces| pieces.concat()), "\\PC{0,40}"];
    let value = prop_oneof![text.prop_map(String::into_bytes), vec(any::<u8>(), 0..20)];
    let answer = (100_u16..1000, vec((select(READ.to_vec()), value), 0..12), vec(any::<u8>(), 0..60), any::<i64>());
    answer.prop_map(|(status, fields, body, at)| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name, value);
            }
        }
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Answer { status, headers, body: Bytes::from(body), at: UnixMillis(at) })
    })
}

proptest! {
    #[test]
    fn whatever_is_answered_is_judged(
        client in anything(),
        certificate in vec(any::<u8>(), 0..60),
        many in vec(anything(), 13),
        launched in anything(),
        listed in anything(),
    ) {
        let mut case = good();
        let mut many = many.into_iter();
        let mut next = || many.next().unwrap();
        case.answers.client = client;
        case.answers.certificate = Some(certificate.into());
        case.rest().plain = Some(next());
        case.rest().zoom = Some(next());
        case.rest().error_page = next();
        case.rest().metrics = next();
        case.rest().ready = next();
        case.rest().preflights[0].asked = listed;
        let app = case.app();
        (app.home, app.framed, app.forged) = (next(), Some(next()), next());
        (app.install, app.install_again, app.callback) = (next(), next(), next());
        (app.webhook, app.verification, app.launch) = (next(), next(), Some(launched));
        for finding in case.findings() {
            prop_assert_eq!(finding.severity > Severity::Ok, finding.fix.is_some());
            prop_assert!(!finding.to_string().contains(['\u{1b}', '\r']), "{}", finding);
        }
    }
}
