//! Writes down what came of a request: a step of the diagram, and the checks of the view.

use std::time::Instant;

use http::StatusCode;
use http::header::HeaderMap;
use stagedoor_protocol::time::UnixMillis;

use super::WebView;
use super::look::Findings;
use super::request::Trip;
use crate::redact::Redactor;
use crate::world::World;
use crate::world::docs::{ARCHITECTURE, CONTEXT, HEADERS, PWA};
use crate::world::journal::{Lane, Note, Seen, ShownAnswer, ShownRequest};
use crate::world::views::Surface;

/// Writes down what an answer showed: in the view, and in the diagram if it is a step. Whoever is told of the step finds
/// the view as it is after it.
pub(super) fn record(
    web: &WebView,
    trip: &Trip,
    answer: Option<(StatusCode, &HeaderMap)>,
    findings: Findings,
    started: Instant,
) {
    let Findings { checks, blank, problem, advice } = findings;
    if !trip.is_step() && checks.is_empty() {
        return;
    }
    let note = match (problem, advice) {
        (Some(problem), _) => note(web, trip, blank.is_some()).failed(problem),
        (None, Some(advice)) => note(web, trip, false).warned(advice),
        (None, None) => note(web, trip, false),
    };
    let seen = trip.is_step().then(|| seen(web, trip, answer, started));
    let mut world = web.platform.world();
    if let Some(view) = world.views.find_mut(&trip.view.id) {
        for check in checks {
            view.check(check);
        }
        if trip.is_document {
            view.blank = blank;
        }
    }
    if let Some(seen) = seen {
        add_step(&mut world, trip, (note, seen), web.platform.now());
    }
    drop(world);
    web.platform.tell_state();
}

/// The exchange as the diagram shows it.
fn seen(web: &WebView, trip: &Trip, answer: Option<(StatusCode, &HeaderMap)>, started: Instant) -> Seen {
    let mut redactor = Redactor::new(&web.platform);
    let request = ShownRequest {
        method: trip.method.to_string(),
        url: format!("{}{}", web.app, redactor.target(&trip.uri.to_string())),
        headers: redactor.headers(&trip.sent),
        body: None,
    };
    let shown = answer.map(|(status, headers)| ShownAnswer {
        status: status.as_u16(),
        headers: redactor.headers(headers),
        body: None,
    });
    let (request, shown) = redactor.sweep(request, shown);
    Seen {
        took_ms: i64::try_from(started.elapsed().as_millis()).ok(),
        http: answer.map(|(status, _)| status.as_u16()),
        request: Some(request),
        answer: shown,
    }
}

fn add_step(world: &mut World, trip: &Trip, (note, seen): (Note, Seen), now: UnixMillis) {
    match world.connects.take_launch(trip.view.flow).filter(|_| trip.is_home) {
        Some(step) => world.journal.fill(step, note, seen),
        None => drop(world.journal.add(note, format!("{} {}", trip.method, trip.uri.path()), now, seen)),
    }
}

/// What the request means. Where the client shows nothing, the documentation is that of the headers.
fn note(web: &WebView, trip: &Trip, is_blank: bool) -> Note {
    let note = |title, docs| {
        let headers = if web.surface == Surface::Web { PWA } else { HEADERS };
        Note::new(trip.view.flow, (Lane::Client, Lane::Backend), title, if is_blank { headers } else { docs })
    };
    match (web.surface, trip.is_home) {
        _ if trip.has_context => note("Hand the context over", PWA).says(
            "The page asked getAppContext() and hands the context to your backend, which opens it and answers with a \
             session. A context in a header stays out of logs; one in the query does not.",
        ),
        (Surface::Web, true) => note("Open the Home URL", PWA).says(
            "The web client opens the app in a frame. No x-zoom-app-context comes with it, and the User-Agent is the \
             browser's: your backend answers with a page that asks the Apps SDK for the context.",
        ),
        (Surface::Web, false) => note("Open a page of the app", PWA)
            .says("The frame opens a page, with those cookies that the browser keeps for a frame on another site."),
        (Surface::Client, false) => note("Open a page of the app", ARCHITECTURE)
            .says("The web view opens a page, with the cookies that the client keeps for this user."),
        (Surface::Client, true) => note("Open the Home URL", CONTEXT).says(match trip.fault {
            Some(fault) => format!("The client opens the app, and a fault is on. {}", fault.sentence),
            None => {
                "The client opens the app. The header x-zoom-app-context says who and where the user is, encrypted \
                     with the SHA-256 of your client secret; your backend opens it and knows the user."
                    .into()
            }
        }),
    }
}
