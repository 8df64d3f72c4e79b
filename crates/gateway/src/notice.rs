//! What Stagedoor itself has to say: one notice, as a page for a person or as a problem (RFC 9457) for a program.
//!
//! Handlers return a [`Notice`]; the edge knows who asked and writes it.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use stagedoor_flows::fault::{Classified, Fault};
use tokio::task::JoinError;

pub(crate) const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Something that Stagedoor has to say.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    sentence: Cow<'static, str>,
    advice: Cow<'static, str>,
    /// What a page offers to do next.
    offer: Option<Box<Offer>>,
    /// Whether it is good news, which has no code and is always a page.
    is_page: bool,
    /// Whether it is the boot page, which fetches a session.
    pub(crate) is_boot: bool,
    /// When to try again, where that is known.
    retry_after: Option<Duration>,
    /// The cause chain, for the log only.
    pub(crate) cause: Option<Box<str>>,
}

/// What a page offers to do next.
#[derive(Clone, Debug)]
enum Offer {
    /// To add the app.
    Install,
    /// To open Zoom, by a deep link.
    IntoZoom(String),
}

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A person, who sees a document.
    Person,
    /// A script or another program.
    Program,
}

impl Audience {
    /// A browser says what it loads (`Sec-Fetch-Dest`); where it does not, a person's browser accepts HTML. Where neither
    /// says anything it is `otherwise`.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, otherwise: Self) -> Self {
        if method != Method::GET && method != Method::HEAD {
            return Self::Program;
        }
        if let Some(destination) = headers.get(FETCH_DEST) {
            let documents: [&[u8]; 5] = [b"document", b"iframe", b"frame", b"embed", b"object"];
            return if documents.contains(&destination.as_bytes()) { Self::Person } else { Self::Program };
        }
        let accepted = headers.get_all(header::ACCEPT);
        let names_html = |accept: &HeaderValue| {
            accept.as_bytes().windows(b"text/html".len()).any(|part| part.eq_ignore_ascii_case(b"text/html"))
        };
        if accepted.iter().any(names_html) {
            Self::Person
        } else if accepted.iter().all(|accept| accept == "*/*") {
            otherwise
        } else {
            Self::Program
        }
    }
}

impl Notice {
    /// A refusal or failure.
    pub(crate) fn problem(
        status: StatusCode,
        code: &'static str,
        sentence: impl Into<Cow<'static, str>>,
        advice: &'static str,
    ) -> Self {
        Self {
            status,
            code,
            sentence: sentence.into(),
            advice: advice.into(),
            offer: None,
            is_page: false,
            is_boot: false,
            retry_after: None,
            cause: None,
        }
    }

    /// A fault of our own: something panicked.
    pub(crate) fn internal(advice: &'static str) -> Self {
        let sentence = "Something went wrong inside this app's gateway.";
        Self::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", sentence, advice)
    }

    /// A task of ours did not come to its end: it panicked.
    pub(crate) fn died(error: &JoinError) -> Self {
        Self::internal("Try again.").because(error)
    }

    /// A page that is no error.
    pub(crate) fn page(code: &'static str, sentence: &'static str, advice: &'static str) -> Self {
        Self { is_page: true, ..Self::problem(StatusCode::OK, code, sentence, advice) }
    }

    /// The page that fetches a session in a frame of the web client, and then gives way to the app.
    pub(crate) fn boot() -> Self {
        Self { is_boot: true, ..Self::page("boot", "Opening the app", "") }
    }

    /// What a flow's error says.
    pub(crate) fn of(error: &impl Classified) -> Self {
        let notice = Self::problem(status(error.fault()), error.code(), error.sentence(), error.advice());
        notice.because(error)
    }

    /// Offers to add the app.
    pub(crate) fn offering_install(self) -> Self {
        Self { offer: Some(Box::new(Offer::Install)), ..self }
    }

