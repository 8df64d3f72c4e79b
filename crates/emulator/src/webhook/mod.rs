//! Webhooks as Zoom sends them: signed over the raw bytes, within three seconds or again later, to a URL that is
//! validated at once and every 72 hours.
//!
//! Schedules follow the emulator's clock. What a request says of its time is the machine's: the backend's clock does not
//! move with the emulator's.

mod attempt;
mod body;
pub(crate) mod catalogue;
mod client;
mod ploy;
mod sign;
mod validation;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stagedoor_protocol::time::UnixMillis;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use self::body::KeyOrder;
pub(crate) use self::body::set;
use self::catalogue::{APP_DEAUTHORIZED, Scene};
use self::client::Client;
pub(crate) use self::ploy::Ploy;
use crate::entropy;
use crate::fault::{Effect, Endpoint, Twist};
use crate::platform::Platform;
use crate::world::World;
use crate::world::people::Person;
use crate::world::webhooks::{DeliveryId, Parcel};

/// How many deliveries are on their way at the same time.
const MAX_UNDER_WAY: usize = 64;

/// The post office: wakes the one who delivers, and tells who waits for an outcome.
pub(crate) struct Post {
    wake: Notify,
    outcomes: watch::Sender<()>,
    /// The value of the `authorization` header, which Zoom still sends: the verification token of old.
    verification_token: String,
}

impl Post {
    pub(crate) fn new() -> Self {
        let verification_token = entropy::base64url(22);
        Self { wake: Notify::new(), outcomes: watch::Sender::new(()), verification_token }
    }

    /// Looks again at what is to be done: something was added, or the clock was moved.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until `is_over` after some outcome, for `limit` at most.
    pub(crate) async fn wait(&self, limit: Duration, is_over: impl Fn() -> bool) {
        let mut outcomes = self.outcomes.subscribe();
        let over = async {
            // Ends only with the emulator, whose state has the sender.
            while !is_over() && outcomes.changed().await.is_ok() {}
        };
        // Whoever waits is answered with what there is by then.
        let _ = tokio::time::timeout(limit, over).await;
    }
}

/// Delivers for ever.
pub(crate) async fn deliver(platform: &Arc<Platform>) {
    let client = Client::new();
    let mut under_way = JoinSet::new();
    loop {
        let wants_validation = platform.world().webhooks.wants_validation(platform.now());
        if wants_validation {
            validation::validate(platform, &client).await;
            platform.post.outcomes.send_replace(());
        }
        let room = MAX_UNDER_WAY - under_way.len();
        let due = platform.world().webhooks.take_due(platform.now(), room);
        let is_full = due.len() == room;
        for delivery in due {
            let (platform, client) = (Arc::clone(platform), client.clone());
            under_way.spawn(async move { attempt::attempt(&platform, &client, delivery).await });
        }
        platform.tell_state();
        let next = platform.world().webhooks.next_due().filter(|_| !is_full);
        tokio::select! {
            () = platform.post.wake.notified() => {}
            Some(_) = under_way.join_next() => {
                platform.post.outcomes.send_replace(());
            }
            () = until(platform, next) => {}
        }
    }
}

/// Sleeps until an instant of the emulator's clock.
async fn until(platform: &Platform, due: Option<UnixMillis>) {
    let Some(due) = due else { return std::future::pending().await };
    let left = due.since(platform.now()).max(0);
    tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
}

impl Platform {
    /// Tells the app that a user removed it, if it wants to be told.
    pub(crate) fn tell_deauthorized(&self, world: &mut World, person: &Person) {
        let scene = Scene::of(world, &self.config, person, self.clock.machine());
        self.send_event(world, &APP_DEAUTHORIZED.body(&scene));
    }

    /// Sends an event, with the fault that is on for it. None if the app has no webhook URL.
    pub(crate) fn send_event(&self, world: &mut World, body: &Value) -> Option<DeliveryId> {
        world.webhooks.subscription.url.as_ref()?;
        let event = body["event"].as_str().unwrap_or_default().to_owned();
        let ploy = strike(world, Some(&event));
        let parcel = self.pack(event, body, ploy);
        let now = self.now();
        let behind = (ploy == Some(Ploy::Reordered)).then(|| world.webhooks.next_id() + 1);
        let id = world.webhooks.add(parcel.clone(), ploy, behind, now);
        match ploy {
            Some(Ploy::Replay) => {
                world.webhooks.add(parcel, ploy, Some(id), now);
            }
            Some(Ploy::Duplicate) => {
                world.webhooks.add(Parcel { request_id: request_id(), ..parcel }, ploy, None, now);
            }
            _ => {}
        }
        self.post.wake();
        Some(id)
    }

    fn pack(&self, event: String, body: &Value, ploy: Option<Ploy>) -> Parcel {
        let order = if ploy == Some(Ploy::KeyOrder) { KeyOrder::Random } else { KeyOrder::Alphabetical };
        let now = self.clock.machine();
        let timestamp = ploy.map_or(now, |ploy| ploy.signed_at(now)).to_seconds().0.to_string();
        let secret = match ploy {
            Some(Ploy::WrongSecret) => &crate::config::WebhookSecret::new(entropy::base64url(22)),
            _ => &self.config.webhook_secret,
        };
        let dressed = ploy.map_or_else(|| body.clone(), |ploy| ploy.dress(body.clone()));
        let sent = body::write(&dressed, order);
        let signed = if ploy == Some(Ploy::Tampered) { body::write(body, order) } else { sent.clone() };
        let signature = sign::signature(secret, &timestamp, signed.as_bytes());
        Parcel {
            event,
            body: sent.into(),
            timestamp,
            signature: (ploy != Some(Ploy::Unsigned)).then_some(signature),
            request_id: request_id(),
        }
    }
}

/// The fault that is on for an event, or for a URL validation.
fn strike(world: &mut World, event: Option<&str>) -> Option<Ploy> {
    let ploy = |effect| match effect {
        Effect::Twisted(Twist::Webhook(ploy)) => Some(ploy),
        _ => None,
    };
    let strikes = |effect| ploy(effect).is_some_and(|ploy| ploy.concerns(event));
    world.faults.strike_when(Endpoint::Webhook, strikes).and_then(|fault| ploy(fault.effect))
}

/// An id such as `6009d653_d487_445d_8406_42b654974899`.
fn request_id() -> String {
    let hex = entropy::hex();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("_")
}
