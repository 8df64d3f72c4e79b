//! The chat widget's end at Zoom: who the visitor is, and what the flow and the agent see of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stagedoor_protocol::time::UnixMillis;

use super::{Asked, Site, arrow, visitor};
use crate::control::error::ControlError;
use crate::control::json::Body;
use crate::entropy;
use crate::jwt::consumer::verify;
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::CONSUMER;
use crate::world::journal::{FlowId, Kind, Lane, Note, Problem, Seen, ShownAnswer, ShownRequest};
use crate::world::website::{Chat, Consumer, Variable, Way};

/// When the widget asks for a token.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Occasion {
    /// The visitor begins an engagement.
    Start,
    /// The page was loaded again while one goes on.
    Reload,
}

/// What the widget got, and what it hands to Zoom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    occasion: Occasion,
    asked: Asked,
    jwt: Option<String>,
}

/// What the widget is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    authentication_status: bool,
    variables: &'a [Variable],
}

pub(super) async fn report(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Body(report): Body<Report>,
) -> Result<Json<Value>, ControlError> {
    let platform = &site.platform;
    let visitor = visitor::who(&site, &headers);
    let mut world = platform.world();
    let flow = flow_of(&mut world, report.occasion, platform.now())?;
    write_request(&site, &mut world, (&report, visitor), flow);
    let (chat, problem) = judge(platform, &world, &report, flow);
    let told = json!(Told { authentication_status: chat.authenticated, variables: &chat.variables });
    world.website.chat = Some(chat.clone());
    write_verdict(&mut world, &chat, problem, platform.now());
    drop(world);
    platform.tell_state();
    Ok(Json(told))
}

/// A new flow for a new engagement; a reload belongs to the one that goes on.
fn flow_of(world: &mut World, occasion: Occasion, now: UnixMillis) -> Result<FlowId, ControlError> {
    let going_on = world.website.chat.as_ref().map(|chat| chat.flow);
    match occasion {
        Occasion::Start => Ok(world.journal.open(Kind::Chat, "Website chat", now)),
        Occasion::Reload => going_on.ok_or_else(|| ControlError::not_found("No chat goes on.")),
    }
}

/// The step from the browser to the backend, which the emulator knows from the page.
fn write_request(site: &Site, world: &mut World, (report, visitor): (&Report, Option<Consumer>), flow: FlowId) {
    let when = if report.occasion == Occasion::Start { "begins" } else { "goes on after a reload" };
    let how = match world.website.way {
        Way::Endpoint => "The chat widget asks your endpoint",
        Way::Override => "The page overrides getAuthCredentials and asks your endpoint itself",
    };
    let note = Note::new(flow, (Lane::Browser, Lane::Backend), "Who is the visitor?", CONSUMER).says(format!(
        "The chat {when}. {how} from another origin, with cookies. It answers with a token for a visitor who is signed \
         in, and 401 for others."
    ));
    let note = match problem_of(site, report, visitor) {
        Some((problem, true)) => note.failed(problem),
        Some((problem, false)) => note.warned(problem),
        None => note,
    };
    let url = world.website.auth_endpoint.clone();
    let request = ShownRequest {
        method: Method::GET.to_string(),
        url: url.to_string(),
        headers: vec![["origin".into(), site.origin().into()]],
        body: None,
    };
    let seen =
        Seen { took_ms: Some(report.asked.took_ms), http: report.asked.http, request: Some(request), answer: None };
    world.journal.add(note, arrow(&Method::GET, &url), site.platform.now(), seen);
}

/// What is wrong with the answer, and whether it is a failure.
fn problem_of(site: &Site, report: &Report, visitor: Option<Consumer>) -> Option<(Problem, bool)> {
    let problem = match (report.asked.http, &report.jwt, visitor) {
        (Some(200), Some(_), _) | (Some(401), _, None) => return None,
        (Some(401), _, Some(visitor)) => {
            let sentence =
                format!("{} is signed in on the website, and your backend does not know them.", visitor.name);
            let fix = "Let it ask /whoami with the cookie shop_session, or verify the cookie shop_jwt.";
            return Some((Problem::new(sentence, fix).with_setting("consumer.identity"), false));
        }
        (None, ..) => {
            let fix = format!(
                "Start your backend. Let it answer with Access-Control-Allow-Origin: {} and \
                 Access-Control-Allow-Credentials: true.",
                site.origin()
            );
            Problem::new("The browser does not let the page read an answer.", fix).with_setting("consumer.origins")
        }
        (Some(200), None, _) => Problem::new(
            "The answer has no token.",
            "Answer with {\"loginUserIdJwt\": …}; newer documents call the member token.",
        ),
        (Some(code), ..) => Problem::new(
            format!("Your endpoint answered {code}: the chat goes on without knowing the visitor."),
            "Answer 200 with a token, or 401.",
        ),
    };
    Some((problem, true))
}

/// What Zoom makes of the token.
fn judge(platform: &Platform, world: &World, report: &Report, flow: FlowId) -> (Chat, Option<Problem>) {
    let engagement = world.website.chat.as_ref().filter(|_| report.occasion == Occasion::Reload);
    let engagement = engagement.map_or_else(|| entropy::base64url(22), |chat| chat.engagement.clone());
    let nobody = |sentence: &str| Chat {
        engagement: engagement.clone(),
        authenticated: false,
        variables: vec![],
        sentence: Some(sentence.into()),
        at_ms: platform.now(),
        flow,
    };
    // What comes with another status is no answer of the endpoint's, whatever is in it.
    let Some(jwt) = report.jwt.as_ref().filter(|_| report.asked.http == Some(200)) else {
        return (nobody("There is no token."), None);
    };
    let Some(key) = &world.website.public_key else {
        let problem = Problem::new("Zoom has no public key to verify the token with.", "Paste it under Website chat.");
        return (nobody(&problem.sentence), Some(problem));
    };
    match verify(jwt, key, platform.clock.machine().to_seconds()) {
        Ok(payload) => {
            let variables = world.website.variables(&payload);
            (Chat { authenticated: true, variables, sentence: None, ..nobody("") }, None)
        }
        Err(refusal) => {
            let problem = Problem::new(refusal.sentence, refusal.fix).with_setting("consumer.private_key");
            (nobody(&problem.sentence), Some(problem))
        }
    }
}

fn write_verdict(world: &mut World, chat: &Chat, problem: Option<Problem>, now: UnixMillis) {
    let says = if chat.authenticated {
        "Zoom verifies the token with the public key of its admin page, and sets global variables from it. \
         authenticationStatus is true: the flow may trust them."
    } else {
        "authenticationStatus is false: to the flow and the agent the visitor is anybody."
    };
    let note = Note::new(chat.flow, (Lane::Browser, Lane::Zoom), "Begin the engagement", CONSUMER).says(says);
    let note = match problem {
        Some(problem) => note.failed(problem),
        None => note,
    };
    let mut variables: serde_json::Map<_, _> =
        chat.variables.iter().map(|set| (set.variable.clone(), set.value.clone())).collect();
    variables.insert("global_system.Engagement.authenticationStatus".into(), json!(chat.authenticated));
    let answer = ShownAnswer { status: 200, headers: vec![], body: Some(Value::Object(variables).to_string()) };
    let seen = Seen { http: Some(200), answer: Some(answer), ..Seen::default() };
    world.journal.add(note, "engagement".into(), now, seen);
}
