//! `/context`: the launch in Zoom's web client, where a page hands the context over.
//!
//! The web client sends no header with the app's page; the page asks the SDK for the context and sends it here
//! (<https://developers.zoom.us/docs/zoom-apps/guides/pwa/>). One flow with the launch by header, two entrances.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use stagedoor_flows::launch::Launch;
use stagedoor_flows::session::Surface;

use crate::caller::{Caller, Carrier};
use crate::connect::Claims;
use crate::edge::at_most_one;
use crate::notice::Notice;
use crate::origin::{Origin, cross_site};
use crate::session::SessionPage;

/// Where our own `client.js` puts the context: out of logs, history and referrers.
const CONTEXT: HeaderName = HeaderName::from_static("x-stagedoor-context");
/// How the page wants to keep its session.
const SESSION: HeaderName = HeaderName::from_static("x-stagedoor-session");

/// The launch, and what its answer needs.
pub(crate) struct HandOver {
    pub(crate) launch: Launch,
    pub(crate) claims: Claims,
    pub(crate) page: Arc<SessionPage>,
    pub(crate) origin: Origin,
}

/// Opens the context and begins the session.
pub(crate) async fn hand_over(
    State(this): State<Arc<HandOver>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Notice> {
    if !this.origin.is_not_foreign(&headers) {
        return Err(cross_site());
    }
    let carrier = carrier(&headers)?;
    let context = context(&uri, &headers)?;
    let current = Caller::of(&this.page.sessions, &headers).map(|caller| caller.session);
    let launched = this.launch.open(&context, Surface::Pwa, current.as_ref()).map_err(|error| Notice::of(&error))?;
    this.claims.settle(&launched).await;
    let no_referrer = [(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))];
    Ok((no_referrer, this.page.give(launched.session, carrier).await).into_response())
}

/// The context, which comes once: in the header, or as Zoom's page describes in the query.
fn context(uri: &Uri, headers: &HeaderMap) -> Result<String, Notice> {
    let header = at_most_one(headers, &CONTEXT).map_err(|()| repeated())?;
    // What is not visible ASCII is no base64 either: the flow refuses it like any other text.
    let header = header.map(|value| value.to_str().unwrap_or_default().to_owned());
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = query.filter(|(name, _)| name == "context").map(|(_, value)| value.into_owned());
    let mut contexts = header.into_iter().chain(query);
    match (contexts.next(), contexts.next()) {
        (Some(context), None) => Ok(context),
        (None, _) => Err(missing()),
        (Some(_), Some(_)) => Err(repeated()),
    }
}

fn carrier(headers: &HeaderMap) -> Result<Carrier, Notice> {
    match at_most_one(headers, &SESSION) {
        Ok(None) => Ok(Carrier::Cookie),
        Ok(Some(wanted)) if wanted == "bearer" => Ok(Carrier::Bearer),
        _ => {
            let sentence = "This page asks for a session of a kind that there is not.";
            Err(Notice::problem(StatusCode::BAD_REQUEST, "session_kind_unknown", sentence, "Ask for a bearer."))
        }
    }
}

fn missing() -> Notice {
    let advice = "Send what getAppContext() gives in the header x-stagedoor-context.";
    Notice::problem(StatusCode::BAD_REQUEST, "context_missing", "This request carries no app context.", advice)
}

pub(crate) fn repeated() -> Notice {
    let sentence = "This request carries two app contexts, and only one can be meant.";
    Notice::problem(StatusCode::BAD_REQUEST, "context_repeated", sentence, "Open the app again in Zoom.")
}
