//! One attempt at a delivery.

use super::client::{Client, Letter, Outcome};
use super::ploy::Ploy;
use super::verdict::{Ruling, judge};
use super::{Platform, sign};
use crate::world::docs::WEBHOOKS;
use crate::world::journal::{Lane, Note};
use crate::world::webhooks::{Attempt, Delivery, Parcel};

/// Sends a delivery, writes down what came of it and settles it.
pub(super) async fn attempt(platform: &Platform, client: &Client, mut delivery: Delivery) {
    let url = platform.world().webhooks.subscription.url.clone();
    let Some(url) = url else { return platform.world().webhooks.not_sent(delivery.id) };
    let is_retry = !delivery.attempts.is_empty();
    if is_retry && delivery.ploy == Some(Ploy::FreshRetry) {
        sign_anew(platform, &mut delivery.parcel);
    }
    let Parcel { body, timestamp, signature, request_id, .. } = &delivery.parcel;
    let letter = Letter { body, timestamp, signature: signature.as_deref(), request_id };
    let (outcome, seen) = client.post(platform, &url, &letter).await;
    let is_lost = delivery.ploy == Some(Ploy::LostAnswer) && !is_retry;
    let outcome = if is_lost { Outcome::TimedOut } else { outcome };
    let offset_ms = platform.clock.offset();
    let Ruling { verdict, sentence, problem, is_failure } = judge(&outcome, &delivery, offset_ms);
    let now = platform.now();
    let mut world = platform.world();
    if world.webhooks.find(delivery.id).is_none() {
        // It was forgotten on the way, by a reset: what begins after that begins without it.
        return;
    }
    let flow = world.journal.webhooks(now);
    let title = if is_retry { "Deliver an event again" } else { "Deliver an event" };
    let note = Note::new(flow, (Lane::Zoom, Lane::Backend), title, WEBHOOKS).says(says(&delivery, is_retry));
    let note = match problem {
        Some(problem) if is_failure => note.failed(problem),
        Some(problem) => note.warned(problem),
        None => note,
    };
    let settled = Attempt { at_ms: now, took_ms: seen.took_ms.unwrap_or_default(), http: seen.http, sentence };
    world.journal.add(note, delivery.parcel.event.clone(), now, seen);
    world.webhooks.settle(delivery.id, settled, verdict);
}

fn says(delivery: &Delivery, is_retry: bool) -> String {
    let event = &delivery.parcel.event;
    match delivery.ploy {
        Some(ploy) if ploy.is_attack() => {
            format!("The emulator plays an attacker who sends {event}. Your backend has to refuse it.")
        }
        Some(Ploy::Replay | Ploy::Duplicate) => {
            format!("{event} comes twice: a fault is on. Your backend answers 200 both times and works on it once.")
        }
        _ if is_retry => format!(
            "Zoom sends {event} again, byte for byte. Your backend may have had it already, and must not work on it \
             twice."
        ),
        _ => format!(
            "Zoom tells your backend of {event}. It wants 200 or 204 within three seconds; otherwise it comes again \
             after 5, 20 and 60 minutes."
        ),
    }
}

/// The same event with a signature of now.
fn sign_anew(platform: &Platform, parcel: &mut Parcel) {
    parcel.timestamp = platform.clock.machine().to_seconds().0.to_string();
    parcel.signature = Some(sign::signature(&platform.config.webhook_secret, &parcel.timestamp, &parcel.body));
}
