//! Zoom's answers, of any status: tokens, the user, a deep link.

#![no_main]

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response};
use libfuzzer_sys::fuzz_target;
use stagedoor_protocol::api::Api;
use stagedoor_protocol::deeplink::DeepLinkHosts;
use stagedoor_protocol::oauth::{TokenError, read_tokens};
use url::Url;

/// Chosen by the first byte, from `0` on; the rest is the body, and the `Retry-After` where it can be one.
const STATUSES: [u16; 12] = [200, 201, 204, 302, 400, 401, 404, 429, 500, 503, 200, 200];

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let status = STATUSES[usize::from(first.wrapping_sub(b'0')) % STATUSES.len()];
    let mut answer = Response::new(Bytes::copy_from_slice(body));
    *answer.status_mut() = status.try_into().expect("a status");
    if let Ok(wait) = HeaderValue::from_bytes(body) {
        answer.headers_mut().insert(RETRY_AFTER, wait);
    }

    match read_tokens(&answer) {
        Ok(tokens) => {
            assert_eq!(status, 200);
            let token = tokens.access.expose();
            assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
            // Whatever was believed makes a request.
            let origin = Url::parse("https://api.zoom.us").expect("a URL");
            let api = Api { hosts: DeepLinkHosts::new(origin.clone()), origin };
            let _ = api.me_request(&tokens.access);
        }
        Err(TokenError::InvalidGrant(_)) => assert!((400..429).contains(&status)),
        Err(TokenError::RateLimited { retry_after }) => {
            assert!(retry_after.is_none_or(|wait| wait.as_secs() <= 86_400))
        }
        Err(error) => assert!(error.to_string().starts_with("Zoom")),
    }

    if let Ok(profile) = Api::read_me(&answer) {
        assert!(profile.name.is_none_or(|name| !name.is_empty() && !name.chars().any(char::is_control)));
    }
    let origin = Url::parse("https://zoom.us").expect("a URL");
    let api = Api { hosts: DeepLinkHosts::new(origin.clone()), origin };
    let _ = api.read_deep_link(&answer);
});
