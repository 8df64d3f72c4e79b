//! The calls that change a setting.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ControlError;
use super::json::Body;
use super::state::snapshot;
use crate::clock::MAX_OFFSET_MS;
use crate::platform::Platform;
use crate::world::cookies::ThirdParty;
use crate::world::grants::ACCESS_LIFE_S;
use crate::world::limits::Plan;
use crate::world::people::{Person, Role, Typ};
use crate::world::{Consent, Sdk, World};

type Shared = State<Arc<Platform>>;
type Answered = Result<Json<Value>, ControlError>;

/// The longest name, address or topic, in characters.
const MAX_TEXT: usize = 200;
/// How many scopes a grant may have.
const MAX_SCOPES: usize = 100;

/// Changes the world, tells everybody, answers with the new state.
pub(super) fn change(platform: &Platform, change: impl FnOnce(&mut World) -> Result<(), ControlError>) -> Answered {
    let mut world = platform.world();
    change(&mut world)?;
    let state = snapshot(platform, &world);
    drop(world);
    platform.tell_state();
    Ok(Json(state))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seat {
    id: String,
}

pub(super) async fn user(State(platform): Shared, Body(seat): Body<Seat>) -> Answered {
    let unknown = || ControlError::not_found("There is no user with this id.");
    change(&platform, |world| world.people.seat(&seat.id).then_some(()).ok_or_else(unknown))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    name: String,
    email: Option<String>,
}

pub(super) async fn add_user(
    State(platform): Shared,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<Person>), ControlError> {
    check_text("name", &new.name)?;
    new.email.as_deref().map_or(Ok(()), |email| check_text("email", email))?;
    let person = platform.world().people.add(&new.name, new.email.as_deref());
    platform.tell_state();
    let person =
        person.ok_or_else(|| ControlError::new(StatusCode::CONFLICT, "There are too many users; reset first."))?;
    Ok((StatusCode::CREATED, Json(person)))
}

/// Whether a text is one that can be shown.
pub(super) fn check_text(name: &str, text: &str) -> Result<(), ControlError> {
    let fits = !text.trim().is_empty() && text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control);
    fits.then_some(())
        .ok_or_else(|| ControlError::bad(format!("{name} must have 1 to {MAX_TEXT} printable characters.")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    typ: Typ,
    role: Option<Role>,
    topic: Option<String>,
}

pub(super) async fn place(State(platform): Shared, Body(place): Body<Place>) -> Answered {
    place.topic.as_deref().map_or(Ok(()), |topic| check_text("topic", topic))?;
    change(&platform, |world| {
        let there = world.place.go(place.typ, place.role, place.topic);
        world.place = there.ok_or_else(|| ControlError::bad("Nobody has this role there."))?;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentMode {
    mode: Consent,
}

pub(super) async fn consent(State(platform): Shared, Body(consent): Body<ConsentMode>) -> Answered {
    change(&platform, |world| {
        world.consent = consent.mode;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SdkMode {
    mode: Sdk,
}

pub(super) async fn sdk(State(platform): Shared, Body(sdk): Body<SdkMode>) -> Answered {
    change(&platform, |world| {
        world.sdk = sdk.mode;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cookies {
    third_party: ThirdParty,
}

pub(super) async fn cookies(State(platform): Shared, Body(cookies): Body<Cookies>) -> Answered {
    change(&platform, |world| {
        world.frame_cookies.third_party = cookies.third_party;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockMove {
    offset_ms: Option<i64>,
    advance_ms: Option<i64>,
}

pub(super) async fn clock(State(platform): Shared, Body(moved): Body<ClockMove>) -> Answered {
    let offset = match (moved.offset_ms, moved.advance_ms) {
        (Some(offset), None) => offset,
        (None, Some(advance)) => platform.clock.offset().saturating_add(advance),
        _ => return Err(ControlError::bad("Send either offset_ms or advance_ms.")),
    };
    if !(-MAX_OFFSET_MS..=MAX_OFFSET_MS).contains(&offset) {
        return Err(ControlError::bad("The clock can be moved by a hundred years at most."));
    }
    platform.clock.set_offset(offset);
    platform.post.wake();
    change(&platform, |_| Ok(()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tokens {
    access_seconds: i64,
}

pub(super) async fn tokens(State(platform): Shared, Body(tokens): Body<Tokens>) -> Answered {
    if !(1..=ACCESS_LIFE_S).contains(&tokens.access_seconds) {
        return Err(ControlError::bad(format!("An access token lives 1 to {ACCESS_LIFE_S} seconds.")));
    }
    change(&platform, |world| {
        world.grants.access_life_s = tokens.access_seconds;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scopes {
    user: Option<String>,
    scopes: Vec<String>,
}

/// The scopes of a live grant: what was taken from it is missing at once, from the tokens that are out, too.
pub(super) async fn scopes(State(platform): Shared, Body(given): Body<Scopes>) -> Answered {
    if given.scopes.len() > MAX_SCOPES {
        return Err(ControlError::bad(format!("A grant has at most {MAX_SCOPES} scopes.")));
    }
    given.scopes.iter().try_for_each(|scope| check_text("a scope", scope))?;
    change(&platform, |world| {
        let user = given.user.unwrap_or_else(|| world.people.seated().id.clone());
        let grant = world.grants.of_mut(&user);
        grant.ok_or_else(|| ControlError::not_found("This user has no grant."))?.scopes = given.scopes;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limited {
    plan: Plan,
}

pub(super) async fn limits(State(platform): Shared, Body(limited): Body<Limited>) -> Answered {
    change(&platform, |world| {
        world.limits.plan = limited.plan;
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn reset(State(platform): Shared, Body(Nothing {}): Body<Nothing>) -> Answered {
    platform.clock.set_offset(0);
    let answer = change(&platform, |world| {
        world.reset(&platform.config, platform.now());
        Ok(())
    });
    platform.post.wake();
    answer
}

/// The answer to calls that only do something.
pub(super) fn done() -> Json<Value> {
    Json(json!({"ok": true}))
}