    /// Has another status than its fault.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Offers to open Zoom, by a deep link.
    pub(crate) fn leading_into_zoom(self, link: &str) -> Self {
        Self { offer: Some(Box::new(Offer::IntoZoom(link.to_owned()))), ..self }
    }

    /// Says when to try again, where that is known.
    pub(crate) fn after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    fn offers_install(&self) -> bool {
        matches!(self.offer.as_deref(), Some(Offer::Install))
    }

    fn link_into_zoom(&self) -> Option<&str> {
        if let Some(Offer::IntoZoom(link)) = self.offer.as_deref() { Some(link) } else { None }
    }

    /// Keeps the cause for the log.
    pub(crate) fn because(self, error: &dyn Error) -> Self {
        let mut cause = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            cause.push_str(": ");
            cause.push_str(&source.to_string());
            next = source.source();
        }
        Self { cause: Some(cause.into()), ..self }
    }

    /// Leaves nothing to be logged but the access.
    pub(crate) fn without_cause(self) -> Self {
        Self { cause: None, ..self }
    }

    /// Writes the notice for whoever asked: content type and body.
    pub(crate) fn write(&self, audience: Audience, request_id: &str, places: &Places) -> (HeaderValue, String) {
        if self.is_boot {
            let page = BootPage { places, request_id }.render().expect("the template writes into memory");
            return (HeaderValue::from_static("text/html; charset=utf-8"), page);
        }
        if audience == Audience::Person || self.is_page {
            let page = Page {
                sentence: &self.sentence,
                advice: &self.advice,
                code: (!self.is_page).then_some(self.code),
                request_id,
                install: self.offers_install().then_some(&places.install),
                into_zoom: self.link_into_zoom(),
                style: &places.style,
            };
            let page = page.render().expect("the template writes into memory");
            (HeaderValue::from_static("text/html; charset=utf-8"), page)
        } else {
            let problem = Problem {
                kind: "about:blank",
                title: self.status.canonical_reason().unwrap_or_default(),
                status: self.status.as_u16(),
                code: self.code,
                detail: format!("{} {}", self.sentence, self.advice).trim_end().to_owned(),
                request_id,
                install: self.offers_install().then_some(&places.install_url),
            };
            let problem = serde_json::to_string(&problem).expect("a problem is a plain struct");
            (HeaderValue::from_static("application/problem+json"), problem)
        }
    }
}

/// Where a page's links lead.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) install: String,
    pub(crate) install_url: String,
    pub(crate) style: String,
    pub(crate) boot: String,
}

/// The edge finds the notice in the extensions and writes the body.
impl IntoResponse for Notice {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let wait = self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        let wait = wait.or_else(|| (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(5));
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The one place where a fault becomes a status.
fn status(fault: Fault) -> StatusCode {
    match fault {
        Fault::Caller | Fault::Stale => StatusCode::BAD_REQUEST,
        Fault::Anonymous => StatusCode::UNAUTHORIZED,
        Fault::Forbidden => StatusCode::FORBIDDEN,
        Fault::Impatient => StatusCode::TOO_MANY_REQUESTS,
        // What the operator has set up wrongly shows in what Zoom answers, not in anything that broke here.
        Fault::Zoom | Fault::Operator => StatusCode::BAD_GATEWAY,
        Fault::ZoomBusy | Fault::Store => StatusCode::SERVICE_UNAVAILABLE,
        Fault::ZoomSlow => StatusCode::GATEWAY_TIMEOUT,
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    sentence: &'a str,
    advice: &'a str,
    code: Option<&'a str>,
    request_id: &'a str,
    install: Option<&'a String>,
    into_zoom: Option<&'a str>,
    style: &'a str,
}

#[derive(Template)]
#[template(path = "boot.html")]
struct BootPage<'a> {
    places: &'a Places,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: String,
    request_id: &'a str,
    /// Where the app is added, if that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    install: Option<&'a String>,
}
