//! The user's meetings: `GET` and `POST /v2/users/me/meetings`, `GET /v2/meetings/{meetingId}`.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use stagedoor_protocol::time::UnixMillis;

use super::answer::Answer;
use super::bearer::{ApiError, Caller, caller};
use super::call::Call;
use crate::entropy;
use crate::fault::{Delivery, Effect, Endpoint, Fault, Twist};
use crate::platform::Platform;
use crate::world::World;
use crate::world::docs::{MEETINGS_API, RATE_LIMITS};
use crate::world::journal::{Lane, Note, Problem};
use crate::world::limits::{CHANGES_A_DAY, Counted, Limit, Weight, instant, midnight};
use crate::world::meetings::{Meeting, Plan};
use crate::world::people::Person;

/// What a call is for, what it costs and what it needs.
struct Operation {
    title: &'static str,
    sentence: &'static str,
    weight: Weight,
    scopes: &'static [&'static str],
    act: fn(&mut World, &Call, &Caller, &Platform) -> Done,
}

/// What a call comes to.
type Done = Result<(StatusCode, Value), Refused>;

/// Why a call is not answered with what it asks for.
enum Refused {
    Api(ApiError),
    Limit(Counted),
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

const LIST: Operation = Operation {
    title: "List meetings",
    sentence: "Your backend asks for the user's meetings. A long list comes in pages.",
    weight: Weight::Medium,
    scopes: &["meeting:read:list_meetings", "meeting:read"],
    act: page,
};

const SCHEDULE: Operation = Operation {
    title: "Schedule a meeting",
    sentence: "Your backend schedules a meeting for the user, who can do so a hundred times a day.",
    weight: Weight::Light,
    scopes: &["meeting:write:meeting", "meeting:write"],
    act: create,
};

const READ: Operation = Operation {
    title: "Read a meeting",
    sentence: "Your backend asks for one meeting, by its number or its UUID.",
    weight: Weight::Light,
    scopes: &["meeting:read:meeting", "meeting:read"],
    act: show,
};

pub(super) fn list(platform: &Platform, call: &Call) -> Answer {
    serve(platform, call, &LIST)
}

pub(super) fn schedule(platform: &Platform, call: &Call) -> Answer {
    serve(platform, call, &SCHEDULE)
}

pub(super) fn read(platform: &Platform, call: &Call) -> Answer {
    serve(platform, call, &READ)
}

fn serve(platform: &Platform, call: &Call, operation: &Operation) -> Answer {
    let now = platform.now();
    let mut world = platform.world();
    let caller = caller(&world, call, now);
    let flow = world.flow_of_call(caller.as_ref().ok().map(|caller| caller.flow), now);
    let note = Note::new(flow, (Lane::Backend, Lane::Zoom), operation.title, MEETINGS_API).says(operation.sentence);
    let fault = world.faults.strike(Endpoint::Api);
    if let Some(answer) = fault.and_then(|fault| instead(fault, &note, now)) {
        return answer;
    }
    let delivery = match fault.map(|fault| fault.effect) {
        Some(Effect::Delivered(delivery)) => delivery,
        _ => Delivery::Normal,
    };
    let allowed = caller.and_then(|caller| caller.needs(operation.scopes).map(|()| caller)).map_err(Refused::Api);
    let done = allowed.and_then(|caller| {
        let account = world.people.find(&caller.user).map(|person| person.account.clone()).unwrap_or_default();
        let counted = world.limits.count(&account, operation.weight, now).map_err(Refused::Limit)?;
        (operation.act)(&mut world, call, &caller, platform).map(|done| (done, counted))
    });
    match done {
        Ok(((status, body), counted)) => {
            let mut answer = Answer::json(status, &body, note).delivered(delivery);
            tell(&mut answer.headers, counted);
            answer
        }
        Err(Refused::Api(error)) => error.answer(note),
        Err(Refused::Limit(counted)) => limited(counted, note, now),
    }
}

fn instead(fault: &Fault, note: &Note, now: UnixMillis) -> Option<Answer> {
    match fault.twist() {
        Some(Twist::DailyLimit) => Some(limited(Counted::day_is_over(), note.clone(), now)),
        _ => Answer::instead(fault, note),
    }
}

/// Too many requests, with how long to wait: a second, or until midnight.
fn limited(counted: Counted, note: Note, now: UnixMillis) -> Answer {
    let message = match counted.limit {
        Limit::Second => "You have reached the maximum per-second rate limit for this API. Try again later.".into(),
        Limit::Day => "You have reached the maximum daily rate limit for this API. Refer to the response header for \
                       details on when you can make another request."
            .into(),
        Limit::Changes => format!(
            "You have exceeded the daily rate limit ({CHANGES_A_DAY}) of Meeting Create/Update API requests permitted \
             for this particular user. You may resume these requests at GMT 00:00:00."
        ),
    };
    let problem = Problem::new(
        "That was one call too many: limits count for the whole account, for all its apps.",
        "Wait for as long as Retry-After says, ask for less, or use webhooks instead of asking again and again.",
    );
    let note = Note { docs: RATE_LIMITS, ..note }.failed(problem);
    let mut answer = Answer::json(StatusCode::TOO_MANY_REQUESTS, &json!({"code": 429, "message": message}), note);
    tell(&mut answer.headers, counted);
    let wait = if counted.limit == Limit::Second { "1".into() } else { midnight(now) };
    answer.headers.insert(RETRY_AFTER, value(wait));
    answer
}

/// What Zoom says of its limits on every answer.
fn tell(headers: &mut HeaderMap, counted: Counted) {
    let category = if counted.weight == Weight::Light { "Light" } else { "Medium" };
    let kind = if counted.limit == Limit::Second { "Per-second-limit" } else { "Daily-limit" };
    for (name, text) in [
        ("x-ratelimit-category", category.to_owned()),
        ("x-ratelimit-type", kind.to_owned()),
        ("x-ratelimit-limit", counted.of.to_string()),
        ("x-ratelimit-remaining", counted.left.to_string()),
    ] {
        headers.insert(HeaderName::from_static(name), value(text));
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers, words and instants are visible ASCII")
}

fn page(world: &mut World, call: &Call, caller: &Caller, platform: &Platform) -> Done {
    let query = call.query();
    let size = match query.get("page_size").map(str::parse) {
        None => 30,
        Some(Ok(size @ 1..=300)) => size,
        Some(_) => return Err(ApiError::invalid("page_size", "It is a number from 1 to 300; 30 if left out.").into()),
    };
    let page = world.meetings.page(&caller.user, size, query.get("next_page_token"), platform.now());
    let page = page.ok_or_else(|| {
        let problem = Problem::new(
            "Zoom does not know this next_page_token: it is another user's, or more than fifteen minutes old.",
            "Send the token of the last answer with the same user's token, or begin at the first page.",
        );
        ApiError::bad_request(300, "The next page token is invalid or expired.", problem)
    })?;
    let host = world.people.find(&caller.user).expect("grants are made for known people only");
    let meetings: Vec<_> = page.meetings.iter().map(|meeting| listed(meeting, host, platform)).collect();
    let body = json!({
        "page_size": size,
        "total_records": page.total,
        "next_page_token": page.next.unwrap_or_default(),
        "meetings": meetings,
    });
    Ok((StatusCode::OK, body))
}

fn create(world: &mut World, call: &Call, caller: &Caller, platform: &Platform) -> Done {
    let plan = read_plan(call, platform.now())?;
    world.limits.count_change(&caller.user, platform.now()).map_err(Refused::Limit)?;
    let meeting = world.meetings.schedule(&caller.user, plan, platform.now());
    let host = world.people.find(&caller.user).expect("grants are made for known people only");
    Ok((StatusCode::CREATED, whole(&meeting, host, platform)))
}

fn show(world: &mut World, call: &Call, caller: &Caller, platform: &Platform) -> Done {
    let name = meeting_name(call.uri.path()).ok_or_else(unrecognised)?;
    let Some(meeting) = world.meetings.find(&caller.user, &name, platform.now()) else {
        let problem = Problem::new(
            "The user has no meeting of this number or UUID.",
            "Encode a UUID that begins with / or holds // twice; ask with the token of the meeting's host.",
        );
        let message = format!("Meeting does not exist: {name}.");
        let error = ApiError { status: StatusCode::NOT_FOUND, ..ApiError::bad_request(3001, message, problem) };
        return Err(error.into());
    };
    let host = world.people.find(&caller.user).expect("grants are made for known people only");
    Ok((StatusCode::OK, whole(&meeting, host, platform)))
}

/// The last segment, decoded as Zoom does: once on the way in, where a slash would be one of the path, and once more for
/// ids that were encoded twice.
fn meeting_name(path: &str) -> Option<String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    let once = decode(path.rsplit('/').next()?)?;
    if once.contains('/') { None } else { decode(&once) }
}

fn unrecognised() -> ApiError {
    let problem = Problem::new(
        "The UUID holds a slash that is encoded once, so Zoom sees another path.",
        "Encode a UUID that begins with / or holds // twice.",
    );
    let message = "This API endpoint is not recognized.";
    ApiError { status: StatusCode::NOT_FOUND, ..ApiError::bad_request(2300, message, problem) }
}

fn read_plan(call: &Call, now: UnixMillis) -> Result<Plan, ApiError> {
    let body: Option<Map<String, Value>> = serde_json::from_slice(&call.body).ok();
    let Some(body) = body.filter(|_| call.is_json()) else {
        let fix = "Send content-type: application/json and a body such as {\"topic\":\"Standup\",\"type\":2}.";
        let problem = Problem::new("The body is not a JSON object.", fix);
        return Err(ApiError::bad_request(300, "Request Body should be a valid JSON object.", problem));
    };
    let text = |name: &'static str, limit: usize| match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= limit => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::invalid(name, "It is a text of a limited length.")),
    };
    let start = match text("start_time", 40)?.map(|start| start.parse::<Timestamp>()) {
        None => now,
        Some(Ok(start)) => UnixMillis(start.as_millisecond()),
        Some(Err(_)) => return Err(ApiError::invalid("start_time", "Write it as 2026-11-23T09:00:00Z.")),
    };
    let minutes = match body.get("duration").map(|minutes| minutes.as_u64().and_then(|it| u32::try_from(it).ok())) {
        None => 60,
        Some(Some(minutes @ 1..=1440)) => minutes,
        Some(_) => return Err(ApiError::invalid("duration", "It is a number of minutes, at most a day.")),
    };
    if body.get("type").is_some_and(|kind| !matches!(kind.as_i64(), Some(1 | 2))) {
        return Err(ApiError::invalid("type", "The emulator plays 1 (instant) and 2 (scheduled)."));
    }
    let topic = text("topic", 200)?.unwrap_or_else(|| "Zoom Meeting".into());
    Ok(Plan { topic, agenda: text("agenda", 2000)?.unwrap_or_default(), start, minutes })
}

/// A meeting in a list.
fn listed(meeting: &Meeting, host: &Person, platform: &Platform) -> Value {
    json!({
        "id": meeting.id,
        "uuid": meeting.uuid,
        "host_id": host.id,
        "topic": meeting.topic,
        "agenda": meeting.agenda,
        "type": 2,
        "start_time": instant(meeting.start),
        "duration": meeting.minutes,
        "timezone": "Europe/London",
        "created_at": instant(meeting.created),
        "join_url": format!("{}/j/{}", platform.addresses.zoom, meeting.id),
    })
}

/// A meeting with everything. `start_url` lets whoever has it start the meeting as its host.
fn whole(meeting: &Meeting, host: &Person, platform: &Platform) -> Value {
    let mut whole = listed(meeting, host, platform);
    let zak = entropy::base64url(200);
    whole["host_email"] = host.email.as_str().into();
    whole["status"] = "waiting".into();
    whole["start_url"] = format!("{}/s/{}?zak={zak}", platform.addresses.zoom, meeting.id).into();
    whole["settings"] = json!({"host_video": true, "waiting_room": false});
    whole
}
