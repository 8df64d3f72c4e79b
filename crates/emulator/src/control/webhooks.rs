//! Webhooks: the subscription, what can be sent to it, and what was sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::error::ControlError;
use super::json::Body;
use super::settings::{Nothing, done};
use super::state::snapshot;
use crate::platform::Platform;
use crate::server::is_plain_http;
use crate::webhook::catalogue::{self, Product, Scene};
use crate::webhook::set;
use crate::world::World;
use crate::world::webhooks::{Delivery, DeliveryId};

type Shared = State<Arc<Platform>>;
type Answered = Result<Json<Value>, ControlError>;

/// How long a call waits for an outcome: a little longer than Zoom waits for an answer, twice.
const PATIENCE: Duration = Duration::from_secs(7);
/// The longest name of an event, in bytes.
const MAX_NAME: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    url: Option<String>,
}

/// Sets the webhook URL and validates it.
pub(super) async fn subscribe(State(platform): Shared, Body(wanted): Body<Subscription>) -> Answered {
    let parse = |text: String| Url::parse(&text).ok().filter(is_plain_http);
    let wrong = || ControlError::bad("The webhook URL must be an http:// address: the emulator speaks plain HTTP.");
    let url = wanted.url.map(|text| parse(text).ok_or_else(wrong)).transpose()?;
    platform.world().webhooks.subscribe(url, platform.now());
    Ok(validated(&platform).await)
}

/// Validates the webhook URL now. A subscription that was disabled works again if that succeeds.
pub(super) async fn validate(State(platform): Shared, Body(Nothing {}): Body<Nothing>) -> Answered {
    ask_for_validation(&platform)?;
    Ok(validated(&platform).await)
}

fn ask_for_validation(platform: &Platform) -> Result<(), ControlError> {
    let mut world = platform.world();
    world.webhooks.subscription.url.as_ref().ok_or_else(no_url)?;
    world.webhooks.subscription.validate(platform.now());
    Ok(())
}

/// The state after the validation that was asked for.
async fn validated(platform: &Platform) -> Json<Value> {
    platform.post.wake();
    platform.post.wait(PATIENCE, || !platform.world().webhooks.subscription.is_due(platform.now())).await;
    let state = snapshot(platform, &platform.world());
    platform.tell_state();
    Json(state)
}

fn no_url() -> ControlError {
    ControlError::new(StatusCode::CONFLICT, "The app has no webhook URL; set one with PUT /control/webhook.")
}

#[derive(Serialize)]
pub(super) struct Entry {
    event: &'static str,
    product: Product,
    sentence: &'static str,
    /// What would be sent now.
    body: Value,
}

/// The events that can be triggered by name alone.
pub(super) async fn catalogue(State(platform): Shared) -> Json<Vec<Entry>> {
    let scene = scene(&platform, &platform.world());
    let entry = |event: &catalogue::Event| Entry {
        event: event.name,
        product: event.product,
        sentence: event.sentence,
        body: event.body(&scene),
    };
    Json(catalogue::all().map(entry).collect())
}

fn scene(platform: &Platform, world: &World) -> Scene {
    Scene::of(world, &platform.config, world.people.seated(), platform.clock.machine())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    event: String,
    /// Instead of the catalogue's.
    payload: Option<Value>,
    /// Paths and what they shall lead to.
    #[serde(default)]
    set: BTreeMap<String, Value>,
    /// Answer when the first attempt is over.
    #[serde(default)]
    wait: bool,
}

/// Sends an event: one of the catalogue, or any with a payload of one's own.
pub(super) async fn trigger(State(platform): Shared, Body(order): Body<Order>) -> Answered {
    let id = send(&platform, &order)?;
    platform.tell_state();
    if order.wait {
        let is_over = || platform.world().webhooks.find(id).is_none_or(Delivery::is_settled);
        platform.post.wait(PATIENCE, is_over).await;
    }
    let world = platform.world();
    Ok(Json(json!(world.webhooks.find(id))))
}

fn send(platform: &Platform, order: &Order) -> Result<DeliveryId, ControlError> {
    let name = &order.event;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_name) {
        return Err(ControlError::bad("event is a name such as meeting.started."));
    }
    let mut world = platform.world();
    let scene = scene(platform, &world);
    let mut body = match (catalogue::find(name), &order.payload) {
        (Some(event), None) => event.body(&scene),
        (Some(event), Some(payload)) => {
            let mut body = event.body(&scene);
            body["payload"] = payload.clone();
            body
        }
        (None, Some(payload)) => json!({"event": name, "event_ts": scene.now, "payload": payload}),
        (None, None) => {
            let sentence = format!(
                "The catalogue has no {name}; GET /control/webhook/events lists it. Any other event needs a payload."
            );
            return Err(ControlError::not_found(sentence));
        }
    };
    for (path, value) in &order.set {
        set(&mut body, path, value.clone()).map_err(|wrong| ControlError::bad(format!("{wrong}.")))?;
    }
    platform.send_event(&mut world, &body).ok_or_else(no_url)
}

/// The deliveries, oldest first.
pub(super) async fn list(State(platform): Shared) -> Json<Value> {
    let world = platform.world();
    Json(json!(world.webhooks.deliveries()))
}

pub(super) async fn show(State(platform): Shared, Path(id): Path<DeliveryId>) -> Answered {
    let world = platform.world();
    let delivery = world.webhooks.find(id).ok_or_else(unknown)?;
    Ok(Json(json!(delivery)))
}

fn unknown() -> ControlError {
    ControlError::not_found("There is no delivery with this id.")
}

pub(super) async fn forget(State(platform): Shared) -> Json<Value> {
    platform.world().webhooks.forget_deliveries();
    platform.tell_reset();
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    id: DeliveryId,
}

/// Sends a delivery again, byte for byte.
pub(super) async fn redeliver(State(platform): Shared, Body(again): Body<Again>) -> Answered {
    let mut world = platform.world();
    world.webhooks.find(again.id).ok_or_else(unknown)?;
    if !world.webhooks.redeliver(again.id) {
        return Err(ControlError::new(
            StatusCode::CONFLICT,
            "It is on its way, or Zoom sends nothing to the webhook URL.",
        ));
    }
    drop(world);
    platform.post.wake();
    platform.tell_state();
    Ok(done())
}
