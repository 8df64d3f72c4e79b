//! `/session`: who has the app open, for its pages.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use stagedoor_flows::connect::{Connect, Connection};
use stagedoor_flows::installation::{InstallationState, Installations};
use stagedoor_flows::session::{Session, SessionBearer, Sessions, Surface};
use stagedoor_protocol::time::UnixMillis;

use crate::caller::{Caller, Carrier};
use crate::config::SessionConfig;
use crate::connect::{is_usable, label};
use crate::cookie;
use crate::headers::NO_STORE;
use crate::notice::Notice;

/// How long the store may take to say whether the app is installed. The rest of the answer does not need it.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What the route needs.
#[derive(Clone)]
pub(crate) struct SessionPage {
    pub(crate) sessions: Sessions,
    pub(crate) installations: Installations,
    pub(crate) connect: Connect,
    pub(crate) config: SessionConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionJson<'a> {
    user: Option<User<'a>>,
    #[serde(rename = "type")]
    kind: &'a str,
    meeting: Option<&'a str>,
    role: Option<&'a str>,
    action: Option<&'a str>,
    surface: Surface,
    /// `null` while the store does not answer.
    installed: Option<bool>,
    /// Whether the user has added the app, but its grant is over or lacks a scope: adding it again heals that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reauthorize: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing_scopes: &'a [String],
    /// `null` while the store does not answer.
    connections: Option<Vec<ConnectionJson<'a>>>,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer: Option<&'a str>,
}

/// A connection that is good for calls.
#[derive(Serialize)]
struct ConnectionJson<'a> {
    provider: &'a str,
    account: Option<&'a str>,
}

#[derive(Serialize)]
struct User<'a> {
    id: &'a str,
    name: Option<&'a str>,
}

/// Answers with the session.
pub(crate) async fn show(State(this): State<Arc<SessionPage>>, headers: HeaderMap) -> Result<Response, Notice> {
    let caller = Caller::of(&this.sessions, &headers).ok_or_else(required)?;
    Ok(this.tell(&caller.session, None).await)
}

#[derive(Default)]
struct Grant {
    usable: bool,
    name: Option<String>,
    over: bool,
    missing: Vec<String>,
}

impl SessionPage {
    /// Answers with a session that has begun or changed, and gives it to the page by the way it can keep it.
    pub(crate) async fn give(&self, session: Session, carrier: Carrier) -> Response {
        if carrier == Carrier::Bearer {
            let (session, bearer) = self.sessions.lend(session);
            return self.tell(&session, Some(&bearer)).await;
        }
        let sealed = self.sessions.seal(&session);
        let mut response = self.tell(&session, None).await;
        response.headers_mut().append(header::SET_COOKIE, cookie::session(&session, &sealed, self.config));
        response
    }

    async fn tell(&self, session: &Session, bearer: Option<&SessionBearer>) -> Response {
        let (grant, connections) = tokio::join!(self.grant(session), self.connections(session));
        let name = grant.as_ref().and_then(|grant| grant.name.as_deref());
        let json = SessionJson {
            user: session.user.as_ref().map(|user| User { id: user.as_str(), name }),
            kind: &session.kind,
            meeting: session.meeting.as_ref().map(stagedoor_protocol::id::MeetingUuid::as_str),
            role: session.role.as_deref(),
            action: session.action.as_deref(),
            surface: session.surface,
            installed: grant.as_ref().map(|grant| grant.usable),
            reauthorize: grant.as_ref().is_some_and(|grant| grant.over || !grant.missing.is_empty()),
            missing_scopes: grant.as_ref().map_or(&[], |grant| &grant.missing),
            connections: connections.as_deref().map(shown),
            expires_at: iso_8601(session.expires),
            bearer: bearer.map(SessionBearer::expose),
        };
        (NO_STORE, Json(json)).into_response()
    }

    /// What the user is connected to; `None` where the store does not say.
    async fn connections(&self, session: &Session) -> Option<Vec<Connection>> {
        let Some(user) = &session.user else { return Some(Vec::new()) };
        match tokio::time::timeout(STORE_PATIENCE, self.connect.connections(user)).await {
            Ok(Ok(connections)) => Some(connections),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the connections cannot be read");
                None
            }
            Err(_) => {
                tracing::warn!("the store does not say in time what a user is connected to");
                None
            }
        }
    }

    /// Whether the user's grant is usable, and the user's name; `None` where the store does not say.
    async fn grant(&self, session: &Session) -> Option<Grant> {
        let Some(user) = &session.user else { return Some(Grant::default()) };
        match tokio::time::timeout(STORE_PATIENCE, self.installations.state(user)).await {
            Ok(Ok(None)) => Some(Grant::default()),
            Ok(Ok(Some(InstallationState { installation, usable, missing_scopes }))) => {
                Some(Grant { usable, name: installation.name, over: !usable, missing: missing_scopes })
            }
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the installation cannot be read");
                None
            }
            Err(_) => {
                tracing::warn!("the store does not say in time whether a user has added the app");
                None
            }
        }
    }
}

fn shown(connections: &[Connection]) -> Vec<ConnectionJson<'_>> {
    let usable = connections.iter().filter(|connection| is_usable(connection));
    usable.map(|known| ConnectionJson { provider: known.provider.as_str(), account: label(known) }).collect()
}

/// The answer to whoever has no session and needs one.
pub(crate) fn required() -> Notice {
    let sentence = "This needs a session, and sessions begin by opening the app in Zoom.";
    Notice::problem(StatusCode::UNAUTHORIZED, "session_required", sentence, "Open the app in Zoom.")
}

pub(crate) fn iso_8601(instant: UnixMillis) -> String {
    Timestamp::from_millisecond(instant.0).unwrap_or(Timestamp::MAX).to_string()
}
