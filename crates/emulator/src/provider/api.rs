//! What the provider is for: a few notes of each account, behind an access token.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::instead;
use super::refusal::Refusal;
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::OPENID;
use crate::world::journal::{Lane, Note};
use crate::world::provider::Account;
use crate::zoom::{Answer, Call};

/// The longest note, in characters.
const MAX_NOTE: usize = 500;

pub(super) fn userinfo(platform: &Platform, call: &Call) -> Answer {
    let mut world = platform.world();
    let note = arrive(&mut world, platform, "Who is the user?");
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    match caller(&world, platform, call, "openid") {
        Ok(account) => {
            let info = json!({"sub": account.subject, "name": account.name, "email": account.email});
            Answer::json(StatusCode::OK, &info, note)
        }
        Err(refusal) => refusal.answer(note),
    }
}

/// `GET` and `POST /api/notes`.
pub(super) fn notes(platform: &Platform, call: &Call) -> Answer {
    let mut world = platform.world();
    let note = arrive(&mut world, platform, "Call the third party");
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    let account = match caller(&world, platform, call, "notes") {
        Ok(account) => account,
        Err(refusal) => return refusal.answer(note),
    };
    if call.uri.path() != "/api/notes" {
        return Refusal::new(StatusCode::NOT_FOUND, "not_found", "Acme has no such call.", "Call /api/notes.")
            .answer(note);
    }
    let status = match (&call.method, read(call)) {
        (&Method::GET, _) => StatusCode::OK,
        (&Method::POST, Some(text)) => {
            world.provider.add_note(account, text);
            StatusCode::CREATED
        }
        _ => {
            let fix = "GET the notes, or POST {\"text\": \"…\"}.";
            return Refusal::new(StatusCode::BAD_REQUEST, "bad_request", "Acme does not understand.", fix).answer(note);
        }
    };
    Answer::json(status, &json!({"notes": world.provider.notes(account)}), note)
}

fn arrive(world: &mut World, platform: &Platform, title: &'static str) -> Note {
    let flow = world.journal.provider_calls(platform.now());
    Note::new(flow, (Lane::Backend, Lane::Provider), title, OPENID)
        .says("Your backend calls the third party with the user's token. The page that asked never sees the token.")
}

fn caller(world: &World, platform: &Platform, call: &Call, scope: &str) -> Result<&'static Account, Refusal> {
    let token = call.authorization("Bearer").unwrap_or_default();
    let Some((account, scopes)) = world.provider.owner(token, platform.now()) else {
        let fix = "Send a live token as Authorization: Bearer; refresh it when it has expired.";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", "The access token is not good.", fix));
    };
    if scopes.iter().any(|granted| granted == scope) {
        return Ok(account);
    }
    let fix = "Ask for the scope when you connect.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "insufficient_scope", "The token lacks a scope.", fix))
}

fn read(call: &Call) -> Option<String> {
    let body: Value = serde_json::from_slice(&call.body).ok()?;
    let text = body.get("text")?.as_str()?.trim();
    let fits = (1..=MAX_NOTE).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}
