//! `POST /control/sdk-call`: answers one call of the Apps SDK for a view. The page carries the messages between the
//! framed app and this.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::error::ControlError;
use super::json::Body;
use crate::platform::Platform;
use crate::webview::context::Claims;
use crate::world::World;
use crate::world::views::View;

/// The calls that the emulated client knows.
const SUPPORTED: &[&str] = &[
    "config",
    "getAppContext",
    "getMeetingContext",
    "getRunningContext",
    "getSupportedJsApis",
    "getUserContext",
    "openUrl",
];

/// The version of the client that is played.
const CLIENT_VERSION: &str = "6.6.0";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    view: String,
    api: String,
    #[serde(default)]
    data: Value,
}

/// An error of the client, as the SDK passes it on.
struct Refused {
    code: &'static str,
    message: String,
}

pub(super) async fn call(
    State(platform): State<Arc<Platform>>,
    Body(call): Body<Call>,
) -> Result<Json<Value>, ControlError> {
    let world = platform.world();
    let view = world.views.find(&call.view).ok_or_else(|| ControlError::not_found("This view is closed."))?;
    Ok(Json(match answer(&platform, &world, view, &call) {
        Ok(result) => json!({"result": result}),
        Err(refused) => json!({"errorCode": refused.code, "errorMessage": refused.message}),
    }))
}

fn answer(platform: &Platform, world: &World, view: &View, call: &Call) -> Result<Value, Refused> {
    let place = &world.place;
    match call.api.as_str() {
        "config" => Ok(config(world, view, &call.data)),
        "getSupportedJsApis" => Ok(json!({"supportedApis": SUPPORTED})),
        "getRunningContext" => Ok(json!(place.running_context())),
        "getAppContext" => {
            let claims = Claims::of_view(platform, view, place);
            Ok(json!({"context": claims.seal(&platform.context_key)}))
        }
        "getUserContext" => Ok(user(world, view)),
        "getMeetingContext" => match (&place.meeting, &place.topic) {
            (Some(meeting), Some(topic)) => Ok(json!({"meetingID": meeting, "meetingTopic": topic})),
            _ => Err(Refused { code: "10034", message: "The app is not running in a meeting.".into() }),
        },
        "openUrl" => open_url(platform, &call.data),
        other => Err(Refused {
            code: "80004",
            message: format!("No Permission for this API. [code:80004, reason:app_not_support] {other}"),
        }),
    }
}

fn config(world: &World, view: &View, data: &Value) -> Value {
    let asked = data.get("js_api_lists").or_else(|| data.get("capabilities")).and_then(Value::as_array);
    let asked = asked.into_iter().flatten().filter_map(Value::as_str);
    let unsupported: Vec<_> = asked.filter(|api| !SUPPORTED.contains(api) && !api.starts_with("on")).collect();
    let opened_by = if view.by_deep_link { "deeplink" } else { "user" };
    json!({
        "runningContext": world.place.running_context(),
        "unsupportedApis": unsupported,
        "clientVersion": CLIENT_VERSION,
        "browserVersion": "webview2/128.0.2739.42",
        "auth": {"status": if view.guest { "unauthorized" } else { "authorized" }, "upgradable": false},
        "userAgent": "ZoomApps/1.0",
        "launchContext": {"origin": "App Launcher", "openBy": opened_by},
        "product": "desktop",
    })
}

fn user(world: &World, view: &View) -> Value {
    let name = world.people.find(&view.user).map_or("", |person| person.name.as_str());
    json!({
        "screenName": name,
        "participantUUID": view.user,
        "role": world.place.role_name().unwrap_or_else(|| "participant".into()),
        "status": if view.guest { "authenticated" } else { "authorized" },
    })
}

/// What the page is to open in the real browser. Only the web is opened. A page that builds an address from its own
/// means the app's origin, where the browser keeps its cookies, and not the web view, which only stands in for it.
fn open_url(platform: &Platform, data: &Value) -> Result<Value, Refused> {
    let url = data.get("url").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return Err(Refused { code: "10055", message: "The URL is invalid.".into() });
    };
    if url.origin().ascii_serialization() != platform.addresses.web_view {
        return Ok(json!({"open": url.as_str()}));
    }
    let mut own = platform.config.home_url.clone();
    own.set_path(url.path());
    own.set_query(url.query());
    own.set_fragment(url.fragment());
    Ok(json!({"open": own.as_str()}))
}
