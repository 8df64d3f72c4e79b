//! `GET /launch/chatapp/{token}`: somebody follows a deep link. It opens in the client of whoever follows it, which is
//! the user who sits at the emulated client; the context will have their `uid`, whoever asked for the link.

use http::StatusCode;
use stagedoor_protocol::time::UnixMillis;
use url::{Position, Url};

use super::answer::Answer;
use super::call::Call;
use super::pages::{Notice, render};
use crate::fault::{Effect, Endpoint, Twist};
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::{ARCHITECTURE, DEEP_LINK};
use crate::world::journal::{FlowId, Kind, Lane, Note, Problem, Seen};
use crate::world::links::{ACTION_LIFE_MS, Link};
use crate::world::views::{Opened, Opening, Standing, Surface, View};

/// Where the links lead, before their token.
pub(crate) const PATH: &str = "/launch/chatapp/";

pub(super) fn launch(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    let link = call.uri.path().strip_prefix(PATH).and_then(|token| world.links.find(token)).cloned();
    let Some(link) = link else {
        let flow = world.journal.calls(now);
        let fix = "Redirect to the deeplink of Zoom's answer unchanged. The emulator forgets links when it stops.";
        let problem = Problem::new("The emulator has not given out this link.", fix);
        let page = Notice::new("Zoom does not know this link", problem.sentence.clone(), fix, "404");
        return Answer::page(StatusCode::NOT_FOUND, render(&page), platform, note(flow).failed(problem));
    };
    let flow = link.flow;
    let followed = note(flow).says(whose(&world, &link));
    let view = open(&mut world, Some(&link), Launch::default(), now);
    let mut location = Url::parse(&platform.addresses.zoom).expect("the emulator's own origin is a URL");
    location.query_pairs_mut().append_pair("view", &view.id);
    let events = platform.events.clone();
    let url = view_url(platform, &view);
    Answer::redirect(&location, followed).then(move |world, now| {
        let note = Note::new(flow, (Lane::Zoom, Lane::Client), "The client opens", ARCHITECTURE)
            .says("The link wakes the Zoom client of whoever clicked it. The client opens the app's Home URL.");
        world.journal.add(note, "open the app".into(), now, Seen::default());
        events.tell("view", &serde_json::json!({"view": view.id, "url": url, "surface": view.surface}));
    })
}

fn note(flow: FlowId) -> Note {
    Note::new(flow, (Lane::Browser, Lane::Zoom), "Follow the deep link", DEEP_LINK)
}

fn whose(world: &World, link: &Link) -> String {
    let (follower, asker) = (world.people.seated(), world.people.find(&link.user));
    let other = asker.filter(|asker| asker.id != follower.id).map(|asker| {
        format!(" It was made for {}, but {} follows it: the context will say so.", asker.name, follower.name)
    });
    format!("Your backend sent the browser to the deep link.{}", other.unwrap_or_default())
}

/// Where the browser shows a view: the launch page of the web view, or the Home URL in the web client's frame.
pub(crate) fn view_url(platform: &Platform, view: &View) -> String {
    match view.surface {
        Surface::Client => format!("{}/~emulator/launch/{}", platform.addresses.web_view, view.id),
        Surface::Web => {
            format!("{}{}", platform.addresses.web_frame, &platform.config.home_url[Position::BeforePath..])
        }
    }
}

/// How the app is opened.
#[derive(Clone, Copy, Default)]
pub(crate) struct Launch {
    pub(crate) surface: Surface,
    /// By somebody who is not signed in to Zoom.
    pub(crate) guest: bool,
}

/// Opens the app in the client of the user who sits there, by a deep link or from the client's own list of apps.
pub(crate) fn open(world: &mut World, link: Option<&Link>, launch: Launch, now: UnixMillis) -> View {
    let person = world.people.seated().clone();
    let Launch { surface, guest } = launch;
    let is_known = world.installs.knows(&person.id) && !world.place.is_for_guests();
    let standing = match (guest, is_known) {
        (true, _) => Standing::Unauthenticated,
        (false, false) => Standing::Authenticated,
        (false, true) => Standing::Authorized,
    };
    let flow = match link {
        Some(link) => link.flow,
        None => world.journal.open(Kind::Launch, title(&person.name, launch), now),
    };
    let too_old = |effect| matches!(effect, Effect::Twisted(Twist::LinkTooOld));
    let stale = link.is_some() && world.faults.strike_when(Endpoint::Client, too_old).is_some();
    let until = |link: &Link| link.made.plus_millis(ACTION_LIFE_MS);
    let action = link.filter(|link| !stale && until(link) > now);
    let action = action.and_then(|link| Some(Opened { action: link.action.clone()?, until: until(link) }));
    world.end_install(flow);
    let opening = Opening { user: person.id, surface, standing, flow, by_deep_link: link.is_some(), action };
    world.views.open(opening, now)
}

fn title(name: &str, Launch { surface, guest }: Launch) -> String {
    let who = if guest { "a guest" } else { name };
    match surface {
        Surface::Client => format!("Launch as {who}"),
        Surface::Web => format!("Web launch as {who}"),
    }
}
