//! Cobrowse at Zoom: tokens are verified, sessions begin, agents join them by their PIN.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Site, arrow};
use crate::control::error::ControlError;
use crate::control::json::Body;
use crate::jwt::Refusal;
use crate::jwt::cobrowse::{Pass, Role, verify};
use crate::platform::Platform;
use crate::webhook::catalogue::cobrowse as events;
use crate::world::World;
use crate::world::cobrowse::{Joined, SdkError};
use crate::world::docs::COBROWSE;
use crate::world::journal::{FlowId, Kind, Lane, Note, Problem, Seen, ShownAnswer, ShownRequest};

type Answered = Result<(StatusCode, Json<Value>), ControlError>;

/// What a page got from the backend, and what it wants of Zoom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    asked: Asked,
    token: Option<String>,
    pin: Option<String>,
    /// The page asked by itself, without any right to an agent's token.
    #[serde(default)]
    sneaked: bool,
}

impl Order {
    /// The token, if the backend gave it: what comes with another status is no answer of the endpoint's.
    fn token(&self) -> Option<&str> {
        self.token.as_deref().filter(|_| self.asked.http == Some(200))
    }
}

/// Why Zoom does not let somebody in: an error of the SDK, and what to tell the developer.
struct NotLetIn {
    error: SdkError,
    problem: Problem,
}

impl From<SdkError> for NotLetIn {
    fn from(error: SdkError) -> Self {
        let (sentence, fix) = error.explain();
        Self { error, problem: Problem::new(format!("{} {}: {sentence}", error.code(), error), fix) }
    }
}

impl From<Refusal> for NotLetIn {
    fn from(refusal: Refusal) -> Self {
        let error = SdkError::TokenInvalid;
        let sentence = format!("{} {error}: {}", error.code(), refusal.sentence);
        Self { error, problem: Problem::new(sentence, refusal.fix).with_setting("cobrowse.sdk_secret") }
    }
}

/// A customer's page starts a session.
pub(super) async fn start(State(site): State<Arc<Site>>, Body(order): Body<Order>) -> Answered {
    let platform = &site.platform;
    let now = platform.now();
    let flow = platform.world().journal.open(Kind::Cobrowse, "Cobrowse", now);
    write_request(&site, &order, Role::Customer, flow);
    let Some(token) = order.token() else { return Ok(no_token()) };
    let joined = pass(platform, token).and_then(|pass| {
        let mut world = platform.world();
        Ok(world.cobrowse.start(&pass, order.pin.as_deref(), (flow, now))?)
    });
    Ok(answer(platform, "Start a session", &joined, flow))
}

/// An agent's page joins a session by its PIN.
pub(super) async fn join(State(site): State<Arc<Site>>, Body(order): Body<Order>) -> Answered {
    let platform = &site.platform;
    let pin = order.pin.clone().unwrap_or_default();
    let flow = flow_of(platform, &pin);
    write_request(&site, &order, Role::Agent, flow);
    let Some(token) = order.token() else { return Ok(no_token()) };
    let joined = pass(platform, token).and_then(|pass| Ok(platform.world().cobrowse.join(&pass, &pin)?));
    Ok(answer(platform, "Join a session", &joined, flow))
}

fn pass(platform: &Platform, token: &str) -> Result<Pass, NotLetIn> {
    Ok(verify(token, &platform.config.website.sdk, platform.clock.machine().to_seconds())?)
}

/// The flow of the session with this PIN, or a new one.
fn flow_of(platform: &Platform, pin: &str) -> FlowId {
    let now = platform.now();
    let mut world = platform.world();
    let mut sessions = world.cobrowse.sessions().iter();
    let known = sessions.find(|session| session.ended.is_none() && session.pin.eq_ignore_ascii_case(pin));
    match known.map(|session| session.flow) {
        Some(flow) => flow,
        None => world.journal.open(Kind::Cobrowse, "Cobrowse", now),
    }
}

fn no_token() -> (StatusCode, Json<Value>) {
    let body = json!({"error": {"errorCode": null, "message": "There is no token: the backend gave none."}});
    (StatusCode::FORBIDDEN, Json(body))
}

/// Tells the page, the diagram and the app what came of it.
fn answer(
    platform: &Platform,
    title: &'static str,
    joined: &Result<Joined, NotLetIn>,
    flow: FlowId,
) -> (StatusCode, Json<Value>) {
    let (status, body, problem) = match joined {
        Ok(Joined { session, member }) => {
            let body = json!({"connection": member.connection, "sessionId": session.id, "pincode": session.pin});
            (StatusCode::OK, body, None)
        }
        Err(NotLetIn { error, problem }) => {
            let body = json!({"error": {"errorCode": error.code(), "message": error.to_string()}});
            (StatusCode::FORBIDDEN, body, Some(problem.clone()))
        }
    };
    let note = Note::new(flow, (Lane::Browser, Lane::Zoom), title, COBROWSE)
        .says("Zoom verifies the token: HS256 under the SDK secret, its role, its names, and that it lives for 30 minutes to two days.");
    let note = match problem {
        Some(problem) => note.failed(problem),
        None => note,
    };
    let shown = body["error"].is_object().then(|| body.to_string());
    let seen = Seen {
        http: Some(status.as_u16()),
        answer: Some(ShownAnswer { status: status.as_u16(), headers: vec![], body: shown }),
        ..Seen::default()
    };
    let now = platform.now();
    let mut world = platform.world();
    world.journal.add(note, "cobrowse session".into(), now, seen);
    if let Ok(joined) = joined {
        tell_joined(platform, &mut world, joined);
    }
    drop(world);
    platform.tell_state();
    (status, Json(body))
}

