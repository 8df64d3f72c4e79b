//! `GET /oauth/authorize`: checks what the backend asks for, and lets the user decide.

use http::StatusCode;
use serde_json::json;
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::answer::Answer;
use super::call::{Call, Params};
use super::pages::{Choice, ConsentPage, Notice, ScopeLine, render};
use crate::entropy;
use crate::fault::{Endpoint, Fault, Twist};
use crate::platform::Platform;
use crate::world::docs::{ALLOW_LIST, ARCHITECTURE, OAUTH, OAUTH_ERRORS};
use crate::world::grants::Challenge;
use crate::world::install::Authorization;
use crate::world::journal::{FlowId, Lane, Note, Problem, Seen, Status};
use crate::world::{Consent, World};

pub(super) fn authorize(platform: &Platform, call: &Call) -> Answer {
    let params = call.query();
    let now = platform.now();
    let mut world = platform.world();
    let flow = arrive(&mut world, platform, params.get("state").is_some(), now);
    match read(platform, &params, flow) {
        Ok(authorization) => decide(platform, &mut world, call, authorization),
        Err(refusal) => refusal.answer(platform, call, note(flow)),
    }
}

fn note(flow: FlowId) -> Note {
    Note::new(flow, (Lane::Browser, Lane::Zoom), "Ask for consent", OAUTH)
}

/// The browser's arrival is the sign of what happened before it: the landing URL was opened, or a code without state
/// was turned into an install of the backend's own.
fn arrive(world: &mut World, platform: &Platform, with_state: bool, now: UnixMillis) -> FlowId {
    let flow = world.install(now);
    let Some(install) = world.installs.current.as_mut() else { return flow };
    let (landing, stateless) = (install.landing.take(), install.stateless_callback.take_if(|_| with_state));
    let seen_before = landing.is_some() || stateless.is_some() || install.marketplace || install.consented.is_some();
    if let Some(step) = landing {
        world.journal.settle(step, None, now);
    }
    if let Some(step) = stateless {
        let addition =
            "Your backend threw that code away and began an install of its own, with a state: this is right.";
        world.journal.settle(step, Some(addition), now);
    }
    if !seen_before && with_state && world.journal.is_new(flow) {
        let landing = Note::new(flow, (Lane::Browser, Lane::Backend), "Begin the install", ARCHITECTURE).says(
            "Your backend sent this browser to Zoom with a new state. The emulator did not see it; it knows by the \
             browser's arrival at the next step.",
        );
        world.journal.add(landing, format!("GET {}", platform.config.landing_url.path()), now, Seen::default());
    }
    flow
}

/// Why Zoom shows a page and does not redirect.
struct Refusal {
    code: u16,
    /// The `errorMessage` of the JSON form.
    message: String,
    /// The text of the page.
    text: String,
    problem: Problem,
}

impl Refusal {
    fn new(code: u16, message: &str, problem: Problem) -> Self {
        Self { code, message: message.into(), text: message.into(), problem }
    }

    /// The page for people, the JSON for programs: neither sends anybody anywhere.
    fn answer(self, platform: &Platform, call: &Call, note: Note) -> Answer {
        let note = Note { docs: if self.code == 4700 { ALLOW_LIST } else { OAUTH_ERRORS }, ..note }
            .says("Zoom shows an error page and does not send the browser back.")
            .failed(self.problem.clone());
        if !call.wants_html() {
            let body = json!({"status": false, "errorCode": self.code, "errorMessage": self.message, "result": null});
            return Answer::json(StatusCode::BAD_REQUEST, &body, note);
        }
        let number = format!("({},{:03})", self.code / 1000, self.code % 1000);
        let sentence = format!("{} {number}", self.text);
        let page = Notice::new("Zoom cannot authorize this app", sentence, &self.problem.fix, self.code.to_string());
        Answer::page(StatusCode::BAD_REQUEST, render(&page), platform, note)
    }
}

