//! `POST /oauth/consent`: the form of the consent page. Zoom's own form is not documented; only the page knows this one.

use http::StatusCode;

use super::answer::Answer;
use super::authorize::{allow, deny};
use super::call::Call;
use super::pages::{Notice, render};
use crate::guard::Names;
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::OAUTH;
use crate::world::install::Authorization;
use crate::world::journal::{FlowId, Lane, Note, Problem};

pub(super) fn consent(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    match read(platform, &mut world, call) {
        Ok((authorization, None)) => deny(&authorization, note(authorization.flow)),
        Ok((authorization, Some(user))) => {
            // The person at the browser is the person at the client.
            world.people.seat(&user);
            let sentence =
                "The user consents. Zoom sends the browser back with a code that works once, for five minutes.";
            allow(&mut world, &authorization, &user, now, note(authorization.flow).says(sentence))
        }
        Err((status, sentence, fix)) => {
            let flow = world.install(now);
            let note = note(flow).failed(Problem::new(sentence, fix));
            let page = Notice::new("This consent does not count", sentence, fix, status.as_u16().to_string());
            Answer::page(status, render(&page), platform, note)
        }
    }
}

fn note(flow: FlowId) -> Note {
    Note::new(flow, (Lane::Browser, Lane::Zoom), "The user decides", OAUTH)
}

type Refusal = (StatusCode, &'static str, &'static str);

/// The authorization that is decided, and who consents; nobody if the user declines.
fn read(platform: &Platform, world: &mut World, call: &Call) -> Result<(Authorization, Option<String>), Refusal> {
    if !Names::of(&platform.addresses.zoom).is_own_page(&call.headers) {
        let fix = "Open the authorize page and decide there.";
        return Err((StatusCode::FORBIDDEN, "The form does not come from the consent page.", fix));
    }
    let form = call.form();
    let user = form.get("user").filter(|user| world.people.find(user).is_some()).map(str::to_owned);
    let user = match (form.get("decision"), user) {
        (Some("allow"), Some(user)) => Some(user),
        (Some("deny"), _) => None,
        _ => return Err((StatusCode::BAD_REQUEST, "The form names no decision or no user.", "Decide on the page.")),
    };
    let authorization = form.get("request").and_then(|request| world.installs.take(request));
    let gone =
        (StatusCode::BAD_REQUEST, "This request was decided already, or is too old.", "Begin the install again.");
    Ok((authorization.ok_or(gone)?, user))
}
