//! What the emulator shows of requests and answers: names, and only such values as are known to be harmless.
//!
//! Everything else becomes `‹redacted N›`, N being its length in characters, and is also removed wherever it is repeated.

use axum::body::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, REFERER, SET_COOKIE};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::config::ApiKey;
use crate::platform::Platform;
use crate::world::journal::{ShownAnswer, ShownRequest};
use crate::zoom::launch::PATH as LAUNCH;
use crate::zoom::{Answer, Call};

/// Headers whose values are shown as they are.
const HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "access-control-allow-origin",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "host",
    "permissions-policy",
    "referrer-policy",
    "retry-after",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-ratelimit-category",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-type",
    "x-zm-trackingid",
];

/// Parameters and JSON members whose texts are shown as they are.
const MEMBERS: &[&str] = &[
    "grant_type",
    "client_id",
    "response_type",
    "code_challenge_method",
    "error",
    "error_description",
    "decision",
    "token_type",
    "scope",
    "api_url",
    "reason",
    "message",
    "errorMessage",
    "status",
    "id",
    "email",
    "first_name",
    "last_name",
    "display_name",
    "role_name",
    "timezone",
    "language",
    "note",
    "field",
    "plainToken",
    "view",
    "page_size",
    "start_time",
    "created_at",
    "topic",
    "agenda",
];

/// Parameters and JSON members that are URLs: shown without the values in them.
const URLS: &[&str] = &["redirect_uri", "deeplink"];

/// Values shorter than this are not searched for elsewhere: they would be found by accident.
const MIN_REPEATED: usize = 8;

/// The longest text that is shown of one value or body, in bytes. What is remembered must not grow with what is sent.
const MAX_SHOWN: usize = 8 * 1024;

/// One request and its answer, as they are shown.
pub(crate) fn exchange(platform: &Platform, call: &Call, answer: &Answer) -> (ShownRequest, Option<ShownAnswer>) {
    let mut redactor = Redactor::new(platform);
    let request = ShownRequest {
        method: call.method.to_string(),
        url: format!("{}{}", call.side.origin(&platform.addresses), redactor.target(&call.uri.to_string())),
        headers: redactor.headers(&call.headers),
        body: redactor.body(&call.headers, &call.body),
    };
    let answer = ShownAnswer {
        status: answer.status.as_u16(),
        headers: redactor.headers(&answer.headers),
        body: redactor.body(&answer.headers, &answer.body),
    };
    redactor.sweep(request, Some(answer))
}

/// A path without what is secret in it.
pub(crate) fn path(path: &str) -> String {
    match path.strip_prefix(LAUNCH) {
        Some(token) => format!("{LAUNCH}{}", mark(token)),
        None => path.into(),
    }
}

fn mark(value: &str) -> String {
    format!("‹redacted {}›", value.chars().count())
}

fn clip(text: &mut String) {
    if text.len() > MAX_SHOWN {
        text.truncate(text.floor_char_boundary(MAX_SHOWN));
        text.push('…');
    }
}

/// Hides values and remembers them, so that they are hidden where they are repeated, too.
pub(crate) struct Redactor {
    hidden: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(platform: &Platform) -> Self {
        let config = &platform.config;
        let secrets = [
            config.client_secret.expose(),
            config.webhook_secret.expose(),
            config.website.sdk.secret.expose(),
            config.provider.client_secret.expose(),
        ];
        let api_key = config.website.api_key.as_ref().map(ApiKey::expose);
        Self { hidden: secrets.into_iter().chain(api_key).map(Into::into).collect() }
    }

    fn hide(&mut self, value: &str) -> String {
        if value.len() >= MIN_REPEATED {
            self.hidden.push(value.into());
        }
        mark(value)
    }

    fn member(&mut self, name: &str, value: &str) -> String {
        if MEMBERS.contains(&name) {
            value.into()
        } else if URLS.contains(&name) {
            self.url(value)
        } else {
            self.hide(value)
        }
    }

