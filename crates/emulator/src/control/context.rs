//! `POST /control/context`: mints an app context, for tests that have no client.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use stagedoor_protocol::time::UnixMillis;

use super::error::ControlError;
use super::json::Body;
use crate::platform::Platform;
use crate::webview::context::{Claims, default_exp};

/// What the context shall say; what is left out is as the client would say it now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    user: Option<String>,
    #[serde(default)]
    guest: bool,
    typ: Option<String>,
    mid: Option<String>,
    role: Option<String>,
    act: Option<String>,
    iid: Option<String>,
    aud: Option<String>,
    iss: Option<String>,
    ts_ms: Option<i64>,
    exp_ms: Option<i64>,
}

pub(super) async fn mint(
    State(platform): State<Arc<Platform>>,
    Body(order): Body<Order>,
) -> Result<Json<Value>, ControlError> {
    let world = platform.world();
    let user = order.user.unwrap_or_else(|| world.people.seated().id.clone());
    let mut claims = Claims::new(&platform, (!order.guest).then_some(user.as_str()), &world.place);
    drop(world);
    if let Some(typ) = order.typ {
        claims.mid = claims.mid.filter(|_| typ == "meeting");
        claims.attendrole = claims.attendrole.filter(|_| ["meeting", "webinar"].contains(&typ.as_str()));
        claims.typ = typ;
    }
    claims.mid = order.mid.or(claims.mid);
    claims.attendrole = order.role.or(claims.attendrole);
    claims.act = order.act;
    claims.iid = order.iid;
    claims.aud = order.aud.unwrap_or(claims.aud);
    claims.iss = order.iss.unwrap_or(claims.iss);
    if let Some(ts) = order.ts_ms {
        claims.ts = ts;
        claims.exp = default_exp(UnixMillis(ts)).0;
    }
    claims.exp = order.exp_ms.unwrap_or(claims.exp);
    let context = claims.seal(&platform.context_key);
    Ok(Json(json!({"context": context, "claims": claims})))
}
