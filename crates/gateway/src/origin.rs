//! Where a request comes from: our own pages, or somebody else's.

use http::{HeaderMap, HeaderName, header};
use url::Url;

use crate::edge::at_most_one;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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

    /// Whether `Origin` is ours.
    pub(crate) fn is_named(&self, headers: &HeaderMap) -> bool {
        let origin = at_most_one(headers, &header::ORIGIN).ok().flatten();
        origin.is_some_and(|origin| origin == self.0.as_str())
    }
}
