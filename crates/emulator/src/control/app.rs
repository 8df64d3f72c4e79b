//! Adding, opening and removing the app.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::error::ControlError;
use super::json::Body;
use super::settings::done;
use crate::platform::Platform;
use crate::world::docs::ARCHITECTURE;
use crate::world::journal::{Lane, Note, Seen, Status};
use crate::world::views::Surface;
use crate::zoom::launch::{self, PATH, view_url};

type Shared = State<Arc<Platform>>;
type Answered = Result<Json<Value>, ControlError>;

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum From {
    #[default]
    Landing,
    Marketplace,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    #[serde(default)]
    from: From,
}

/// What the Marketplace's button does: the app's landing URL, or an authorize URL that Zoom builds itself, without state
/// and without PKCE.
pub(super) async fn add(State(platform): Shared, Body(add): Body<Add>) -> Answered {
    let marketplace = add.from == From::Marketplace;
    let now = platform.now();
    let mut world = platform.world();
    if marketplace {
        let url = marketplace_url(&platform)?;
        world.begin_install(true, now);
        return Ok(Json(json!({"url": url.as_str()})));
    }
    let flow = world.begin_install(false, now);
    let url = &platform.config.landing_url;
    let note = Note::new(flow, (Lane::Browser, Lane::Backend), "Begin the install", ARCHITECTURE).says(
        "The browser opens your landing URL. Your backend makes a state, binds it to this browser and sends it to Zoom. \
         The emulator knows that this happened when the browser arrives at the authorize page.",
    );
    let note = Note { status: Status::Pending, ..note };
    let step = world.journal.add(note, format!("GET {}", url.path()), now, Seen::default());
    if let Some(install) = world.installs.current.as_mut() {
        install.landing = Some(step);
    }
    drop(world);
    platform.tell_state();
    Ok(Json(json!({"url": url.as_str()})))
}

fn marketplace_url(platform: &Platform) -> Result<Url, ControlError> {
    let redirect = platform.config.redirect_urls.first();
    let redirect = redirect.ok_or_else(|| ControlError::bad("The emulator was started without a redirect URL."))?;
    let mut url = Url::parse(&platform.addresses.zoom).expect("the emulator's own origin is a URL");
    url.set_path("/oauth/authorize");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", platform.config.client_id.as_str())
        .append_pair("redirect_uri", redirect.as_str());
    Ok(url)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Launch {
    deep_link: Option<String>,
    #[serde(default)]
    guest: bool,
    #[serde(default)]
    surface: Surface,
}

/// Opens the app in the client as the chosen user.
pub(super) async fn launch(State(platform): Shared, Body(order): Body<Launch>) -> Answered {
    let now = platform.now();
    let mut world = platform.world();
    let link = match &order.deep_link {
        None => None,
        Some(text) => {
            let token = text.split_once(PATH).map_or("", |(_, token)| token);
            let link = world.links.find(token).cloned();
            Some(link.ok_or_else(|| ControlError::not_found("The emulator has not given out this deep link."))?)
        }
    };
    let how = launch::Launch { surface: order.surface, guest: order.guest };
    let view = launch::open(&mut world, link.as_ref(), how, now);
    drop(world);
    let answer = json!({"url": view_url(&platform, &view), "view": view.id, "surface": view.surface});
    platform.events.tell("view", &answer);
    platform.tell_state();
    Ok(Json(answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Uninstall {
    user: Option<String>,
}

/// Removes the app for a user. Their tokens are dead, Zoom no longer tells the app who they are, the app is closed, and
/// told of it by a webhook.
pub(super) async fn uninstall(State(platform): Shared, Body(order): Body<Uninstall>) -> Answered {
    let mut world = platform.world();
    let user = order.user.unwrap_or_else(|| world.people.seated().id.clone());
    let person = world.people.find(&user).cloned();
    let person = person.ok_or_else(|| ControlError::not_found("There is no user with this id."))?;
    world.grants.end(&user);
    if world.installs.remove(&user) {
        platform.tell_deauthorized(&mut world, &person);
    }
    if world.views.newest().is_some_and(|view| view.user == user) {
        world.views.forget();
    }
    drop(world);
    platform.tell_state();
    Ok(done())
}
