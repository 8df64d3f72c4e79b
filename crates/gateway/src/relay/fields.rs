//! Which header fields are relayed: those that are known to belong to a call, and no others. Pure functions of the
//! fields.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use memchr::memmem;
use stagedoor_protocol::time::UnixMillis;

/// What a caller may say to an API. Everything that says who calls, from where or by which browser stays here, and so
/// does what could make another call of it (`X-HTTP-Method-Override`).
const INWARD: [HeaderName; 15] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    HeaderName::from_static("idempotency-key"),
];

/// What an API may say to a caller. No cookies, no CORS, no policies: those are the gateway's.
const OUTWARD: [HeaderName; 13] = [
    header::ACCEPT_RANGES,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LINK,
    header::RETRY_AFTER,
    HeaderName::from_static("deprecation"),
    HeaderName::from_static("x-zm-trackingid"),
];

/// The beginnings of further such names: how many calls are left.
const OUTWARD_STARTS: [&str; 2] = ["x-ratelimit-", "ratelimit"];

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The fields of a request to an API that knows `more` of them.
pub(super) fn inward(headers: &HeaderMap, more: &[HeaderName]) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(8);
    for name in INWARD.iter().chain(more) {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    // A refusal has to be read, so answers come as they are.
    kept.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    kept.insert(header::USER_AGENT, HeaderValue::from_static("stagedoor"));
    kept
}

/// Reduces the fields of an answer to those that are passed on, and adds ours: it is one user's, so it is not stored,
/// and whatever it is, it is no page of this origin.
pub(super) fn outward(status: StatusCode, headers: &mut HeaderMap, now: UnixMillis) {
    let is_kept = |name: &HeaderName| {
        OUTWARD.contains(name) || OUTWARD_STARTS.iter().any(|start| name.as_str().starts_with(start))
    };
    let dropped: Vec<HeaderName> = headers.keys().filter(|name| !is_kept(name)).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
    if let Some(wait) = headers.remove(header::RETRY_AFTER).and_then(|wait| seconds_to_wait(&wait, now)) {
        headers.insert(header::RETRY_AFTER, wait);
    }
    if status != StatusCode::NO_CONTENT && !status.is_redirection() {
        let unknown = HeaderValue::from_static("application/octet-stream");
        headers.entry(header::CONTENT_TYPE).or_insert(unknown);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CORP, HeaderValue::from_static("same-origin"));
}

/// Removes every field whose value holds `secret`.
pub(super) fn keep_away(headers: &mut HeaderMap, secret: &str) {
    let finder = memmem::Finder::new(secret);
    let holding = headers.iter().filter(|(_, value)| finder.find(value.as_bytes()).is_some());
    let holding: Vec<HeaderName> = holding.map(|(name, _)| name.clone()).collect();
    for name in holding {
        headers.remove(name);
    }
}

/// Whether the content is a page.
pub(super) fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"))
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3). Zoom's daily limits give an ISO 8601 instant, which clients do
/// not read; what makes no sense is dropped.
fn seconds_to_wait(value: &HeaderValue, now: UnixMillis) -> Option<HeaderValue> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return HeaderValue::from_str(text).ok();
    }
    let instant = text.parse::<Timestamp>().or_else(|_| rfc2822::parse(text).map(|zoned| zoned.timestamp())).ok()?;
    let wait = UnixMillis(instant.as_millisecond()).since(now).max(0);
    Some(HeaderValue::from(u64::try_from(wait).unwrap_or_default().div_ceil(1000)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

    fn wait(text: &str) -> Option<String> {
        let value = HeaderValue::from_str(text).unwrap();
        seconds_to_wait(&value, NOW).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn how_long_to_wait_is_told_in_seconds() {
        assert_eq!(wait("1").as_deref(), Some("1"));
        assert_eq!(wait("2026-11-18T11:07:40Z"), wait("Wed, 18 Nov 2026 11:07:40 GMT"));
        let at = Timestamp::from_millisecond(NOW.0 + 60_500).unwrap().to_string();
        assert_eq!(wait(&at).as_deref(), Some("61"), "{at}");
        assert_eq!(wait("2020-01-01T00:00:00Z").as_deref(), Some("0"));
        for nonsense in ["", "soon", "-1", "1.5", "99999999999", "2026-13-01T00:00:00Z"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_field_that_holds_the_secret_is_removed() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_static("\"the-secret-1\""));
        headers.insert(header::LINK, HeaderValue::from_static("<https://a.example>"));
        keep_away(&mut headers, "the-secret");
        assert_eq!(headers.keys().collect::<Vec<_>>(), [header::LINK]);
    }

    proptest! {
        #[test]
        fn mn_20_nothing_but_what_belongs_to_a_call_goes_in(name in "[a-z_-]{1,24}") {
            let name = HeaderName::try_from(name).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(name.clone(), HeaderValue::from_static("theirs"));
            let through = inward(&headers, &[]).values().any(|value| value == "theirs");
            prop_assert_eq!(through, INWARD.contains(&name));
        }
    }
}
