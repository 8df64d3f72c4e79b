//! `GET /v2/users/me`: who the user is.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bearer::{Caller, caller};
use super::call::Call;
use crate::fault::Endpoint;
use crate::platform::Platform;
use crate::world::docs::USERS_API;
use crate::world::journal::{Lane, Note};
use crate::world::people::Person;

pub(super) fn me(platform: &Platform, call: &Call) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    let caller = caller(&world, call, now);
    let flow = world.flow_of_call(caller.as_ref().ok().map(|caller| caller.flow), now);
    let note = Note::new(flow, (Lane::Backend, Lane::Zoom), "Whose tokens are these?", USERS_API).says(
        "Your backend asks who the user is. The id is the same as uid in the app context: it ties both together.",
    );
    if let Some(answer) = world.faults.strike(Endpoint::Me).and_then(|fault| Answer::instead(fault, &note)) {
        return answer;
    }
    let allowed = |caller: Caller| caller.needs(&["user:read:user", "user:read"]).map(|()| caller);
    match caller.and_then(allowed) {
        Ok(caller) => {
            let person = world.people.find(&caller.user).expect("grants are made for known people only");
            Answer::json(StatusCode::OK, &profile(person), note)
        }
        Err(error) => error.answer(note),
    }
}

fn profile(person: &Person) -> Value {
    let (first, last) = person.name.split_once(' ').unwrap_or((&person.name, ""));
    json!({
        "id": person.id,
        "first_name": first,
        "last_name": last,
        "display_name": person.name,
        "email": person.email,
        "type": 1,
        "role_name": "Member",
        "pmi": 3_141_592_653_u64,
        "timezone": "Europe/London",
        "verified": 1,
        "dept": "",
        "created_at": "2024-01-15T09:30:00Z",
        "language": "en-GB",
        "account_id": person.account_id(),
        "account_number": 10_009_242,
        "status": "active",
        "jid": format!("{}@xmpp.zoom.us", person.id.to_lowercase()),
        "cluster": "us04",
        "user_created_at": "2024-01-15T09:30:00Z",
    })
}