/// The first user who joins starts the session, as Zoom's events tell it.
fn tell_joined(platform: &Platform, world: &mut World, joined: &Joined) {
    let now = platform.clock.machine();
    let account = world.people.seated().account_id();
    if joined.session.members.len() == 1 {
        let url = format!("{}/customer", platform.addresses.website);
        platform.send_event(world, &events::started((&account, now), joined, &url));
    }
    platform.send_event(world, &events::joined((&account, now), joined));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    connection: String,
}

/// Somebody leaves; with the customer the session ends.
pub(super) async fn leave(
    State(site): State<Arc<Site>>,
    Body(place): Body<Place>,
) -> Result<Json<Value>, ControlError> {
    let platform = &site.platform;
    let now = platform.clock.machine();
    let mut world = platform.world();
    let left = world.cobrowse.leave(&place.connection, platform.now());
    let (session, members) = left.ok_or_else(|| ControlError::not_found("The session is over."))?;
    let account = world.people.seated().account_id();
    for (at, member) in members.iter().enumerate() {
        let reason = if at == 0 { "Left the session" } else { "The session end" };
        platform.send_event(&mut world, &events::left((&account, now), &session, member, reason));
    }
    if session.ended.is_some() {
        platform.send_event(&mut world, &events::ended((&account, now), &session, &members[0]));
    }
    let who = &members[0];
    let says = format!("{} leaves. With its customer a session ends.", who.user_name);
    let note = Note::new(session.flow, (Lane::Browser, Lane::Zoom), "Leave the session", COBROWSE).says(says);
    world.journal.add(note, "leave".into(), platform.now(), Seen::default());
    drop(world);
    platform.tell_state();
    Ok(Json(json!({"ok": true})))
}

/// What a page sees of its session.
pub(super) async fn look(State(site): State<Arc<Site>>, Body(place): Body<Place>) -> Result<Json<Value>, ControlError> {
    let world = site.platform.world();
    let session = world.cobrowse.of(&place.connection);
    let session = session.ok_or_else(|| ControlError::not_found("You are in no session."))?;
    Ok(Json(json!({"pincode": session.pin, "isLive": session.ended.is_none(), "members": session.members})))
}

/// The step to the backend, which the emulator knows from the page, or did itself for an agent.
fn write_request(site: &Site, order: &Order, role: Role, flow: FlowId) {
    let platform = &site.platform;
    let url = &platform.config.website.token_endpoint;
    let (title, says) = match role {
        Role::Agent if order.sneaked => (
            "A token for anybody",
            "A page asks for a token of role 2 without any right to it. Such a token opens every session: your backend has \
             to refuse it.",
        ),
        Role::Customer => ("A token for the customer", "The customer's page asks your backend for a token of role 1."),
        Role::Agent => (
            "A token for an agent",
            "A token of role 2 opens every session: your backend gives it to agents whom it knows, here to the website's \
             server with its API key, and to no page that just asks.",
        ),
    };
    let note = Note::new(flow, (Lane::Browser, Lane::Backend), title, COBROWSE).says(says);
    let note = match problem_of(site, order, role) {
        Some(problem) => note.failed(problem),
        None => note,
    };
    let request = ShownRequest {
        method: Method::POST.to_string(),
        url: url.to_string(),
        headers: vec![["origin".into(), site.origin().into()], ["content-type".into(), "application/json".into()]],
        body: Some(json!({"role": if role == Role::Customer { 1 } else { 2 }}).to_string()),
    };
    let Asked { http, took_ms } = order.asked;
    let seen = Seen { took_ms: Some(took_ms), http, request: Some(request), answer: None };
    let now = platform.now();
    platform.world().journal.add(note, arrow(&Method::POST, url), now, seen);
    platform.tell_state();
}

fn problem_of(site: &Site, order: &Order, role: Role) -> Option<Problem> {
    match (order.asked.http, order.token()) {
        (Some(200), Some(_)) if order.sneaked => Some(
            Problem::new(
                "Your backend gives tokens of agents to any page: whoever has a PIN, or tries them, watches customers.",
                "Give role 2 only to agents whom you know.",
            )
            .with_setting("cobrowse.api_keys"),
        ),
        (Some(200), Some(_)) => None,
        (Some(401 | 403), _) if order.sneaked => None,
        (None, _) => {
            let fix = format!("Start your backend, and let it answer pages of {}.", site.origin());
            Some(Problem::new("No answer can be read.", fix).with_setting("cobrowse.origins"))
        }
        (Some(401 | 403), _) if role == Role::Agent => Some(
            Problem::new(
                "Your backend does not know this agent, and gives no token.",
                "Give the website's server an API key, and the emulator the same: --cobrowse-api-key.",
            )
            .with_setting("cobrowse.api_keys"),
        ),
        (Some(code), _) => Some(Problem::new(
            format!("Your backend answered {code}, and gave no token."),
            "The answer of the endpoint is {\"token\": …}.",
        )),
    }
}
