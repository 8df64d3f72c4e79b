//! What happened: steps, requests, and events as they come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio_stream::wrappers::BroadcastStream;

use super::settings::done;
use super::state::shown;
use crate::platform::Platform;
use crate::world::event::Event;

type Shared = State<Arc<Platform>>;

pub(super) async fn steps(State(platform): Shared) -> Json<Value> {
    Json(json!(platform.world().journal.steps()))
}

pub(super) async fn forget_steps(State(platform): Shared) -> Json<Value> {
    platform.world().journal.forget_steps();
    platform.tell_reset();
    done()
}

pub(super) async fn requests(State(platform): Shared) -> Json<Value> {
    Json(json!(platform.world().journal.requests()))
}

pub(super) async fn forget_requests(State(platform): Shared) -> Json<Value> {
    platform.world().journal.forget_requests();
    done()
}

/// Events as they come, beginning with the whole state. A watcher that lags too far behind is cut off; it connects again
/// and begins anew.
pub(super) async fn watch(State(platform): Shared) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    // Under one lock: no event that comes after the state is older than it.
    let world = platform.world();
    let watcher = platform.events.watch();
    let first = Event::new("state", &shown(&platform, &world));
    drop(world);
    let later = BroadcastStream::new(watcher)
        .take_while(|event| std::future::ready(event.is_ok()))
        .filter_map(|event| std::future::ready(event.ok()));
    let events = stream::iter([first]).chain(later).take_until(platform.stopping.clone().cancelled_owned());
    let events = events.map(|event| Ok(sse::Event::default().event(event.name).data(event.data)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
