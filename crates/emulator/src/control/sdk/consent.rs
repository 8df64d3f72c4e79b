//! What the client asks its user for the app: to sign in, to add it, to let it have a code (in-client OAuth).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refused, tell_view};
use crate::control::error::ControlError;
use crate::control::json::Body;
use crate::control::settings::done;
use crate::entropy;
use crate::fault::{Effect, Endpoint, Twist};
use crate::platform::Platform;
use crate::world::docs::IN_CLIENT;
use crate::world::grants::Challenge;
use crate::world::journal::{Lane, Note, Problem, Seen, Status};
use crate::world::prompt::{Prompt, Question};
use crate::world::views::{Standing, View};
use crate::world::{Consent, World};

/// `authorize`: the answer only says that the question is on its way; the code comes by `onAuthorized`.
pub(super) fn authorize(platform: &Platform, world: &mut World, view: &View, data: &Value) -> Result<Value, Refused> {
    if view.standing == Standing::Unauthenticated || world.place.is_for_guests() {
        return Err(Refused::guest_mode("authorize"));
    }
    let text = |name: &str| data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let challenge =
        text("codeChallenge").ok_or_else(|| Refused { code: "10024", message: "codeChallenge is missing.".into() })?;
    let note = Note::new(view.flow, (Lane::Client, Lane::Zoom), "Ask for a code in the client", IN_CLIENT).says(
        "The page calls authorize() with a challenge and a state that your backend made and keeps for this session. In \
         the client the challenge is compared as it is (plain).",
    );
    world.journal.add(note, "authorize()".into(), platform.now(), Seen::default());
    let has_consented = view.standing == Standing::Authorized && world.grants.has(&view.user);
    let challenge = Challenge::Plain(challenge);
    let question = Question::Authorize { challenge, state: text("state") };
    let consent = if has_consented { Consent::Allow } else { world.consent };
    ask(platform, world, Prompt { view: view.id.clone(), question }, consent);
    Ok(json!({"message": "Success"}))
}

/// `promptAuthorize`: one step on the way from a guest to a user with the app.
pub(super) fn prompt_authorize(platform: &Platform, world: &mut World, view: &View) -> Result<Value, Refused> {
    let question = match view.standing {
        _ if world.place.is_for_guests() => return Err(Refused::guest_mode("promptAuthorize")),
        Standing::Unauthenticated => Some(Question::SignIn),
        Standing::Authenticated => Some(Question::Add),
        Standing::Authorized => None,
    };
    if let Some(question) = question {
        let consent = world.consent;
        ask(platform, world, Prompt { view: view.id.clone(), question }, consent);
    }
    Ok(json!({"message": "Success"}))
}