fn read(platform: &Platform, params: &Params, flow: FlowId) -> Result<Authorization, Refusal> {
    if let Some(name) = params.repeated() {
        let problem = Problem::new(format!("The parameter {name} is there twice."), "Send each parameter once.");
        return Err(Refusal::new(4700, "Invalid request", problem));
    }
    let config = &platform.config;
    if params.get("client_id") != Some(config.client_id.as_str()) {
        let problem =
            Problem::new("client_id is not the app's.", "Take the client id that the emulator was started with.");
        return Err(Refusal::new(4702, "Invalid client_id", problem.with_setting("zoom.client_id")));
    }
    let redirect_uri = params.get("redirect_uri").unwrap_or_default();
    if !config.redirect_urls.iter().any(|known| known.as_str() == redirect_uri) {
        return Err(bad_redirect(platform, redirect_uri));
    }
    if params.get("response_type") != Some("code") {
        let problem = Problem::new("response_type is not code.", "Send response_type=code.");
        return Err(Refusal::new(4700, "Invalid response_type", problem));
    }
    let challenge = read_challenge(params)?;
    let state = params.get("state").map(Into::into);
    Ok(Authorization { redirect_uri: redirect_uri.into(), state, challenge, flow })
}

fn bad_redirect(platform: &Platform, redirect_uri: &str) -> Refusal {
    let known: Vec<_> = platform.config.redirect_urls.iter().map(Url::as_str).collect();
    let problem = Problem::new(
        "redirect_uri is not on the allow list. Zoom compares it character by character.",
        format!("Send exactly {}, or start the emulator with your --redirect-url.", known.join(" or ")),
    );
    Refusal {
        code: 4700,
        message: "Invalid redirect url".into(),
        text: format!("Invalid redirect: {redirect_uri}"),
        problem: problem.with_setting("public_url"),
    }
}

/// `code_challenge_method` left out means `plain` (RFC 7636 section 4.3, and Zoom's documentation).
fn read_challenge(params: &Params) -> Result<Option<Challenge>, Refusal> {
    let challenge = params.get("code_challenge").map(str::to_owned);
    match (challenge, params.get("code_challenge_method")) {
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) => Ok(Some(Challenge::S256(challenge))),
        (Some(challenge), None | Some("plain")) => Ok(Some(Challenge::Plain(challenge))),
        (_, Some(_)) => {
            let fix = "Send code_challenge with code_challenge_method=S256.";
            let problem = Problem::new("code_challenge_method is unknown, or there is no code_challenge.", fix);
            Err(Refusal::new(4700, "Invalid code_challenge_method", problem))
        }
    }
}

fn decide(platform: &Platform, world: &mut World, call: &Call, mut authorization: Authorization) -> Answer {
    let flow = authorization.flow;
    let mut consent = world.consent;
    let fault = world.faults.strike(Endpoint::Authorize);
    if let Some(answer) = fault.and_then(|fault| Answer::instead(fault, &note(flow))) {
        return answer;
    }
    match fault.and_then(Fault::twist) {
        Some(Twist::ErrorPage(code, text)) => {
            let problem = Problem::new("The emulator plays this error of Zoom's.", "Switch the fault off.");
            return Refusal::new(code, text, problem).answer(platform, call, note(flow));
        }
        Some(Twist::Deny) => consent = Consent::Deny,
        Some(Twist::StateMangled) => authorization.state = Some(entropy::base64url(43)),
        Some(Twist::StateDropped) => authorization.state = None,
        _ => {}
    }
    let already = world.installs.current.as_ref().filter(|install| install.marketplace);
    let already = already.and_then(|install| install.consented.clone());
    match (consent, already) {
        (Consent::Deny, _) => deny(&authorization, note(flow)),
        (_, Some(user)) => {
            let note = note(flow).says("The user has consented a moment ago, so Zoom does not ask again.");
            allow(world, &authorization, &user, platform.now(), note)
        }
        (Consent::Allow, None) => {
            let user = world.people.seated().id.clone();
            let note = note(flow).says("The user consents; the emulator is set to do so without asking.");
            allow(world, &authorization, &user, platform.now(), note)
        }
        (Consent::Ask, None) => ask(platform, world, authorization),
    }
}

