//! The server of the website, for its agents: it has the API key that makes tokens of agents, and pages have not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::State;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Site};
use crate::control::error::ControlError;
use crate::control::json::Body;

/// How long the backend may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The agent, one of the people at the client.
    agent: String,
}

/// A token for an agent of the website: what came of asking, and the token.
pub(super) async fn token(
    State(site): State<Arc<Site>>,
    Body(order): Body<Order>,
) -> Result<Json<Value>, ControlError> {
    let agent = site.platform.world().people.find(&order.agent).cloned();
    let agent = agent.ok_or_else(|| ControlError::not_found("There is no such agent."))?;
    let wanted = json!({"role": 2, "userId": agent.id, "userName": agent.name});
    let started = Instant::now();
    let answer = tokio::time::timeout(LIMIT, ask(&site, &wanted)).await.ok().flatten();
    let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (http, token) =
        answer.map_or((None, Value::Null), |(status, body)| (Some(status.as_u16()), body["token"].clone()));
    Ok(Json(json!({"asked": Asked { http, took_ms }, "token": token})))
}

async fn ask(site: &Site, wanted: &Value) -> Option<(StatusCode, Value)> {
    let website = &site.platform.config.website;
    let mut request = Request::new(HttpBody::from(wanted.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = website.token_endpoint.as_str().parse().ok()?;
    request.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("it is visible ASCII"));
    if let Some(key) = &website.api_key {
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {}", key.expose()).parse().ok()?);
    }
    let response = site.client.request(request).await.ok()?;
    let status = response.status();
    let body = to_bytes(HttpBody::new(response.into_body()), MAX_ANSWER).await.ok()?;
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}
