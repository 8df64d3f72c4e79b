//! Zoom's side: one file for each endpoint. An endpoint is a function from the platform and a call to an answer; reading
//! the request, writing the step down and delivering the answer happen here, once.

mod answer;
mod authorize;
mod bearer;
mod call;
mod client_auth;
mod consent;
mod deeplink;
pub(crate) mod launch;
mod me;
mod meetings;
pub(crate) mod pages;
pub(crate) mod policy;
mod revoke;
pub(crate) mod site;
mod token;
mod unknown;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderValue, StatusCode};

pub(crate) use self::answer::{Answer, hang};
pub(crate) use self::call::{Call, Params, Side};
use crate::guard::{Names, only_ours};
use crate::platform::Platform;
use crate::redact;
use crate::world::journal::{Asked, Seen};
use crate::{control, entropy};

/// The longest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// What answers a call.
pub(crate) type Answers = fn(&Platform, &Call) -> Answer;

/// The first listener: Zoom's endpoints, the page, and control for the page.
pub(crate) fn router(platform: &Arc<Platform>) -> Router {
    let names = Names::of(&platform.addresses.zoom);
    let on = |endpoint: Answers| {
        move |State(platform): State<Arc<Platform>>, request: Request| serve(platform, Side::Zoom, endpoint, request)
    };
    let zoom = Router::new()
        .route("/oauth/authorize", get(on(authorize::authorize)))
        .route("/oauth/consent", post(on(consent::consent)))
        .route("/oauth/token", post(on(token::token)).fallback(on(unknown::only_post)))
        .route("/oauth/revoke", post(on(revoke::revoke)).fallback(on(unknown::only_post)))
        .route("/v2/users/me", get(on(me::me)).fallback(on(unknown::unknown)))
        .route(
            "/v2/users/me/meetings",
            get(on(meetings::list)).post(on(meetings::schedule)).fallback(on(unknown::unknown)),
        )
        .route("/v2/meetings/{meeting}", get(on(meetings::read)).fallback(on(unknown::unknown)))
        .route("/v2/zoomapp/deeplink", post(on(deeplink::deeplink)).fallback(on(unknown::unknown)))
        .route("/v2/zoomapp/deeplink/", post(on(deeplink::deeplink)).fallback(on(unknown::unknown)))
        .route("/v2/{*call}", any(on(unknown::unknown)))
        .route("/launch/chatapp/{token}", get(on(launch::launch)))
        .layer(map_response(track));
    zoom.fallback(site::file)
        .with_state(Arc::clone(platform))
        .nest("/control", control::for_page(platform, &names))
        .layer(from_fn_with_state(names, only_ours))
}

/// Zoom's answers carry a tracking id, which its support asks for.
async fn track(mut response: Response) -> Response {
    let id = format!("v=2.0;clid=us04;rid=WEB_{}", entropy::hex());
    response.headers_mut().insert("x-zm-trackingid", HeaderValue::try_from(id).expect("it is visible ASCII"));
    response
}

/// Reads a request, answers it and writes the step down.
pub(crate) async fn serve(platform: Arc<Platform>, side: Side, endpoint: Answers, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 64 KiB or did not arrive.").into_response();
    };
    let call = Call::new(parts, body, side);
    let mut answer = endpoint(&platform, &call);
    record(&platform, &call, &mut answer, started);
    answer.deliver(&platform).await
}

/// Writes down what was asked and answered, then what follows from it.
fn record(platform: &Platform, call: &Call, answer: &mut Answer, started: Instant) {
    let (request, shown) = redact::exchange(platform, call, answer);
    let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let unanswered = answer.delivery == crate::fault::Delivery::Hang;
    let status = answer.status.as_u16();
    let now = platform.now();
    let mut world = platform.world();
    world.journal.asked(Asked { at_ms: now, request: request.clone(), status });
    let arrow = format!("{} {}", call.method, redact::path(call.uri.path()));
    let seen = Seen {
        took_ms: (!unanswered).then_some(took_ms),
        http: (!unanswered).then_some(status),
        request: Some(request),
        answer: shown.filter(|_| !unanswered),
    };
    world.journal.add(answer.note.clone(), arrow, now, seen);
    if let Some(after) = answer.take_after() {
        after(&mut world, now);
    }
    drop(world);
    platform.tell_state();
}