fn ask(platform: &Platform, world: &mut World, prompt: Prompt, consent: Consent) {
    match consent {
        Consent::Allow => decide(platform, world, prompt, true),
        Consent::Deny => decide(platform, world, prompt, false),
        Consent::Ask => {
            let view = prompt.view.clone();
            let kind = match prompt.question {
                Question::SignIn => "sign-in",
                Question::Add => "add",
                Question::Authorize { .. } => "authorize",
            };
            let id = world.prompts.wait(prompt);
            let config = &platform.config;
            let request =
                json!({"view": view, "id": id, "kind": kind, "app_name": config.app_name, "scopes": config.scopes});
            platform.events.tell("consent-request", &request);
        }
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::control) struct Decided {
    id: String,
    decision: Decision,
}

/// `POST /control/sdk-consent`: the user's decision, from the page.
pub(in crate::control) async fn answer(
    State(platform): State<Arc<Platform>>,
    Body(decided): Body<Decided>,
) -> Result<Json<Value>, ControlError> {
    let mut world = platform.world();
    let prompt = world.prompts.take(&decided.id);
    let prompt = prompt.ok_or_else(|| ControlError::not_found("This question was answered already, or is too old."))?;
    decide(&platform, &mut world, prompt, decided.decision == Decision::Allow);
    drop(world);
    platform.tell_state();
    Ok(done())
}

fn decide(platform: &Platform, world: &mut World, prompt: Prompt, allowed: bool) {
    let Some(view) = world.views.find(&prompt.view).cloned() else { return };
    match prompt.question {
        Question::SignIn if allowed && world.grants.has(&view.user) => {
            stand(platform, world, &view, Standing::Authorized);
        }
        Question::SignIn if allowed => stand(platform, world, &view, Standing::Authenticated),
        Question::Add if allowed => {
            world.installs.add(&view.user);
            stand(platform, world, &view, Standing::Authorized);
        }
        Question::SignIn | Question::Add => {}
        Question::Authorize { challenge, state } => authorized(platform, world, &view, (allowed, challenge, state)),
    }
}

/// The user's standing changes while the app is open; it is told, and has to call `config` again.
fn stand(platform: &Platform, world: &mut World, view: &View, standing: Standing) {
    let Some(open) = world.views.find_mut(&view.id).filter(|open| open.standing != standing) else { return };
    open.standing = standing;
    let view = open.clone();
    let mut user = super::user(world, &view);
    user["timestamp"] = json!(platform.now().to_seconds());
    tell_view(platform, &view.id, "onMyUserContextChange", &user);
}

/// Tells the app by `onAuthorized`, with a code if the user agrees.
fn authorized(
    platform: &Platform,
    world: &mut World,
    view: &View,
    (mut allowed, challenge, mut state): (bool, Challenge, Option<String>),
) {
    let now = platform.now();
    match world.faults.strike(Endpoint::Sdk).map(|fault| fault.effect) {
        Some(Effect::Twisted(Twist::Deny)) => allowed = false,
        Some(Effect::Twisted(Twist::StateMangled)) => state = Some(entropy::base64url(43)),
        Some(Effect::Twisted(Twist::StateDropped)) => state = None,
        _ => {}
    }
    let redirect_uri = platform.config.redirect_urls.first().map(url::Url::as_str);
    let mut event = json!({"redirectUri": redirect_uri, "result": allowed, "timestamp": now.to_seconds()});
    if let Some(state) = state {
        event["state"] = json!(state);
    }
    let told = Note::new(view.flow, (Lane::Zoom, Lane::Client), "The answer comes as an event", IN_CLIENT);
    if allowed {
        world.journal.add(
            told.says("The user agrees. onAuthorized brings a code that works once, for five minutes."),
            "onAuthorized".into(),
            now,
            Seen::default(),
        );
        event["code"] = json!(issue(world, view, challenge, now));
        world.installs.add(&view.user);
        stand(platform, world, view, Standing::Authorized);
    } else {
        let problem = Problem::new(
            "The user declines: onAuthorized says result: false.",
            "Say so on the page, and leave it at that.",
        );
        world.journal.add(
            told.says("The user declines. There is no code.").warned(problem),
            "onAuthorized".into(),
            now,
            Seen::default(),
        );
    }
    tell_view(platform, &view.id, "onAuthorized", &event);
}

/// A code, and the step in which the page takes it to the backend.
fn issue(world: &mut World, view: &View, challenge: Challenge, now: stagedoor_protocol::time::UnixMillis) -> String {
    let code = world.grants.issue_code(&view.user, None, Some(challenge), (view.flow, now));
    let note = Note::new(view.flow, (Lane::Client, Lane::Backend), "Hand the code over", IN_CLIENT).says(
        "The page hands code and state to your backend, which compares the state with the one it made for this session. \
         The emulator sees that it arrived when your backend exchanges the code.",
    );
    let note = Note { status: Status::Pending, ..note };
    let step = world.journal.add(note, "code and state".into(), now, Seen::default());
    if let Some(code) = world.grants.code_mut(&code) {
        code.callback = Some(step);
    }
    code
}