    fn pairs(&mut self, encoded: &[u8]) -> String {
        let pair = |(name, value): (_, _)| -> String {
            let (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>) = (name, value);
            let known =
                name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte));
            let shown = self.member(&name, &value);
            if known { format!("{name}={shown}") } else { format!("{}={shown}", self.hide(&name)) }
        };
        form_urlencoded::parse(encoded).map(pair).collect::<Vec<_>>().join("&")
    }

    /// Path and query of a request.
    pub(crate) fn target(&mut self, target: &str) -> String {
        let (plain, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        if let Some(token) = plain.strip_prefix(LAUNCH) {
            self.hide(token);
        }
        match query {
            Some(query) => format!("{}?{}", path(plain), self.pairs(query.as_bytes())),
            None => path(plain),
        }
    }

    /// A URL without the values in it.
    pub(crate) fn url(&mut self, value: &str) -> String {
        match Url::parse(value) {
            Ok(url) if url.has_host() => {
                let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
                format!("{}{}", url.origin().ascii_serialization(), self.target(target))
            }
            Err(_) if value.starts_with('/') => self.target(value),
            _ => self.hide(value),
        }
    }

    /// Headers in their order; of those that are not known to be harmless the value is hidden.
    pub(crate) fn headers(&mut self, headers: &HeaderMap) -> Vec<[String; 2]> {
        let mut shown = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let text = String::from_utf8_lossy(value.as_bytes());
            let value = match name {
                name if HEADERS.contains(&name.as_str()) => text.into_owned(),
                &LOCATION | &REFERER | &ORIGIN => self.url(&text),
                &AUTHORIZATION => self.authorization(&text),
                &COOKIE => text.split("; ").map(|cookie| self.cookie(cookie)).collect::<Vec<_>>().join("; "),
                &SET_COOKIE => self.set_cookie(&text),
                _ => self.hide(&text),
            };
            shown.push([name.to_string(), value]);
        }
        shown
    }

    fn authorization(&mut self, text: &str) -> String {
        match text.split_once(' ') {
            Some((scheme @ ("Basic" | "Bearer"), value)) => format!("{scheme} {}", self.hide(value)),
            _ => self.hide(text),
        }
    }

    fn cookie(&mut self, pair: &str) -> String {
        match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", self.hide(value)),
            None => self.hide(pair),
        }
    }

    fn set_cookie(&mut self, text: &str) -> String {
        let (pair, attributes) = text.split_once(';').map_or((text, ""), |(pair, attributes)| (pair, attributes));
        let separator = if attributes.is_empty() { "" } else { ";" };
        format!("{}{separator}{attributes}", self.cookie(pair))
    }

    /// A body: JSON and forms member by member, pages as their size, anything else not at all.
    pub(crate) fn body(&mut self, headers: &HeaderMap, body: &Bytes) -> Option<String> {
        if body.is_empty() {
            return None;
        }
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if media_type.starts_with("text/html") {
            return Some(format!("a page of {} bytes", body.len()));
        }
        if media_type.starts_with("application/x-www-form-urlencoded") {
            return Some(self.pairs(body));
        }
        let json = serde_json::from_slice::<Value>(body).ok().filter(|_| media_type.starts_with("application/json"));
        match json {
            Some(mut json) => {
                self.json(None, &mut json);
                Some(json.to_string())
            }
            None => Some(self.hide(&String::from_utf8_lossy(body))),
        }
    }

    fn json(&mut self, name: Option<&str>, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.member(name.unwrap_or_default(), text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(name, item)),
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| self.json(Some(name), value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Removes what was hidden in one place from all the others: the longest first, so that nothing is left of a value
    /// that holds another one.
    pub(crate) fn sweep(
        mut self,
        mut request: ShownRequest,
        mut answer: Option<ShownAnswer>,
    ) -> (ShownRequest, Option<ShownAnswer>) {
        self.hidden.sort_by_key(|hidden| std::cmp::Reverse(hidden.len()));
        let of_request = request.headers.iter_mut().map(|[_, value]| value).chain(&mut request.body);
        of_request.chain([&mut request.url]).for_each(|text| self.sweep_text(text));
        if let Some(answer) = &mut answer {
            let of_answer = answer.headers.iter_mut().map(|[_, value]| value).chain(&mut answer.body);
            of_answer.for_each(|text| self.sweep_text(text));
        }
        (request, answer)
    }

    fn sweep_text(&self, text: &mut String) {
        for hidden in &self.hidden {
            if text.contains(hidden.as_str()) {
                *text = text.replace(hidden.as_str(), &mark(hidden));
            }
        }
        clip(text);
    }
}
