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
        // Behind a base without a path, anything else could name another host.
        if !self.target.starts_with('/') {
            return Err("the target of a call is no path".into());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mn_22_a_token_goes_to_the_host_of_its_base_only() {
        let base = Url::parse("https://api.zoom.us").unwrap();
        let bearer = Bearer::new("a-token");
        let to = |target: &str| {
            let head = Head { method: Method::GET, target: target.to_owned(), headers: HeaderMap::new() };
            head.request(&base, &bearer, Body::empty()).map(|request| request.uri().to_string())
        };
        assert_eq!(to("/v2/users/me?x=1").unwrap(), "https://api.zoom.us/v2/users/me?x=1");
        for elsewhere in ["@elsewhere.example/", ".elsewhere.example/", ":8080/", "", "?x"] {
            assert!(to(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