fn ask(platform: &Platform, world: &mut World, authorization: Authorization) -> Answer {
    let note = note(authorization.flow).says("Zoom shows who asks for what, and waits for the user's decision.");
    let redirect_host = Url::parse(&authorization.redirect_uri)
        .map_or_else(|_| authorization.redirect_uri.clone(), |url| url.host_str().unwrap_or_default().to_owned());
    let page = ConsentPage {
        app_name: platform.config.app_name.clone(),
        request: world.installs.wait(authorization),
        redirect_host,
        scopes: platform.config.scopes.iter().map(|scope| ScopeLine::of(scope)).collect(),
        users: Choice::all(&world.people),
    };
    Answer::page(StatusCode::OK, render(&page), platform, note)
}

/// Sends the browser back with a code.
pub(super) fn allow(
    world: &mut World,
    authorization: &Authorization,
    user: &str,
    now: UnixMillis,
    note: Note,
) -> Answer {
    let flow = authorization.flow;
    let challenge = authorization.challenge.clone();
    let code = world.grants.issue_code(user, Some(&authorization.redirect_uri), challenge, (flow, now));
    world.installs.add(user);
    if let Some(install) = world.installs.current.as_mut().filter(|install| install.flow == flow) {
        install.consented = Some(user.into());
    }
    let stateless = authorization.state.is_none();
    let location = back(authorization, "code", &code);
    let arrow = format!("GET {}", location.path());
    Answer::redirect(&location, note).then(move |world, now| {
        let step = world.journal.add(callback(flow, stateless), arrow, now, Seen::default());
        if let Some(code) = world.grants.code_mut(&code) {
            code.callback = Some(step);
        }
        if let Some(install) = world.installs.current.as_mut().filter(|install| stateless && install.flow == flow) {
            install.stateless_callback = Some(step);
        }
    })
}

/// Sends the browser back with a refusal (RFC 6749 section 4.1.2.1).
pub(super) fn deny(authorization: &Authorization, note: Note) -> Answer {
    let flow = authorization.flow;
    let location = back(authorization, "error", "access_denied");
    let arrow = format!("GET {}", location.path());
    let note = note.says("The user declines. Zoom sends the browser back with error=access_denied.");
    Answer::redirect(&location, note).then(move |world, now| {
        let note = Note::new(flow, (Lane::Browser, Lane::Backend), "Back without a code", OAUTH)
            .says("The browser tells your backend that the user declined. Nothing was installed.");
        world.journal.add(note, arrow, now, Seen::default());
        world.end_install(flow);
    })
}

fn callback(flow: FlowId, stateless: bool) -> Note {
    let sentence = if stateless {
        "The browser brings a code without state: the user added the app in the Marketplace. A secure backend does not \
         exchange it, because anybody could have planted it; it begins an install of its own."
    } else {
        "The browser brings the code and the state to your backend, which compares the state with the one that it gave \
         this browser. The emulator sees that it arrived when your backend exchanges the code."
    };
    let note = Note::new(flow, (Lane::Browser, Lane::Backend), "Back with a code", OAUTH).says(sentence);
    Note { status: Status::Pending, ..note }
}

/// The redirect URI with one parameter, and the state if there was one.
fn back(authorization: &Authorization, name: &str, value: &str) -> Url {
    let mut url = Url::parse(&authorization.redirect_uri).expect("it equals a URL of the allow list");
    url.query_pairs_mut().append_pair(name, value);
    if let Some(state) = &authorization.state {
        url.query_pairs_mut().append_pair("state", state);
    }
    url
}
