//! Where a call goes, and where its `Location` leads.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use stagedoor_flows::port::BoxError;
use url::Url;

use super::Bearer;

/// A request without its body: what every try has in common.
pub(super) struct Head {
    pub(super) method: Method,
    /// Path and query below the base, as they came.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// The request of one try.
    pub(super) fn request(&self, base: &Url, bearer: &Bearer, body: Body) -> Result<http::Request<Body>, BoxError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", bearer.expose()))?;
        authorization.set_sensitive(true);
        let path = base.path().trim_end_matches('/');
        let uri: Uri = format!("{}{path}{}", base.origin().ascii_serialization(), self.target).parse()?;
        let mut request = http::Request::builder().method(&self.method).uri(uri).body(body)?;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        Ok(request)
    }

    /// The address here that stands for a `Location` of the API, if that lies below its base.
    pub(super) fn place_of(&self, location: &HeaderValue, base: &Url, place: &str) -> Option<HeaderValue> {
        let path = base.path().trim_end_matches('/');
        let asked = base.join(&format!("{path}{}", self.target)).ok()?;
        let led = asked.join(location.to_str().ok()?).ok()?;
        let is_there = led.origin() == base.origin() && led.username().is_empty() && led.password().is_none();
        let rest = led.path().strip_prefix(path).filter(|rest| is_there && rest.starts_with('/'))?;
        crate::admission::path(rest).ok()?;
        let query = led.query().map(|query| format!("?{query}")).unwrap_or_default();
        HeaderValue::try_from(format!("{place}{rest}{query}")).ok()
    }
}
