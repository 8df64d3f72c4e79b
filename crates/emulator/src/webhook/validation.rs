//! `endpoint.url_validation`: Zoom asks the backend to prove that it knows the secret token.
//!
//! The challenge is signed, as a real one was. A backend that answers unsigned ones signs whatever it is asked to:
//! signatures of events and answers to challenges are made by the same function with the same key.

use serde_json::Value;
use url::Url;

use super::client::{Client, LIMIT, Letter, Outcome};
use super::ploy::Ploy;
use super::{Platform, request_id, sign, strike};
use crate::entropy;
use crate::world::docs::WEBHOOKS;
use crate::world::journal::{Lane, Note, Problem, Seen};
use crate::world::subscription::Subscription;

const EVENT: &str = "endpoint.url_validation";

/// Validates the URL. A fault that is on for this comes first, and does not count.
pub(super) async fn validate(platform: &Platform, client: &Client) {
    let Subscription { url, is_quiet, .. } = platform.world().webhooks.subscription.clone();
    let Some(url) = url else { return };
    let ploy = strike(&mut platform.world(), None);
    if let Some(ploy) = ploy {
        attack(platform, client, &url, ploy).await;
    }
    let token = entropy::base64url(22);
    let (outcome, seen) = challenge(platform, client, &url, (&token, true)).await;
    let problem = judge(platform, &token, &outcome).err();
    let settled = problem.as_ref().map_or(Ok(()), |problem| Err(problem.sentence.clone()));
    // A backend that is not there yet is nothing to complain of.
    let is_expected = problem.is_none() || matches!(outcome, Outcome::Unreachable);
    if !(is_quiet && is_expected) {
        let note = Note::new(flow(platform), (Lane::Zoom, Lane::Backend), "Validate the webhook URL", WEBHOOKS).says(
            "Zoom makes sure that the URL is yours: it sends a random token, signed, and wants its HMAC under the secret \
             token back within three seconds. It asks again every 72 hours.",
        );
        record(platform, problem.map_or_else(|| note.clone(), |problem| note.clone().failed(problem)), seen);
    }
    let mut world = platform.world();
    // Another URL may have been set meanwhile.
    if world.webhooks.subscription.url.as_ref() == Some(&url) {
        world.webhooks.validated(settled, platform.now());
    }
}

/// A challenge that nobody signed. Its token may be what the signature of an event is made over.
async fn attack(platform: &Platform, client: &Client, url: &Url, ploy: Ploy) {
    let token = match ploy {
        Ploy::SigningOracle => {
            let timestamp = platform.clock.machine().to_seconds().0;
            format!(r#"v0:{timestamp}:{{"event":"app_deauthorized","payload":{{}}}}"#)
        }
        _ => entropy::base64url(22),
    };
    let (outcome, seen) = challenge(platform, client, url, (&token, false)).await;
    let note = Note::new(flow(platform), (Lane::Zoom, Lane::Backend), "Ask for a signature", WEBHOOKS).says(
        "The emulator plays an attacker who sends a URL validation without a signature. Your backend has to refuse it.",
    );
    let is_answered = judge(platform, &token, &outcome).is_ok();
    let problem = Problem::new(
        "Your backend answers unsigned challenges: anybody can have any event signed by it, and send it to you.",
        "Verify x-zm-signature before you look at the event, and answer tokens of letters, digits, - and _ only.",
    );
    record(platform, if is_answered { note.failed(problem) } else { note }, seen);
}

async fn challenge(
    platform: &Platform,
    client: &Client,
    url: &Url,
    (token, is_signed): (&str, bool),
) -> (Outcome, Seen) {
    let now = platform.clock.machine();
    let token = Value::from(token);
    let body = format!(r#"{{"payload":{{"plainToken":{token}}},"event_ts":{},"event":"{EVENT}"}}"#, now.0);
    let timestamp = now.to_seconds().0.to_string();
    let signature = sign::signature(&platform.config.webhook_secret, &timestamp, body.as_bytes());
    let letter = Letter {
        body: &body.into(),
        timestamp: &timestamp,
        signature: is_signed.then_some(&signature),
        request_id: &request_id(),
    };
    client.post(platform, url, &letter).await
}

/// Whether a challenge was answered as Zoom wants it.
fn judge(platform: &Platform, token: &str, outcome: &Outcome) -> Result<(), Problem> {
    let secret = |problem: Problem| problem.with_setting("zoom.webhook_secrets");
    match outcome {
        Outcome::Unreachable => Err(Problem::new(
            "Nothing answers at the webhook URL.",
            "Start your backend; the URL is validated again with the next event.",
        )),
        Outcome::TimedOut => Err(Problem::new(
            format!("The challenge was not answered within {} seconds.", LIMIT.as_secs()),
            "Answer it before anything slow is done.",
        )),
        Outcome::Answered(status, _, body) if *status == 200 => {
            let answer: Value = serde_json::from_slice(body).unwrap_or_default();
            let expected = sign::encrypted_token(&platform.config.webhook_secret, token);
            if answer["plainToken"] != token {
                let fix = r#"Answer {"plainToken": …, "encryptedToken": …} as JSON."#;
                return Err(Problem::new("The answer does not repeat plainToken.", fix));
            }
            if answer["encryptedToken"] != expected.as_str() {
                let fix =
                    "It is the HMAC-SHA256 of plainToken under the secret token, in lower-case hexadecimal digits.";
                return Err(secret(Problem::new("encryptedToken is wrong.", fix)));
            }
            Ok(())
        }
        Outcome::Answered(status, ..) => Err(secret(Problem::new(
            format!("The challenge was answered with {}, not 200.", status.as_u16()),
            "Compare the secret tokens. Stagedoor takes webhooks once it has one.",
        ))),
    }
}

fn flow(platform: &Platform) -> u64 {
    platform.world().journal.webhooks(platform.now())
}

fn record(platform: &Platform, note: Note, seen: Seen) {
    platform.world().journal.add(note, EVENT.into(), platform.now(), seen);
}
