//! Security headers: on every HTML answer, once each, an app's own value kept where it is at least as strict.
//!
//! Zoom's client shows no page without Strict-Transport-Security, X-Content-Type-Options, Content-Security-Policy and
//! Referrer-Policy (<https://developers.zoom.us/docs/build-flow/security/owasp/>); its web client frames pages and asks
//! for Cross-Origin-Embedder-Policy and Cross-Origin-Resource-Policy
//! (<https://developers.zoom.us/docs/zoom-apps/guides/pwa/>).

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use stagedoor_protocol::loopback::is_loopback;

use crate::config::{Config, ConfigError};

pub mod rules;

use rules::{ReferrerPolicy, accept_csp, is_hsts, is_no_store};

/// What an answer carries that is one caller's alone.
pub(crate) const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, NOT_STORED)];

/// Room for whatever is added to an answer on its way out: growing costs more than all of it.
pub(crate) const ROOM: usize = 12;

const COEP: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NOT_STORED: HeaderValue = HeaderValue::from_static("no-store");
const REQUIRE_CORP: HeaderValue = HeaderValue::from_static("require-corp");
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// The policy of an app that sends none, without `frame-ancestors`.
const APP_POLICY: [(&str, &str); 8] = [
    ("default-src", "'self'"),
    ("script-src", "'self' https://appssdk.zoom.us"),
    ("style-src", "'self'"),
    ("img-src", "'self' data:"),
    ("connect-src", "'self'"),
    ("object-src", "'none'"),
    ("base-uri", "'self'"),
    ("form-action", "'self'"),
];

/// The policy of our own pages: a style and a link.
const OWN_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

/// The policy of the boot page: besides, the SDK, a module, and what that asks of us.
const BOOT_POLICY: &str = "default-src 'none'; script-src 'self' https://appssdk.zoom.us; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

/// Zoom's origins, which frame pages in the web client.
const ZOOM_ANCESTORS: &str = "'self' https://*.zoom.us https://*.zoom.com";

/// An answer in JSON that is one caller's alone.
pub(crate) fn private_json(json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.reserve(ROOM);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, NOT_STORED);
    response
}

/// The values, made once per process.
#[derive(Clone, Debug)]
pub(crate) struct SecurityHeaders {
    hsts_max_age: u64,
    hsts: HeaderValue,
    referrer: ReferrerPolicy,
    app_policy: HeaderValue,
    own_policy: HeaderValue,
    boot_policy: HeaderValue,
    ancestors: String,
    pwa: bool,
}

/// Whose answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// A page of ours.
    Stagedoor,
    /// The boot page.
    BootPage,
    /// A page of the app.
    App,
}

impl SecurityHeaders {
    /// Makes the values.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut directives: Vec<(String, String)> =
            APP_POLICY.iter().map(|(name, sources)| ((*name).to_owned(), (*sources).to_owned())).collect();
        let mut ancestors = frame_ancestors(config);
        for (name, sources) in &config.headers.csp {
            let (name, sources) = (name.to_ascii_lowercase(), sources.trim().to_owned());
            if !rules::is_directive(&name, &sources) {
                return Err(ConfigError::Header(sources, format!("the directive {name:?}")));
            }
            if name == "frame-ancestors" {
                ancestors = sources;
            } else if let Some(known) = directives.iter_mut().find(|(known, _)| *known == name) {
                known.1 = sources;
            } else {
                directives.push((name, sources));
            }
        }
        let policy: Vec<_> = directives.iter().map(|(name, sources)| format!("{name} {sources}")).collect();
        let referrer = &config.headers.referrer_policy;
        Ok(Self {
            hsts_max_age: config.headers.hsts_max_age,
            hsts: value(format!("max-age={}", config.headers.hsts_max_age)),
            referrer: ReferrerPolicy::parse(referrer.as_bytes())
                .ok_or_else(|| ConfigError::Header(referrer.clone(), "referrer_policy".into()))?,
            app_policy: value(format!("{}; frame-ancestors {ancestors}", policy.join("; "))),
            own_policy: value(format!("{OWN_POLICY}; frame-ancestors {ancestors}")),
            boot_policy: value(format!("{BOOT_POLICY}; frame-ancestors {ancestors}")),
            ancestors,
            pwa: config.pwa,
        })
    }

    /// Completes the headers of an answer.
    pub(crate) fn complete(&self, author: Author, status: StatusCode, headers: &mut HeaderMap) {
        headers.remove(header::X_FRAME_OPTIONS);
        if !is_html(status, headers) {
            if author != Author::App {
                headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
            }
            return;
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        match author {
            Author::Stagedoor => self.write_own(&self.own_policy, headers),
            Author::BootPage => self.write_own(&self.boot_policy, headers),
            Author::App => self.complete_app(headers),
        }
        if self.pwa {
            headers.insert(COEP, REQUIRE_CORP);
            headers.insert(CORP, CROSS_ORIGIN);
        }
    }

    fn write_own(&self, policy: &HeaderValue, headers: &mut HeaderMap) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, self.hsts.clone());
        headers.insert(header::REFERRER_POLICY, NO_REFERRER);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        headers.insert(header::CACHE_CONTROL, NOT_STORED);
    }

    fn complete_app(&self, headers: &mut HeaderMap) {
        // RFC 6797 section 8.1: of several fields only the first counts.
        let hsts = headers.get(header::STRICT_TRANSPORT_SECURITY);
        let hsts = hsts.filter(|hsts| is_hsts(hsts.as_bytes(), self.hsts_max_age)).unwrap_or(&self.hsts).clone();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts);

        let referrer = ReferrerPolicy::of(headers).filter(|theirs| theirs.is_at_least(self.referrer));
        headers.insert(header::REFERRER_POLICY, referrer.unwrap_or(self.referrer).value());

        let theirs = headers.get_all(header::CONTENT_SECURITY_POLICY).iter();
        let policy = accept_csp(theirs, &self.ancestors, !self.pwa).unwrap_or_else(|| self.app_policy.clone());
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);

        // Zoom's client does not like 304 for pages, and pages depend on the session.
        if !headers.get_all(header::CACHE_CONTROL).iter().any(|value| is_no_store(value.as_bytes())) {
            headers.insert(header::CACHE_CONTROL, NOT_STORED);
        }
    }
}

/// What a browser would show as a page: HTML, or content without a type, which it might take for HTML.
fn is_html(status: StatusCode, headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        let is_empty = status.is_informational() || status.is_redirection() || status == StatusCode::NO_CONTENT;
        return !is_empty;
    };
    let kind = kind.as_bytes();
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"text/html") || essence.eq_ignore_ascii_case(b"application/xhtml+xml")
}

/// Who may frame pages: Zoom where its web client is supported, and always an emulator on loopback, which stands for
/// every client.
fn frame_ancestors(config: &Config) -> String {
    let zoom = &config.zoom_host;
    let mut ancestors = if config.pwa { ZOOM_ANCESTORS.to_owned() } else { "'self'".to_owned() };
    let is_known = zoom.scheme() == "https"
        && zoom.port().is_none()
        && zoom.host_str().is_some_and(|host| host == "zoom.us" || host.ends_with(".zoom.us"));
    if !is_known && (config.pwa || is_loopback(zoom)) {
        ancestors.push(' ');
        ancestors.push_str(&zoom.origin().ascii_serialization());
    }
    ancestors
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("the parts were checked to be visible ASCII")
}
