//! What becomes of webhooks.

use stagedoor_flows::webhook::ArchiveTerms;
use stagedoor_protocol::secret::WebhookSecret;
use stagedoor_protocol::webhook::forward::SigningKey;
use url::Url;

use super::address::as_url;
use super::parse::as_text;
use super::problem::Wrong;
use super::reader::Reader;
use super::{keys, parse, secret};

/// What becomes of webhooks.
#[derive(Debug)]
pub(crate) struct WebhookSettings {
    /// Zoom's secret tokens of the app.
    pub(crate) secrets: Vec<WebhookSecret>,
    /// Where events are forwarded; `None` where they are kept.
    pub(crate) forward: Option<Url>,
    /// The key that signs them, where it is not derived.
    pub(crate) signing: Option<SigningKey>,
    /// How long a delivery is tried.
    pub(crate) retry_seconds: i64,
    /// What is kept.
    pub(crate) archive: ArchiveTerms,
}

/// The longest time for which anything is tried or kept, in seconds: ninety days.
const LONGEST: i64 = 7_776_000;

impl WebhookSettings {
    /// What happens to webhooks where nothing is set but a secret.
    pub(crate) fn keeping(secret: WebhookSecret) -> Self {
        let archive = ArchiveTerms { seconds: 604_800, events: 10_000 };
        Self { secrets: vec![secret], forward: None, signing: None, retry_seconds: 259_200, archive }
    }

    /// Reads the settings; `None` where no secret is set, so that no webhook is taken, or where something is wrong.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let secrets = reader.secrets(&keys::WEBHOOK_SECRETS, secret::webhook);
        let forward = reader.find(&keys::WEBHOOK_FORWARD, |given, _| as_url(as_text(&given.value)?));
        let signing = reader.find(&keys::WEBHOOK_SIGNING_SECRET, |given, environment| {
            secret::text(given, environment).and_then(|text| secret::signing(&text))
        });
        let retry_seconds = reader.required(&keys::WEBHOOK_RETRY, parse::integer(60..=LONGEST));
        let seconds = reader.required(&keys::WEBHOOK_KEEP, parse::integer(60..=LONGEST));
        let events = reader.required(&keys::WEBHOOK_KEEP_EVENTS, parse::integer(1..=1_000_000));
        if secrets.is_empty() {
            if let Some(forward) = forward {
                let wrong = Wrong::new("no webhook is taken, so there is none to forward", "set zoom.webhook_secrets");
                reader.refuse(&keys::WEBHOOK_FORWARD, forward.origin, wrong);
            }
            return None;
        }
        let archive = ArchiveTerms { seconds: seconds?, events: events?.unsigned_abs() };
        let forward = forward.map(|found| found.value);
        let signing = signing.map(|found| found.value);
        Some(Self { secrets, forward, signing, retry_seconds: retry_seconds?, archive })
    }
}
