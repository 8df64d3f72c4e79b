//! Where the app wants its events, and whether Zoom sends them there.

use serde::{Serialize, Serializer};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

/// How often Zoom validates the URL again, in seconds: every 72 hours.
const VALIDATION_S: i64 = 72 * 3600;
/// How many validations in a row may fail; Zoom mails the developer after some of them.
const MAX_FAILURES: u32 = 6;
const MAILS: [u32; 2] = [2, 4];

/// Whether Zoom sends events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// The app has no webhook URL.
    Unset,
    /// The URL has not passed validation, and Zoom sends nothing to it.
    Unvalidated,
    Valid,
    /// Too many validations failed in a row.
    Disabled,
}

/// Where the app wants its events.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Subscription {
    #[serde(serialize_with = "as_text")]
    pub(crate) url: Option<Url>,
    pub(crate) health: Health,
    /// How many validations failed in a row.
    failures: u32,
    #[serde(rename = "next_validation_ms")]
    due: Option<UnixMillis>,
    /// What the last validation came to.
    sentence: Option<String>,
    /// Nobody asked for the validation: the emulator starts, and the diagram shall begin with what a person does.
    #[serde(skip)]
    pub(crate) is_quiet: bool,
}

impl Subscription {
    /// With a URL that is validated at once, or none.
    pub(super) fn of(url: Option<Url>, now: UnixMillis) -> Self {
        let (health, due) = if url.is_some() { (Health::Unvalidated, Some(now)) } else { (Health::Unset, None) };
        Self { url, health, failures: 0, due, sentence: None, is_quiet: false }
    }

    /// The same, where nobody asked for it.
    pub(super) fn quiet(url: Option<Url>, now: UnixMillis) -> Self {
        Self { is_quiet: true, ..Self::of(url, now) }
    }

    /// Asks for a validation, which also makes a disabled subscription work again.
    pub(crate) fn validate(&mut self, now: UnixMillis) {
        if self.health == Health::Disabled {
            self.health = Health::Unvalidated;
        }
        self.due = Some(now);
        self.is_quiet = false;
    }

    /// Whether a validation was asked for that has not ended.
    pub(crate) fn is_due(&self, now: UnixMillis) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub(super) fn due(&self) -> Option<UnixMillis> {
        self.due
    }

    /// Ends a validation, with the sentence about what is wrong.
    pub(super) fn validated(&mut self, outcome: Result<(), String>, now: UnixMillis) {
        self.is_quiet = false;
        // Whoever moves the clock by years need not see every validation in between.
        let earliest = now.plus_seconds(-VALIDATION_S * i64::from(MAX_FAILURES - 1));
        let next = self.due.unwrap_or(now).plus_seconds(VALIDATION_S).max(earliest);
        match outcome {
            Ok(()) => {
                self.health = Health::Valid;
                self.failures = 0;
                self.due = Some(next);
                self.sentence = None;
            }
            Err(sentence) if self.health == Health::Valid => {
                self.failures += 1;
                let mailed = if MAILS.contains(&self.failures) { " Zoom mails the developer." } else { "" };
                self.sentence = Some(format!("{sentence}{mailed}"));
                let is_over = self.failures >= MAX_FAILURES;
                self.health = if is_over { Health::Disabled } else { Health::Valid };
                self.due = (!is_over).then_some(next);
            }
            // A URL that never passed is tried again with the next event, or when somebody asks for it.
            Err(sentence) => {
                self.due = None;
                self.sentence = Some(sentence);
            }
        }
    }
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the member")]
fn as_text<S: Serializer>(url: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(Url::as_str).serialize(serializer)
}
