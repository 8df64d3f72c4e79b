//! `POST /oauth/token`: codes and refresh tokens for tokens, with Zoom's own errors.

use http::StatusCode;
use serde_json::{Map, Value, json};
use stagedoor_protocol::time::UnixMillis;

use super::answer::Answer;
use super::call::{Call, Params};
use super::client_auth::is_app;
use crate::entropy;
use crate::fault::{Delivery, Effect, Endpoint, Fault, Twist};
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::{OAUTH, OAUTH_ERRORS};
use crate::world::grants::{Code, CodeRefusal, Pair};
use crate::world::journal::{Lane, Note, Problem};

pub(super) fn token(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    let (params, warning) = read(call);
    let note = arrive(&mut world, &params, now);
    let fault = world.faults.strike(Endpoint::Token);
    if let Some(answer) = fault.and_then(|fault| instead(fault, &params, &note)) {
        return answer;
    }
    let granted = exchange(platform, &mut world, call, &params);
    let mut granted = match granted {
        Ok(granted) => granted,
        Err(refusal) => return refusal.answer(note),
    };
    let delivery = fault.map_or(Delivery::Normal, |fault| twist(fault, &mut granted));
    let note = match (delivery, warning) {
        (Delivery::Normal, Some(warning)) => note.warned(warning),
        (Delivery::Normal, None) => note,
        _ => note
            .failed(Problem::new("The emulator spoils this answer: a fault is on.", "Your backend must cope with it.")),
    };
    Answer::json(StatusCode::OK, &Value::Object(granted), note).delivered(delivery)
}

/// The parameters: of the body, or by long practice of the query, which is not recommended.
fn read(call: &Call) -> (Params, Option<Problem>) {
    let query = call.query();
    if call.is_form() && !call.body.is_empty() {
        return (call.form(), None);
    }
    let problem = Problem::new(
        "The parameters are in the URL, where logs keep them.",
        "Send them as a form in the body; Zoom has refused them in the URL for some grants.",
    );
    (query, Some(problem))
}

/// What the request is for. A code that comes back shows that the callback arrived.
fn arrive(world: &mut World, params: &Params, now: UnixMillis) -> Note {
    let lanes = (Lane::Backend, Lane::Zoom);
    if params.get("grant_type") == Some("refresh_token") {
        let sentence =
            "Your backend exchanges its refresh token for new tokens. The old refresh token is dead from now on.";
        return Note::new(world.journal.calls(now), lanes, "New tokens for old", OAUTH).says(sentence);
    }
    let code = params.get("code").and_then(|code| world.grants.code_mut(code));
    let (flow, callback) = code.map_or((None, None), |code| (Some(code.flow), code.callback.take()));
    if let Some(step) = callback {
        world.journal.settle(step, None, now);
    }
    let flow = flow.unwrap_or_else(|| world.journal.calls(now));
    Note::new(flow, lanes, "Code for tokens", OAUTH).says(
        "Your backend exchanges the code for the user's tokens. The code works once, for five minutes, and only with the \
         verifier of the challenge that was sent before.",
    )
}

/// What a fault answers instead of doing anything.
fn instead(fault: &Fault, params: &Params, note: &Note) -> Option<Answer> {
    match fault.twist() {
        Some(Twist::EchoedCode) => {
            let reason = format!("Invalid authorization code {}", params.get("code").unwrap_or_default());
            Some(Refusal::new(&reason, "invalid_request", fault.problem()).answer(note.clone()))
        }
        _ => Answer::instead(fault, note),
    }
}

/// What a fault changes in a right answer, and how that arrives.
fn twist(fault: &Fault, granted: &mut Map<String, Value>) -> Delivery {
    match fault.effect {
        Effect::Delivered(delivery) => return delivery,
        Effect::Twisted(Twist::NoRefreshToken) => {
            granted.remove("refresh_token");
        }
        Effect::Twisted(Twist::NoScope) => {
            granted.remove("scope");
        }
        Effect::Twisted(Twist::ForeignApiUrl) => {
            granted.insert("api_url".into(), "https://api.evil.example".into());
        }
        _ => {}
    }
    Delivery::Normal
}

/// An error of the token endpoint: `{"reason","error"}`.
struct Refusal {
    body: Value,
    problem: Problem,
}

impl Refusal {
    fn new(reason: &str, error: &str, problem: Problem) -> Self {
        Self { body: json!({"reason": reason, "error": error}), problem }
    }

    fn code(sentence: &str, fix: &str) -> Self {
        Self::new("Invalid authorization code", "invalid_grant", Problem::new(sentence, fix))
    }

    /// Zoom answers 400 to everything here, wrong credentials included.
    fn answer(self, note: Note) -> Answer {
        let note = Note { docs: OAUTH_ERRORS, ..note }.failed(self.problem);
        Answer::json(StatusCode::BAD_REQUEST, &self.body, note)
    }
}

