//! Who visits the website: a session cookie that `/whoami` answers for, and the same as a signed token in a cookie.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Site;
use super::forgery::LIFE_S;
use crate::control::error::ControlError;
use crate::control::json::Body;
use crate::fault::{Canned, Effect, Endpoint, Twist};
use crate::world::website::{CONSUMERS, Consumer};
use crate::zoom::hang;

/// The cookie that `/whoami` knows.
const SESSION: &str = "shop_session";
/// The cookie that is a token.
const TOKEN: &str = "shop_jwt";
/// The audience of the token.
const AUDIENCE: &str = "example-shop";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    sub: String,
}

/// Signs a customer in. A password would teach nothing here.
pub(super) async fn sign_in(
    State(site): State<Arc<Site>>,
    Body(order): Body<SignIn>,
) -> Result<Response, ControlError> {
    let known = CONSUMERS.iter().find(|consumer| consumer.sub == order.sub);
    let consumer = known.ok_or_else(|| ControlError::not_found("There is no such customer."))?;
    let session = site.platform.world().website.sign_in(*consumer);
    let cookies = [cookie(SESSION, &session), cookie(TOKEN, &token(&site, consumer))];
    Ok((AppendHeaders(cookies.map(|cookie| (SET_COOKIE, cookie))), Json(json!(consumer))).into_response())
}

/// Signs out.
pub(super) async fn sign_out(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if let Some(session) = session(&headers) {
        site.platform.world().website.sign_out(session);
    }
    let gone = [SESSION, TOKEN].map(|name| (SET_COOKIE, format!("{}; Max-Age=0", cookie(name, ""))));
    (AppendHeaders(gone), StatusCode::NO_CONTENT).into_response()
}

fn cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax")
}

/// The session cookie of a request.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION).map(|(_, value)| value)
}

/// Who a request comes from.
pub(super) fn who(site: &Site, headers: &HeaderMap) -> Option<Consumer> {
    session(headers).and_then(|session| site.platform.world().website.who(session))
}

/// `GET /whoami`: who is signed in, for backends that have the cookie.
pub(super) async fn whoami(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let in_trouble = |effect| !matches!(effect, Effect::Twisted(_));
    let trouble = site.platform.world().faults.strike_when(Endpoint::Website, in_trouble);
    match trouble.map(|fault| fault.effect) {
        Some(Effect::Canned(Canned { status, content_type, body, .. })) => {
            let status = StatusCode::from_u16(status).expect("the catalogue has real statuses");
            return (status, [(CONTENT_TYPE, content_type)], body).into_response();
        }
        Some(_) => {
            hang(&site.platform).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        None => {}
    }
    match who(&site, &headers) {
        Some(consumer) => Json(json!(consumer)).into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(json!({"error": "Nobody is signed in."}))).into_response(),
    }
}

fn token(site: &Site, consumer: &Consumer) -> String {
    let now = site.platform.clock.machine().to_seconds().0;
    let mut payload: Value = json!(consumer);
    payload["iss"] = json!(site.origin());
    payload["aud"] = json!(AUDIENCE);
    payload["iat"] = json!(now);
    payload["exp"] = json!(now + LIFE_S);
    let forged = |effect| matches!(effect, Effect::Twisted(Twist::Website(_)));
    match site.platform.world().faults.strike_when(Endpoint::Website, forged).map(|fault| fault.effect) {
        Some(Effect::Twisted(Twist::Website(forgery))) => forgery.of(&site.key, payload),
        _ => site.key.sign(&payload),
    }
}

/// `GET /jwks.json`: the key of the tokens in `shop_jwt`.
pub(super) async fn jwks(State(site): State<Arc<Site>>) -> Json<Value> {
    Json(json!({"keys": [site.key.jwk()]}))
}
