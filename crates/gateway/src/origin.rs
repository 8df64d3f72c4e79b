//! Where a request comes from: our own pages, or somebody else's.

use http::{HeaderMap, HeaderName, StatusCode, header};
use url::Url;

use crate::edge::at_most_one;
use crate::notice::Notice;

pub(crate) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Our own origin, from `public_url`.
#[derive(Clone, Debug)]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn new(public_url: &Url) -> Self {
        Self(public_url.origin().ascii_serialization())
    }

    /// Whether a page of ours sent the request: by what the browser says of it (Fetch Metadata), or where it says
    /// nothing, by the exact origin. Nothing at all is not ours.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> bool {
        match at_most_one(headers, &FETCH_SITE) {
            Ok(Some(site)) => site == "same-origin",
            Ok(None) => self.is_named(headers),
            Err(()) => false,
        }
    }

    /// Whether nothing says that another site sent the request. Enough only where the request proves itself: browsers
    /// without Fetch Metadata send a GET of our own pages without any sign.
    pub(crate) fn is_not_foreign(&self, headers: &HeaderMap) -> bool {
        let is_silent = !headers.contains_key(&FETCH_SITE) && !headers.contains_key(header::ORIGIN);
        is_silent || self.sent(headers)
    }

    /// Whether `Origin` is ours.
    pub(crate) fn is_named(&self, headers: &HeaderMap) -> bool {
        let origin = at_most_one(headers, &header::ORIGIN).ok().flatten();
        origin.is_some_and(|origin| origin == self.0.as_str())
    }
}

/// The answer to another site.
pub(crate) fn cross_site() -> Notice {
    let sentence = "This request comes from another site.";
    Notice::problem(StatusCode::FORBIDDEN, "cross_site", sentence, "Send it from a page of this app.")
}
