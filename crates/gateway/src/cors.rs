//! Pages of other sites that may call a route (the CORS protocol of the Fetch standard): exactly those that are listed,
//! and no other is told anything.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Url;

use crate::edge::at_most_one;
use crate::notice::Notice;
use crate::origin::{FETCH_SITE, Origin};
use crate::routes::refused_method;

/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// Whether the browser may send cookies, and the page read the answer to such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Allow,
    Omit,
}

/// Who may call a route from a page.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    listed: Vec<HeaderValue>,
    own: Origin,
    /// The one method of the route, and what is allowed with `OPTIONS` beside it.
    method: HeaderValue,
    allow: HeaderValue,
    credentials: Credentials,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender<'a> {
    /// A page of a listed site.
    Listed(&'a HeaderValue),
    /// A page of ours.
    Own,
    /// Nothing says that it is a page: another program, or an old browser on a page of ours.
    Silent,
    /// A page of any other site, or of none that can be named.
    Foreign,
}

impl Cors {
    pub(crate) fn new<'a>(
        origins: impl IntoIterator<Item = &'a str>,
        public_url: &Url,
        method: &'static str,
        credentials: Credentials,
    ) -> Self {
        let origins = origins.into_iter().map(|origin| HeaderValue::from_str(origin).expect("an origin is ASCII"));
        let allow = HeaderValue::try_from(format!("{method}, OPTIONS")).expect("a method is ASCII");
        let method = HeaderValue::from_static(method);
        Self { listed: origins.collect(), own: Origin::new(public_url), method, allow, credentials }
    }

    /// Says where a request comes from.
    pub(crate) fn sender<'a>(&self, headers: &'a HeaderMap) -> Sender<'a> {
        match at_most_one(headers, &header::ORIGIN) {
            Ok(Some(origin)) if self.listed.contains(origin) => Sender::Listed(origin),
            Ok(_) if self.own.sent(headers) => Sender::Own,
            Ok(None) if self.own.is_not_foreign(headers) || is_typed(headers) => Sender::Silent,
            _ => Sender::Foreign,
        }
    }

    /// Completes an answer for its sender. Caches are told that it depends on the origin, whatever it is.
    pub(crate) fn mark(&self, sender: Sender<'_>, response: impl IntoResponse) -> Response {
        let mut response = response.into_response();
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Sender::Listed(origin) = sender {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if self.credentials == Credentials::Allow {
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
        response
    }

    /// Answers `OPTIONS`. A browser that asks for more than is named here refuses by itself.
    pub(crate) fn preflight(&self, headers: &HeaderMap) -> Response {
        let sender = self.sender(headers);
        let named = match sender {
            Sender::Foreign => return self.mark(sender, origin_not_allowed()),
            Sender::Own | Sender::Silent => [(header::ALLOW, self.allow.clone())].into_response(),
            Sender::Listed(_) => {
                let headers = [
                    (header::ACCESS_CONTROL_ALLOW_METHODS, self.method.clone()),
                    (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type")),
                    (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
                ];
                headers.into_response()
            }
        };
        self.mark(sender, (StatusCode::NO_CONTENT, named))
    }

    /// Answers any other method.
    pub(crate) fn refuse_method(&self, headers: &HeaderMap) -> Response {
        self.mark(self.sender(headers), ([(header::ALLOW, self.allow.clone())], refused_method("Use another method.")))
    }
}

/// Whether a person opened the address themselves; no page can make a browser say so (Fetch Metadata).
fn is_typed(headers: &HeaderMap) -> bool {
    at_most_one(headers, &FETCH_SITE).ok().flatten().is_some_and(|site| site == "none")
}

/// The answer to a page that is not listed.
pub(crate) fn origin_not_allowed() -> Notice {
    let sentence = "Pages of this site may not ask here.";
    let advice = "Add its origin to the settings if it is yours.";
    Notice::problem(StatusCode::FORBIDDEN, "origin_not_allowed", sentence, advice)
}