fn exchange(
    platform: &Platform,
    world: &mut World,
    call: &Call,
    params: &Params,
) -> Result<Map<String, Value>, Refusal> {
    let app = (&platform.config.client_id, platform.now());
    check_form(call, params)?;
    if !is_app(platform, call, params) {
        let problem = Problem::new(
            "The client id or the client secret is wrong, or missing.",
            "Send them with HTTP Basic: base64 of id:secret, with the values that the emulator was started with.",
        );
        let problem = problem.with_setting("zoom.client_secret");
        return Err(Refusal::new("Invalid client_id or client_secret", "invalid_client", problem));
    }
    match params.get("grant_type") {
        Some("authorization_code") => {
            let code = take_code(platform, world, params)?;
            let pair = world.grants.begin(&code, &platform.config.scopes, app);
            Ok(body(&pair, &platform.config.scopes, platform))
        }
        Some("refresh_token") => {
            let token = params.get("refresh_token").unwrap_or_default();
            let (pair, scopes) = world.grants.rotate(token, app).ok_or_else(dead_refresh_token)?;
            Ok(body(&pair, &scopes, platform))
        }
        _ => Err(unsupported("grant_type is not one that the emulator knows.")),
    }
}

/// A JSON body has no grant type for Zoom.
fn check_form(call: &Call, params: &Params) -> Result<(), Refusal> {
    if !call.body.is_empty() && !call.is_form() || params.is_empty() {
        return Err(unsupported("The body is not application/x-www-form-urlencoded."));
    }
    if let Some(name) = params.repeated() {
        let problem = Problem::new(format!("The parameter {name} is there twice."), "Send each parameter once.");
        return Err(Refusal::new("Invalid request", "invalid_request", problem));
    }
    Ok(())
}

fn unsupported(sentence: &str) -> Refusal {
    let fix = "Send a form with grant_type=authorization_code or grant_type=refresh_token.";
    Refusal::new("unsupported grant type", "unsupported_grant_type", Problem::new(sentence, fix))
}

fn dead_refresh_token() -> Refusal {
    let problem = Problem::new(
        "This refresh token is unknown, used already, or was ended by a newer authorization of the same user.",
        "Store the new refresh token of every answer before you use it; otherwise ask the user to install again.",
    );
    Refusal::new("Invalid Token!", "invalid_grant", problem)
}

fn take_code(platform: &Platform, world: &mut World, params: &Params) -> Result<Code, Refusal> {
    let now = platform.now();
    let code =
        world.grants.take_code(params.get("code").unwrap_or_default(), now).map_err(|refusal| match refusal {
            CodeRefusal::Unknown => {
                Refusal::code("Zoom does not know this code.", "Send the code of the redirect unchanged.")
            }
            CodeRefusal::Used => {
                Refusal::code("This code was used already.", "A code works once. Begin the install again.")
            }
            CodeRefusal::Expired => {
                Refusal::code("This code is more than five minutes old.", "Exchange a code as soon as it arrives.")
            }
        })?;
    check_redirect(platform, &code, params.get("redirect_uri"))?;
    check_verifier(&code, params.get("code_verifier"))?;
    Ok(code)
}

/// The redirect URI is the one of the authorize request; of a code from inside the client it may be left out, or be any
/// of the allow list.
fn check_redirect(platform: &Platform, code: &Code, given: Option<&str>) -> Result<(), Refusal> {
    let known = &platform.config.redirect_urls;
    let (fits, fix) = match (&code.redirect_uri, given) {
        (Some(asked), given) => (given == Some(asked), format!("Send redirect_uri={asked} again.")),
        (None, None) => (true, String::new()),
        (None, Some(given)) => (
            known.iter().any(|url| url.as_str() == given),
            "This code comes from inside the client: leave redirect_uri out, or send one of the allow list.".into(),
        ),
    };
    let problem = Problem::new("redirect_uri is not the one of the authorize request.", fix);
    let refusal = || Refusal::new("Redirect URI mismatch", "invalid_request", problem.with_setting("public_url"));
    if fits { Ok(()) } else { Err(refusal()) }
}

fn check_verifier(code: &Code, given: Option<&str>) -> Result<(), Refusal> {
    match (&code.challenge, given) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
        (Some(_), Some(_)) if code.redirect_uri.is_none() => Err(Refusal::code(
            "code_verifier is not the codeChallenge that authorize() got.",
            "Inside the client Zoom compares them as they are (plain): send the same value, not its SHA-256.",
        )),
        (Some(_), Some(_)) => Err(Refusal::code(
            "code_verifier does not fit the code_challenge of the authorize request.",
            "With S256 the challenge is base64url of the SHA-256 of the verifier, without padding.",
        )),
        (Some(_), None) => Err(Refusal::code(
            "code_verifier is missing, but the authorize request had a code_challenge.",
            "Send the verifier that the challenge was made from.",
        )),
        (None, Some(_)) => Err(Refusal::code(
            "There is a code_verifier, but the authorize request had no code_challenge.",
            "Somebody may have put a code of another request here (RFC 9700 section 2.1.1).",
        )),
    }
}

fn body(pair: &Pair, scopes: &[String], platform: &Platform) -> Map<String, Value> {
    let answer = json!({
        "access_token": pair.access.expose(),
        "token_type": "bearer",
        "refresh_token": pair.refresh.expose(),
        "expires_in": (pair.access_life_s - 1).max(1),
        "scope": scopes.join(" "),
        "api_url": platform.addresses.zoom,
    });
    let Value::Object(mut answer) = answer else { unreachable!("it is written as an object") };
    // Zoom adds members over time. A backend that fails because of one finds out here.
    if entropy::below(2) == 0 {
        answer.insert("emulator_extra".into(), json!({"note": "unknown members are to be ignored"}));
    }
    answer
}
