//! Everything that is not a route of ours: the app, behind the gate.
//!
//! A request with an app context is a launch; others need the session that a launch has begun, unless their path is
//! public. Decisions are made on the very path that is then served or forwarded.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use stagedoor_flows::launch::{Launch, LaunchError, Launched};
use stagedoor_flows::session::{Session, Sessions, Surface};

use crate::caller::{Caller, Carrier};
use crate::config::{Browsers, ConfigError, SessionConfig};
use crate::connect::Claims;
use crate::context::repeated;
use crate::cookie;
use crate::edge::{Arrival, at_most_one};
use crate::files::Files;
use crate::notice::{Audience, FETCH_DEST, Notice};
use crate::origin::{Origin, cross_site};
use crate::proxy::Proxy;
use crate::routes::refused_method;
use crate::session::required;

/// Where Zoom's client puts the app context.
pub(crate) const CONTEXT: HeaderName = HeaderName::from_static("x-zoom-app-context");

/// The app and its gate.
pub(crate) struct App {
    pub(crate) source: Source,
    pub(crate) launch: Launch,
    /// Third-party sign-ins that come back with a launch. Only those touch the store or the network.
    pub(crate) claims: Claims,
    pub(crate) sessions: Sessions,
    pub(crate) session_config: SessionConfig,
    pub(crate) browsers: Browsers,
    /// Whether pages without a session, framed as Zoom's web client frames them, fetch one.
    pub(crate) pwa: bool,
    pub(crate) public: Public,
    pub(crate) origin: Origin,
}

/// Where the app comes from.
pub(crate) enum Source {
    Files(Files),
    Upstream(Box<Proxy>),
}

/// Who is let in.
enum Visit {
    /// Somebody whose session this request has begun.
    Launched(Box<Launched>),
    /// Somebody with a session.
    Known(Session),
    /// Anybody.
    Anonymous,
}

impl Visit {
    fn session(&self) -> Option<&Session> {
        match self {
            Self::Launched(launched) => Some(&launched.session),
            Self::Known(session) => Some(session),
            Self::Anonymous => None,
        }
    }
}

impl App {
    /// Answers with the app, or says why not.
    pub(crate) async fn answer(&self, mut request: Request, arrival: &Arrival) -> Response {
        let visit = match self.admit(&mut request, arrival.audience) {
            Ok(visit) => visit,
            Err(notice) => return notice.into_response(),
        };
        if let Visit::Launched(launched) = &visit {
            self.claims.settle(launched).await;
        }
        let mut response = match &self.source {
            Source::Files(files) => files.answer(&request.into_parts().0, arrival.audience).await,
            // Boxed, so that the future of every other request is not as large as this one.
            Source::Upstream(proxy) => Box::pin(proxy.forward(request, arrival, visit.session())).await,
        };
        if let Visit::Launched(launched) = visit {
            let cookie = cookie::session(&launched.session, &launched.cookie, self.session_config);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    fn admit(&self, request: &mut Request, audience: Audience) -> Result<Visit, Notice> {
        // It is answered with what it brought (RFC 9110 section 9.3.8), and what we add is for the upstream alone.
        if request.method() == Method::TRACE {
            return Err(refused_method("Use another method."));
        }
        let context = at_most_one(request.headers(), &CONTEXT).map_err(|()| repeated())?.cloned();
        if context.is_some() {
            request.headers_mut().remove(CONTEXT);
        }
        let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
        let caller = Caller::of(&self.sessions, request.headers());
        let came_along = caller.as_ref().is_some_and(|caller| caller.carrier == Carrier::Cookie);
        self.check_origin(request, came_along)?;
        let current = caller.map(|caller| caller.session);
        let visit = match context.filter(|_| is_read) {
            Some(context) => self.begin(&context, current.as_ref())?,
            None => current.map_or(Visit::Anonymous, Visit::Known),
        };
        let is_open = self.browsers == Browsers::Allow || self.public.holds(request.uri().path());
        if visit.session().is_none() && !is_open {
            return Err(match audience {
                Audience::Program => required(),
                Audience::Person if self.pwa && is_framed(request.headers()) => Notice::boot(),
                Audience::Person => open_in_zoom(),
            });
        }
        Ok(visit)
    }

    fn begin(&self, context: &HeaderValue, current: Option<&Session>) -> Result<Visit, Notice> {
        // What is not visible ASCII is no base64 either: the flow refuses it like any other text.
        let context = context.to_str().unwrap_or_default();
        let launched = self.launch.open(context, Surface::Client, current).map_err(|error| {
            let notice = Notice::of(&error);
            if matches!(error, LaunchError::Guest) { notice.offering_install() } else { notice }
        })?;
        Ok(Visit::Launched(Box::new(launched)))
    }

    /// The session cookie comes along from any site, so whatever changes something must come from our own pages.
    /// WebSockets are open to any site too, and browsers always send their origin.
    fn check_origin(&self, request: &Request, came_along: bool) -> Result<(), Notice> {
        let (method, headers) = (request.method(), request.headers());
        let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let is_ours = if is_websocket(headers) {
            self.origin.is_named(headers)
        } else {
            is_safe || !came_along || self.origin.sent(headers)
        };
        if is_ours { Ok(()) } else { Err(cross_site()) }
    }
}

/// Whether a document is loaded into a frame (Fetch Metadata).
fn is_framed(headers: &HeaderMap) -> bool {
    let destination = at_most_one(headers, &FETCH_DEST).ok().flatten();
    destination.is_some_and(|destination| destination == "iframe" || destination == "frame")
}

/// Whether a request asks for a WebSocket (RFC 6455 section 4.1).
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Paths that are reached without a session.
#[derive(Clone, Debug)]
pub(crate) struct Public(Vec<Pattern>);

#[derive(Clone, Debug)]
enum Pattern {
    Exactly(String),
    Below(String),
}

impl Public {
    /// Parses patterns: a path, or the beginning of paths with a `*` behind it.
    pub(crate) fn parse(patterns: &[String]) -> Result<Self, ConfigError> {
        let parse = |pattern: &String| {
            let refused = || ConfigError::Public(pattern.clone());
            let (path, is_open) = pattern.strip_suffix('*').map_or((pattern.as_str(), false), |path| (path, true));
            // A pattern that no admitted path can match would be a mistake that nobody notices.
            if !path.starts_with('/') || path.contains(['*', '?']) || crate::admission::path(path).is_err() {
                return Err(refused());
            }
            Ok(if is_open { Pattern::Below(path.to_owned()) } else { Pattern::Exactly(path.to_owned()) })
        };
        Ok(Self(patterns.iter().map(parse).collect::<Result<_, _>>()?))
    }

    fn holds(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exactly(exactly) => path == exactly,
            Pattern::Below(start) => path.starts_with(start.as_str()),
        })
    }
}

/// At the top level of a browser. Status 200 and not 401: nothing is wrong, there is no challenge that a browser
/// could answer (RFC 9110 section 15.5.2 demands one), and whoever probes the Home URL, as the Marketplace does, finds
/// it alive, with its security headers.
fn open_in_zoom() -> Notice {
    let advice = "It runs inside the Zoom client. Open Zoom and choose the app there, or add it first.";
    Notice::page("open_in_zoom", "Open this app in Zoom", advice).offering_install()
}
