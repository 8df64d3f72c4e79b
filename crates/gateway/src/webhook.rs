//! `/webhook`: what Zoom says happened.
//!
//! Zoom waits three seconds and comes again after a 5xx or no answer, but never after a 4xx. So whatever is our own
//! trouble is a 503 in time, and nothing is acknowledged before it is stored.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use stagedoor_flows::fault::Classified as _;
use stagedoor_flows::session::Sessions;
use stagedoor_flows::webhook::{Accepted, Archive, Delivery, Dropped, Feed, Subject, WebhookError, Webhooks};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::body;
use crate::headers::NO_STORE;
use crate::notice::Notice;
use crate::origin::Origin;
use crate::route::Route;
use crate::routes::{Handlers, get_only, post_only};
use crate::server::Stop;

mod deliveries;
mod gauges;
mod streams;

pub(crate) use gauges::Gauges;

use deliveries::Deliveries;
use streams::{Broadcast, Places, Streams, listen};

/// The flows of webhooks.
pub struct WebhookFlows {
    /// Takes them in.
    pub webhooks: Webhooks,
    /// Delivers what was taken in.
    pub delivery: Delivery,
    /// Keeps what is not forwarded, and dead letters.
    pub archive: Archive,
    /// What pages may hear, where nothing is forwarded.
    pub feed: Option<Feed>,
}

/// The longest body, in bytes. Zoom's have some thousands.
const MAX_BODY: usize = 1024 * 1024;

/// How long an answer may take. Zoom waits three seconds.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// How many subjects may wait to be delivered at once. What is beyond is found by the next look at the inbox.
const AWAKE: usize = 1_024;

/// What runs beside the requests.
pub(crate) struct Background {
    deliveries: Deliveries,
    woken: mpsc::Receiver<Subject>,
    broadcast: Option<Broadcast>,
    stopping: CancellationToken,
}

/// The routes, and what runs beside them.
pub(crate) fn part(
    flows: WebhookFlows,
    sessions: &Sessions,
    origin: Origin,
    gauges: &Gauges,
    stop: &Stop,
) -> (Handlers, Background) {
    let WebhookFlows { webhooks, delivery, archive, feed } = flows;
    let (awake, woken) = mpsc::channel(AWAKE);
    let receiver = Arc::new(Receiver { webhooks, awake, gauges: gauges.clone() });
    let mut handlers = vec![(Route::Webhook, post_only(receive).with_state(receiver))];
    let (tasks, stopping) = (stop.tasks.clone(), stop.accept.clone());
    let broadcast = feed.map(Broadcast::new);
    if let Some(broadcast) = &broadcast {
        let streams = Streams {
            broadcast: broadcast.clone(),
            sessions: sessions.clone(),
            origin,
            gauges: gauges.clone(),
            places: Places::default(),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
        };
        handlers.push((Route::Events, get_only(listen).with_state(Arc::new(streams))));
    }
    let deliveries = Deliveries::new(delivery, archive, gauges.clone(), (tasks, stopping.clone()));
    (handlers, Background { deliveries, woken, broadcast, stopping })
}

impl Background {
    /// Delivers, and tells pages, until the stop.
    pub(crate) async fn run(self) {
        let Self { deliveries, woken, broadcast, stopping } = self;
        let tell = async {
            if let Some(broadcast) = broadcast {
                stopping.run_until_cancelled(broadcast.run()).await;
            }
        };
        tokio::join!(deliveries.run(woken), tell);
    }
}

/// What the route needs.
struct Receiver {
    webhooks: Webhooks,
    awake: mpsc::Sender<Subject>,
    gauges: Gauges,
}

impl Receiver {
    async fn take(&self, headers: &HeaderMap, body: Body) -> Result<Accepted, Notice> {
        let body = body::read(body, MAX_BODY).await?;
        self.webhooks.accept(headers, &body).await.map_err(|error| {
            self.gauges.received(error.code());
            refusal(&error)
        })
    }
}

/// Takes a webhook in.
async fn receive(State(this): State<Arc<Receiver>>, headers: HeaderMap, body: Body) -> Result<Response, Notice> {
    let taken = timeout(PATIENCE, this.take(&headers, body)).await.map_err(|_| {
        this.gauges.received("webhook_slow");
        slow()
    })?;
    match taken? {
        Accepted::Challenge(answer) => {
            this.gauges.received("challenge");
            return Ok((NO_STORE, Json(answer)).into_response());
        }
        Accepted::Stored(subject) => {
            this.gauges.received("stored");
            // Nobody is woken where many are awake already.
            let _ = this.awake.try_send(subject);
        }
        Accepted::Duplicate => this.gauges.received("duplicate"),
        Accepted::Dropped(Dropped::UserIsGone) => this.gauges.received("user_is_gone"),
        Accepted::Dropped(Dropped::OtherApp) => {
            this.gauges.received("other_app");
            tracing::warn!("Zoom says that an app was removed, and does not name this one; nothing is erased");
        }
    }
    Ok(StatusCode::OK.into_response())
}

fn refusal(error: &WebhookError) -> Notice {
    let mut notice = Notice::of(error);
    if let WebhookError::Refused(_) = error {
        notice.status = StatusCode::UNAUTHORIZED;
    }
    notice
}

fn slow() -> Notice {
    let sentence = "The webhook could not be stored in time.";
    Notice::problem(StatusCode::SERVICE_UNAVAILABLE, "webhook_slow", sentence, "Send it again.")
}
