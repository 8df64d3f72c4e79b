//! `GET /authorize`: checks what the backend asks for, and lets the user sign in.

use http::StatusCode;
use url::Url;

use super::{Ploy, back, instead, issuer, ploy};
use crate::platform::Platform;
use crate::world::docs::ARCHITECTURE;
use crate::world::journal::{FlowId, Lane, Note, Problem, Seen, Status};
use crate::world::provider::{Account, Ask};
use crate::world::{Consent, World};
use crate::zoom::pages::{Notice, ProviderPage, render};
use crate::zoom::{Answer, Call, Params};

/// The scopes that the provider knows.
pub(super) const SCOPES: [&str; 5] = ["openid", "email", "profile", "notes", "offline_access"];

/// How long a code usually is, in characters.
const CODE: usize = 64;

pub(super) fn authorize(platform: &Platform, call: &Call) -> Answer {
    let params = call.query();
    let mut world = platform.world();
    let flow = world.connecting(params.get("state").unwrap_or_default(), platform.now());
    let note = note(flow);
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    let redirect_uri = match known(platform, &params) {
        Ok(redirect_uri) => redirect_uri,
        Err(problem) => {
            let page = Notice::new("Acme cannot sign you in", &*problem.sentence, &problem.fix, "400");
            return Answer::page(StatusCode::BAD_REQUEST, render(&page), platform, note.failed(problem));
        }
    };
    match read(&params, &redirect_uri, flow) {
        Ok(ask) => decide(platform, &mut world, ask),
        Err((error, problem)) => {
            let state = params.get("state").map(|state| ("state", state));
            let pairs: Vec<_> = [("error", error)].into_iter().chain(state).collect();
            Answer::redirect(&back(&redirect_uri, &pairs, Some(issuer(platform))), note.failed(problem))
        }
    }
}

pub(super) fn note(flow: FlowId) -> Note {
    Note::new(flow, (Lane::Browser, Lane::Provider), "Sign in and consent", ARCHITECTURE).says(
        "The external browser is at the third party. It knows nothing of the session in the Zoom client, and the third \
         party refuses embedded browsers.",
    )
}

/// Nobody is sent anywhere before client and redirect URI are known (RFC 6749 section 4.1.2.1).
fn known(platform: &Platform, params: &Params) -> Result<Url, Problem> {
    let config = &platform.config.provider;
    if let Some(name) = params.repeated() {
        return Err(Problem::new(format!("The parameter {name} is there twice."), "Send each parameter once."));
    }
    if params.get("client_id") != Some(config.client_id.as_str()) {
        let fix = "Take the client id that the emulator was started with.";
        return Err(Problem::new("client_id is not one that Acme knows.", fix).with_setting("connect.client_id"));
    }
    let given = params.get("redirect_uri").unwrap_or_default();
    if config.redirect_url.as_str() != given {
        let fix = format!("Send exactly {}.", config.redirect_url);
        return Err(Problem::new("redirect_uri is not the registered one.", fix).with_setting("public_url"));
    }
    Ok(config.redirect_url.clone())
}

fn read(params: &Params, redirect_uri: &Url, flow: FlowId) -> Result<Ask, (&'static str, Problem)> {
    let refuse = |error, sentence: &str, fix: &str| Err((error, Problem::new(sentence, fix)));
    if params.get("response_type") != Some("code") {
        return refuse("unsupported_response_type", "response_type is not code.", "Send response_type=code.");
    }
    let Some(state) = params.get("state") else {
        return refuse("invalid_request", "There is no state.", "Send a new state with each request.");
    };
    let challenge = params.get("code_challenge").filter(|challenge| challenge.len() == 43);
    let (Some(challenge), Some("S256")) = (challenge, params.get("code_challenge_method")) else {
        return refuse("invalid_request", "There is no S256 challenge.", "Send PKCE with code_challenge_method=S256.");
    };
    let scopes: Vec<_> = params.get("scope").unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()).collect();
    if scopes.iter().any(|scope| !SCOPES.contains(scope)) {
        return refuse("invalid_scope", "A scope is none of Acme's.", &format!("Ask for {}.", SCOPES.join(", ")));
    }
    Ok(Ask {
        redirect_uri: redirect_uri.clone(),
        state: state.into(),
        challenge: challenge.into(),
        nonce: params.get("nonce").map(Into::into),
        scopes: scopes.into_iter().map(Into::into).collect(),
        flow,
    })
}

fn decide(platform: &Platform, world: &mut World, ask: Ask) -> Answer {
    match world.consent {
        Consent::Deny => deny(platform, world, &ask),
        Consent::Allow => {
            let account = Account::of_seat(&world.people);
            allow(platform, world, &ask, account)
        }
        Consent::Ask => {
            let note = note(ask.flow);
            let page = ProviderPage {
                app_name: platform.config.app_name.clone(),
                scopes: ask.scopes.clone(),
                accounts: Account::ALL,
                selected: Account::of_seat(&world.people).subject,
                request: world.provider.wait(ask),
            };
            Answer::page(StatusCode::OK, render(&page), platform, note)
        }
    }
}

/// Sends the browser back with a code.
pub(super) fn allow(platform: &Platform, world: &mut World, ask: &Ask, account: &'static Account) -> Answer {
    let length = match ploy(world, |ploy| matches!(ploy, Ploy::Code(_))) {
        Some(Ploy::Code(length)) => length,
        _ => CODE,
    };
    let code = world.provider.issue(ask, account, length, platform.now());
    let named = match ploy(world, |ploy| matches!(ploy, Ploy::ResponseIssuer(_))) {
        Some(Ploy::ResponseIssuer(other)) => other,
        _ => Some(issuer(platform)),
    };
    let location = back(&ask.redirect_uri, &[("code", &code), ("state", &ask.state)], named);
    let note = note(ask.flow).says(format!("The user signs in at the third party as {} and consents.", account.email));
    come_back(ask, &location, note, callback(ask.flow))
}

/// Sends the browser back without one.
pub(super) fn deny(platform: &Platform, world: &mut World, ask: &Ask) -> Answer {
    let scripted = ploy(world, |ploy| ploy == Ploy::ScriptedRefusal).is_some();
    let description = if scripted { "<script>alert(document.domain)</script>" } else { "The user said no." };
    let pairs = [("error", "access_denied"), ("error_description", description), ("state", &ask.state)];
    let location = back(&ask.redirect_uri, &pairs, Some(issuer(platform)));
    let without = Note::new(ask.flow, (Lane::Browser, Lane::Backend), "Back without a code", ARCHITECTURE)
        .says("The browser tells your backend that the user declined. Nothing is connected.");
    come_back(ask, &location, note(ask.flow).says("The user declines at the third party."), without)
}

fn come_back(ask: &Ask, location: &Url, note: Note, returned: Note) -> Answer {
    let arrow = format!("GET {}", location.path());
    let state = ask.state.clone();
    Answer::redirect(location, note).then(move |world, now| {
        let is_awaited = returned.status == Status::Pending;
        let step = world.journal.add(returned, arrow, now, Seen::default());
        world.connects.returned(&state, is_awaited.then_some(step));
    })
}

fn callback(flow: FlowId) -> Note {
    let note = Note::new(flow, (Lane::Browser, Lane::Backend), "Back with a code", ARCHITECTURE).says(
        "The browser brings the code and the state. Anybody could have put them there, so your backend does not exchange \
         the code: it keeps it under the state. The emulator sees that it arrived when your backend asks for a deep link.",
    );
    Note { status: Status::Pending, ..note }
}
