use std::collections::BTreeSet;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

use crate::config::Config;
use crate::server::Addresses;

/// The security headers of the emulator's own pages, made once.
pub(crate) struct PagePolicy {
    csp: HeaderValue,
}

impl PagePolicy {
    /// Pages load only what is embedded, frame only the app, and send forms only to the emulator; the origins of
    /// the app are there because browsers apply `form-action` to the redirects that follow a form, too.
    pub(crate) fn new(config: &Config, addresses: &Addresses) -> Self {
        let apps = config.redirect_urls.iter().chain([&config.landing_url, &config.home_url]);
        let mut targets: BTreeSet<String> = apps.map(|url| url.origin().ascii_serialization()).collect();
        targets.insert(addresses.zoom.clone());
        targets.insert(addresses.web_client());
        // A redirect URL with a scheme of its own has no origin that a policy could name.
        targets.remove("null");
        let targets: Vec<_> = targets.into_iter().collect();
        let csp = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             frame-src {} {} {}; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
            addresses.web_view,
            addresses.web_frame,
            addresses.website,
            targets.join(" "),
        );
        Self { csp: HeaderValue::try_from(csp).expect("origins are visible ASCII") }
    }

    /// Puts the headers on.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_SECURITY_POLICY, self.csp.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
