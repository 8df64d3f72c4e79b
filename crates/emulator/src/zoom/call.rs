use axum::body::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, Uri};
use url::form_urlencoded;

use crate::server::Addresses;

/// One request to Zoom's side, read completely.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where it was sent.
    pub(crate) side: Side,
}

/// The listeners whose requests are read completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Zoom,
    Provider,
}

impl Side {
    /// The origin of the listener.
    pub(crate) fn origin(self, addresses: &Addresses) -> &str {
        match self {
            Self::Zoom => &addresses.zoom,
            Self::Provider => &addresses.provider,
        }
    }
}

impl Call {
    pub(crate) fn new(parts: Parts, body: Bytes, side: Side) -> Self {
        Self { method: parts.method, uri: parts.uri, headers: parts.headers, body, side }
    }

    /// A header as text; none if it is absent or not visible ASCII.
    pub(crate) fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type of the body, in lower case, without parameters.
    fn media_type(&self) -> Option<String> {
        let value = self.header(&CONTENT_TYPE)?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// Whether the body is a form.
    pub(crate) fn is_form(&self) -> bool {
        self.media_type().as_deref() == Some("application/x-www-form-urlencoded")
    }

    /// Whether the body says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.media_type().as_deref() == Some("application/json")
    }

    /// Whether a person is looking.
    pub(crate) fn wants_html(&self) -> bool {
        self.header(&ACCEPT).is_some_and(|accept| accept.contains("text/html"))
    }

    /// What follows an authentication scheme in `Authorization`.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, value) = self.header(&AUTHORIZATION)?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then(|| value.trim())
    }

    /// The parameters of the query.
    pub(crate) fn query(&self) -> Params {
        Params::parse(self.uri.query().unwrap_or_default().as_bytes())
    }

    /// The parameters of a form.
    pub(crate) fn form(&self) -> Params {
        Params::parse(&self.body)
    }
}

/// The parameters of a query or a form, in their order.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The value of a parameter; none if it is absent or empty (RFC 6749 section 3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that occurs more than once, which RFC 6749 section 3.1 forbids.
    pub(crate) fn repeated(&self) -> Option<&str> {
        let mut names = self.0.iter().enumerate().map(|(at, (name, _))| (at, name));
        names
            .find(|(at, name)| self.0[..*at].iter().any(|(earlier, _)| earlier == *name))
            .map(|(_, name)| name.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
