//! The catalogue of faults, and the switches.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ControlError;
use super::json::Body;
use super::settings::change;
use crate::fault::{CATALOGUE, Endpoint, Fault};
use crate::platform::Platform;

#[derive(Serialize)]
pub(super) struct Entry {
    id: &'static str,
    endpoint: Endpoint,
    title: &'static str,
    sentence: &'static str,
}

pub(super) async fn catalogue() -> Json<Vec<Entry>> {
    let entry =
        |fault: &Fault| Entry { id: fault.id, endpoint: fault.endpoint, title: fault.title, sentence: fault.sentence };
    Json(CATALOGUE.iter().map(entry).collect())
}

/// One switch: an id alone, or with a number of times.
#[derive(Deserialize)]
#[serde(untagged)]
enum Switch {
    Id(String),
    Times(Times),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    id: String,
    times: Option<u32>,
}

/// A switch that was understood.
enum Setting {
    Off(Endpoint),
    On(&'static Fault, Option<u32>),
}

/// Sets switches: by endpoint, `{"token": "invalid_grant", "me": null}`, or one by its whole id,
/// `{"id": "token.invalid_grant", "times": 1}`.
pub(super) async fn switch(
    State(platform): State<Arc<Platform>>,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, ControlError> {
    let settings = read(body)?;
    change(&platform, |world| {
        for setting in settings {
            match setting {
                Setting::Off(endpoint) => world.faults.clear(endpoint),
                Setting::On(fault, times) => world.faults.set(fault, times),
            }
        }
        Ok(())
    })
}

fn read(body: Map<String, Value>) -> Result<Vec<Setting>, ControlError> {
    let wrong = |error: serde_json::Error| ControlError::bad(format!("The body is wrong: {error}."));
    if body.contains_key("id") {
        let Times { id, times } = serde_json::from_value(Value::Object(body)).map_err(wrong)?;
        return Ok(vec![setting(CATALOGUE.iter().find(|fault| fault.id == id), times)?]);
    }
    let switches: BTreeMap<Endpoint, Option<Switch>> = serde_json::from_value(Value::Object(body)).map_err(wrong)?;
    switches
        .into_iter()
        .map(|(endpoint, switch)| match switch {
            None => Ok(Setting::Off(endpoint)),
            Some(Switch::Id(id)) => setting(of_endpoint(endpoint, &id), None),
            Some(Switch::Times(Times { id, times })) => setting(of_endpoint(endpoint, &id), times),
        })
        .collect()
}

/// The fault with this id, or with this name after the endpoint's.
fn of_endpoint(endpoint: Endpoint, id: &str) -> Option<&'static Fault> {
    let is_named = |fault: &Fault| fault.id.split_once('.').is_some_and(|(_, name)| name == id);
    CATALOGUE.iter().find(|fault| fault.endpoint == endpoint && (fault.id == id || is_named(fault)))
}

/// No times at all means off.
fn setting(fault: Option<&'static Fault>, times: Option<u32>) -> Result<Setting, ControlError> {
    let fault = fault.ok_or_else(|| ControlError::bad("There is no such fault; GET /control/faults lists them."))?;
    Ok(if times == Some(0) { Setting::Off(fault.endpoint) } else { Setting::On(fault, times) })
}
