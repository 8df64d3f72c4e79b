//! `POST /control/sdk-call`: answers one call of the Apps SDK for a view. The page carries the messages between the
//! framed app and this.

pub(super) mod consent;
pub(super) mod engagement;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::error::ControlError;
use super::json::Body;
use crate::fault::{Effect, Endpoint, Fault};
use crate::platform::Platform;
use crate::webview::context::Claims;
use crate::world::World;
use crate::world::views::{Surface, View};

/// The calls that the emulated client knows.
const SUPPORTED: &[&str] = &[
    "authorize",
    "config",
    "getAppContext",
    "getAppVariableList",
    "getEngagementContext",
    "getEngagementStatus",
    "getMeetingContext",
    "getRunningContext",
    "getSupportedJsApis",
    "getUserContext",
    "openUrl",
    "promptAuthorize",
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

impl Refused {
    /// A call that guests cannot make.
    fn guest_mode(api: &str) -> Self {
        let message = format!("No Permission for this API. [code:80004, reason:guest_mode] {api}");
        Self { code: "80004", message }
    }
}

pub(super) async fn call(
    State(platform): State<Arc<Platform>>,
    Body(call): Body<Call>,
) -> Result<Json<Value>, ControlError> {
    let mut world = platform.world();
    let view = world.views.find(&call.view).ok_or_else(|| ControlError::not_found("This view is closed."))?.clone();
    let answered = answer(&platform, &mut world, &view, &call);
    drop(world);
    if matches!(call.api.as_str(), "authorize" | "promptAuthorize") {
        platform.tell_state();
    }
    Ok(Json(match answered {
        Ok(result) => json!({"result": result}),
        Err(refused) => json!({"errorCode": refused.code, "errorMessage": refused.message}),
    }))
}

fn answer(platform: &Platform, world: &mut World, view: &View, call: &Call) -> Result<Value, Refused> {
    match call.api.as_str() {
        "authorize" => return consent::authorize(platform, world, view, &call.data),
        "promptAuthorize" => return consent::prompt_authorize(platform, world, view),
        "getAppContext" => return app_context(platform, world, view),
        _ => {}
    }
    if call.api == "openUrl" {
        return open_url(platform, world, view, &call.data);
    }
    let place = &world.place;
    match call.api.as_str() {
        "config" => Ok(config(world, view, &call.data)),
        "getSupportedJsApis" => Ok(json!({"supportedApis": SUPPORTED})),
        "getRunningContext" => Ok(json!(place.running_context())),
        "getUserContext" => Ok(user(world, view)),
        "getMeetingContext" => match (&place.meeting, &place.topic) {
            (Some(meeting), Some(topic)) => Ok(json!({"meetingID": meeting, "meetingTopic": topic})),
            _ => Err(Refused { code: "10034", message: "The app is not running in a meeting.".into() }),
        },
        api @ ("getAppVariableList" | "getEngagementContext" | "getEngagementStatus") => {
            engagement::answer(world, api, &call.data)
        }
        other => Err(Refused {
            code: "80004",
            message: format!("No Permission for this API. [code:80004, reason:app_not_support] {other}"),
        }),
    }
}

/// A fresh context each time. In the web client it is what the header is in the desktop client, with the same faults.
fn app_context(platform: &Platform, world: &mut World, view: &View) -> Result<Value, Refused> {
    let claims = Claims::of_view(platform, view, &world.place);
    let fault = match view.surface {
        Surface::Client => None,
        Surface::Web => world.faults.strike_when(Endpoint::Client, |effect| matches!(effect, Effect::Twisted(_))),
    };
    let context = claims.headers(platform, fault.and_then(Fault::twist)).into_iter().next();
    let context = context.ok_or_else(|| Refused { code: "10118", message: "Failed to get app context".into() })?;
    Ok(json!({"context": context}))
}

/// Tells the open app an event of the client.
fn tell_view(platform: &Platform, view: &str, name: &str, data: &Value) {
    platform.events.tell("sdk-event", &json!({"view": view, "name": name, "data": data}));
}

/// Tells the app that is open now, if one is, with the time in seconds.
fn tell(platform: &Platform, world: &World, name: &str, mut data: Value) {
    let Some(view) = world.views.newest() else { return };
    data["timestamp"] = json!(platform.now().to_seconds());
    tell_view(platform, &view.id, name, &data);
}

fn config(world: &World, view: &View, data: &Value) -> Value {
    let asked = data.get("js_api_lists").or_else(|| data.get("capabilities")).and_then(Value::as_array);
    let asked = asked.into_iter().flatten().filter_map(Value::as_str);
    let unsupported: Vec<_> = asked.filter(|api| !SUPPORTED.contains(api) && !api.starts_with("on")).collect();
    let (product, browser) = match view.surface {
        Surface::Client => ("desktop", "webview2/128.0.2739.42"),
        Surface::Web => ("web", "chrome/128.0.0.0"),
    };
    let opened_by = if view.by_deep_link { "deeplink" } else { "user" };
    json!({
        "runningContext": world.place.running_context(),
        "unsupportedApis": unsupported,
        "clientVersion": CLIENT_VERSION,
        "browserVersion": browser,
        "auth": {"status": if view.is_guest() { "unauthorized" } else { "authorized" }, "upgradable": view.is_guest()},
        "userAgent": "ZoomApps/1.0",
        "launchContext": {"origin": "App Launcher", "openBy": opened_by},
        "product": product,
    })
}

fn user(world: &World, view: &View) -> Value {
    let name = world.people.find(&view.user).map_or("", |person| person.name.as_str());
    json!({
        "screenName": name,
        "participantUUID": world.place.participant(&view.user),
        "role": world.place.role_name().unwrap_or_else(|| "participant".into()),
        "status": view.standing,
    })
}

/// What the page is to open in the real browser. Only the web is opened. A page that builds an address from its own
/// means the app's origin, where the browser keeps its cookies, and not the web view, which only stands in for it.
fn open_url(platform: &Platform, world: &mut World, view: &View, data: &Value) -> Result<Value, Refused> {
    let url = data.get("url").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return Err(Refused { code: "10055", message: "The URL is invalid.".into() });
    };
    let addresses = &platform.addresses;
    if ![&addresses.web_view, &addresses.web_frame].contains(&&url.origin().ascii_serialization()) {
        world.opened_in_browser(&url, view, platform.now());
        return Ok(json!({"open": url.as_str()}));
    }
    let mut own = platform.config.home_url.clone();
    own.set_path(url.path());
    own.set_query(url.query());
    own.set_fragment(url.fragment());
    Ok(json!({"open": own.as_str()}))
}
