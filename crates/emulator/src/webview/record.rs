//! Writes down what came of a request: a step of the diagram, and the checks of the view.

use std::time::Instant;

use http::StatusCode;
use http::header::HeaderMap;

use super::WebView;
use super::look::Findings;
use super::request::Trip;
use crate::redact::Redactor;
use crate::world::docs::{ARCHITECTURE, CONTEXT, HEADERS, PWA};
use crate::world::journal::{Lane, Note, Seen, ShownAnswer, ShownRequest};
use crate::world::views::Surface;

/// Writes down what an answer showed: in the view's checks, and in the diagram if it is a step.
pub(super) fn record(
    web: &WebView,
    trip: &Trip,
    answer: Option<(StatusCode, &HeaderMap)>,
    mut findings: Findings,
    started: Instant,
) {
    let checks = std::mem::take(&mut findings.checks);
    if !trip.is_step() && checks.is_empty() {
        return;
    }
    if trip.is_step() {
        add_step(web, trip, answer, findings, started);
    }
    if let Some(view) = web.platform.world().views.find_mut(&trip.view.id) {
        for check in checks {
            view.check(check);
        }
    }
    web.platform.tell_state();
}

fn add_step(
    web: &WebView,
    trip: &Trip,
    answer: Option<(StatusCode, &HeaderMap)>,
    findings: Findings,
    started: Instant,
) {
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
    let seen = Seen {
        took_ms: i64::try_from(started.elapsed().as_millis()).ok(),
        http: answer.map(|(status, _)| status.as_u16()),
        request: Some(request),
        answer: shown,
    };
    let docs = if web.surface == Surface::Web { PWA } else { HEADERS };
    let note = match (findings.problem, findings.advice) {
        (Some(problem), _) if findings.blank.is_some() => Note { docs, ..note(web, trip) }.failed(problem),
        (Some(problem), _) => note(web, trip).failed(problem),
        (None, Some(advice)) => note(web, trip).warned(advice),
        (None, None) => note(web, trip),
    };
    let now = web.platform.now();
    let mut world = web.platform.world();
    match world.connects.take_launch(trip.view.flow).filter(|_| trip.is_home) {
        Some(step) => world.journal.fill(step, note, seen),
        None => drop(world.journal.add(note, format!("{} {}", trip.method, trip.uri.path()), now, seen)),
    }
    if let Some(view) = world.views.find_mut(&trip.view.id).filter(|_| trip.is_document) {
        view.blank = findings.blank;
    }
    drop(world);
}

fn note(web: &WebView, trip: &Trip) -> Note {
    let note = |title, docs| Note::new(trip.view.flow, (Lane::Client, Lane::Backend), title, docs);
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
        (Surface::Client, true) if !trip.sent.contains_key("x-zoom-app-context") => note("Open the Home URL", CONTEXT)
            .says("The client opens the app without x-zoom-app-context: a fault is on."),
        (Surface::Client, true) => note("Open the Home URL", CONTEXT).says(
            "The client opens the app. The header x-zoom-app-context says who and where the user is, encrypted with the \
             SHA-256 of your client secret; your backend opens it and knows the user.",
        ),
    }
}
