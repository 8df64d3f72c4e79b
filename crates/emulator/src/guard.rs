//! Who may speak to the emulator. It listens on loopback, and so must not take orders from web pages that a developer
//! happens to have open: neither directly (cross-site requests) nor through a name that resolves to this machine (DNS
//! rebinding).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};

/// The names under which one listener may be addressed.
#[derive(Clone)]
pub(crate) struct Names {
    origin: String,
    hosts: [String; 3],
}

impl Names {
    /// The names of the listener whose origin is `http://localhost:<port>`.
    pub(crate) fn of(origin: &str) -> Self {
        let port = origin.rsplit(':').next().unwrap_or_default();
        Self {
            origin: origin.into(),
            hosts: [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")],
        }
    }

    /// Whether a request is addressed to this listener by a loopback name.
    fn includes(&self, request: &Request) -> bool {
        let named = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => single(request.headers(), &HOST),
        };
        named.is_some_and(|name| self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name)))
    }

    /// Whether the request comes from a page of this listener, or not from a page at all.
    ///
    /// `Sec-Fetch-Site` decides where a browser sends it; `Origin` is `null` in forms of pages without referrer.
    pub(crate) fn not_from_elsewhere(&self, headers: &HeaderMap) -> bool {
        match headers.get("sec-fetch-site") {
            Some(site) => site == "same-origin" || site == "none",
            None => headers.get(ORIGIN).is_none_or(|origin| self.is_own_origin(origin.as_bytes())),
        }
    }

    /// Whether a browser says that the request comes from a page of this listener.
    pub(crate) fn is_own_page(&self, headers: &HeaderMap) -> bool {
        match headers.get("sec-fetch-site") {
            Some(site) => site == "same-origin",
            None => headers.get(ORIGIN).is_some_and(|origin| self.is_own_origin(origin.as_bytes())),
        }
    }

    fn is_own_origin(&self, origin: &[u8]) -> bool {
        self.hosts.iter().any(|host| origin == format!("http://{host}").as_bytes())
    }

    /// The origin with the name `localhost`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

/// Refuses what is addressed to another name than ours.
pub(crate) async fn only_ours(State(names): State<Names>, request: Request, next: Next) -> Response {
    if names.includes(&request) {
        return next.run(request).await;
    }
    let sentence = format!("This is the emulator. It answers only to {} and 127.0.0.1 on that port.", names.origin);
    (StatusCode::MISDIRECTED_REQUEST, sentence).into_response()
}

/// The value of a header that must not be repeated.
fn single<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
