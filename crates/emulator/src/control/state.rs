//! `GET /control/state`: everything that the page shows.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::fault::Active;
use crate::jwt::consumer::PublicKey;
use crate::platform::Platform;
use crate::world::cobrowse::Session;
use crate::world::cookies::ThirdParty;
use crate::world::engagement::Engagement;
use crate::world::limits::Plan;
use crate::world::people::{Person, Where};
use crate::world::subscription::Subscription;
use crate::world::views::{Blank, Check, Standing, Surface, View};
use crate::world::website::{Chat, Rule, Way};
use crate::world::{Consent, Sdk, World};
use crate::zoom::launch::view_url;

#[derive(Serialize)]
pub(super) struct Shown<'a> {
    now_ms: i64,
    offset_ms: i64,
    user: &'a str,
    users: &'a [Person],
    r#where: &'a Where,
    app: App<'a>,
    installed: Vec<Installed<'a>>,
    consent: Consent,
    sdk: Sdk,
    cookies: ThirdParty,
    engagement: Option<&'a Engagement>,
    webhook: &'a Subscription,
    website: ShownWebsite<'a>,
    cobrowse: ShownCobrowse<'a>,
    faults: Vec<Active>,
    plan: Plan,
    view: Option<ShownView<'a>>,
}

#[derive(Serialize)]
struct App<'a> {
    name: &'a str,
    backend: &'a str,
    client_id: &'a str,
    home_url: &'a str,
    landing_url: &'a str,
    redirect_urls: Vec<&'a str>,
}

#[derive(Serialize)]
struct Installed<'a> {
    user: &'a str,
    scopes: &'a [String],
    since_ms: i64,
}

#[derive(Serialize)]
struct ShownWebsite<'a> {
    url: &'a str,
    auth_endpoint: &'a str,
    public_key: Option<&'a str>,
    variables: &'a [Rule],
    way: Way,
    chat: Option<&'a Chat>,
}

#[derive(Serialize)]
struct ShownCobrowse<'a> {
    token_endpoint: &'a str,
    sdk_key: &'a str,
    sessions: &'a VecDeque<Session>,
}

#[derive(Serialize)]
struct ShownView<'a> {
    view: &'a str,
    url: String,
    surface: Surface,
    user: &'a str,
    status: Standing,
    opened_ms: i64,
    blank: Option<&'a Blank>,
    checks: &'a [Check],
}

pub(super) async fn read(State(platform): State<Arc<Platform>>) -> Json<Value> {
    Json(snapshot(&platform, &platform.world()))
}

/// The whole state, for an answer.
pub(super) fn snapshot(platform: &Platform, world: &World) -> Value {
    json!(shown(platform, world))
}

/// The whole state, as the page shows it.
pub(super) fn shown<'a>(platform: &'a Platform, world: &'a World) -> Shown<'a> {
    let config = &platform.config;
    Shown {
        now_ms: platform.now().0,
        offset_ms: platform.clock.offset(),
        user: &world.people.seated().id,
        users: world.people.all(),
        r#where: &world.place,
        app: App {
            name: &config.app_name,
            backend: &config.backend,
            client_id: config.client_id.as_str(),
            home_url: config.home_url.as_str(),
            landing_url: config.landing_url.as_str(),
            redirect_urls: config.redirect_urls.iter().map(url::Url::as_str).collect(),
        },
        installed: world
            .grants
            .live()
            .map(|grant| Installed { user: &grant.user, scopes: &grant.scopes, since_ms: grant.since.0 })
            .collect(),
        consent: world.consent,
        sdk: world.sdk,
        engagement: world.engagement.as_ref(),
        webhook: &world.webhooks.subscription,
        website: shown_website(platform, world),
        cobrowse: ShownCobrowse {
            token_endpoint: config.website.token_endpoint.as_str(),
            sdk_key: &config.website.sdk.key,
            sessions: world.cobrowse.sessions(),
        },
        cookies: world.frame_cookies.third_party,
        faults: world.faults.active(),
        plan: world.limits.plan,
        view: world.views.newest().map(|view| shown_view(platform, view)),
    }
}

fn shown_website<'a>(platform: &'a Platform, world: &'a World) -> ShownWebsite<'a> {
    let website = &world.website;
    ShownWebsite {
        url: &platform.addresses.website,
        auth_endpoint: website.auth_endpoint.as_str(),
        public_key: website.public_key.as_ref().map(PublicKey::pem),
        variables: &website.rules,
        way: website.way,
        chat: website.chat.as_ref(),
    }
}

fn shown_view<'a>(platform: &Platform, view: &'a View) -> ShownView<'a> {
    ShownView {
        view: &view.id,
        url: view_url(platform, view),
        surface: view.surface,
        user: &view.user,
        status: view.standing,
        opened_ms: view.opened.0,
        blank: view.blank.as_ref(),
        checks: view.checks(),
    }
}

impl Platform {
    /// Tells everybody who watches that something was forgotten; they begin anew with the state that follows.
    pub(crate) fn tell_reset(&self) {
        self.events.tell("reset", &json!({}));
        self.tell_state();
    }

    /// Tells everybody who watches how things stand.
    pub(crate) fn tell_state(&self) {
        if self.events.is_watched() {
            let world = self.world();
            self.events.tell("state", &shown(self, &world));
        }
    }
}
