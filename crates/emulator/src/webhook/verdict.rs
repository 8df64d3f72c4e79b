//! What an answer means: delivered, again later, or lost; and what to tell the developer.

use http::StatusCode;

use super::client::Outcome;
use super::ploy::Ploy;
use crate::world::journal::Problem;
use crate::world::webhooks::{Delivery, Verdict};

/// The judgement of one attempt.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    /// In one sentence, for the list of deliveries.
    pub(super) sentence: String,
    pub(super) problem: Option<Problem>,
    /// Whether the problem is a failure, not only good to know.
    pub(super) is_failure: bool,
}

impl Ruling {
    fn fine(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self { verdict, sentence: sentence.into(), problem: None, is_failure: false }
    }

    fn failed(verdict: Verdict, problem: Problem) -> Self {
        Self { verdict, sentence: problem.sentence.clone(), problem: Some(problem), is_failure: true }
    }

    fn warned(verdict: Verdict, problem: Problem) -> Self {
        Self { is_failure: false, ..Self::failed(verdict, problem) }
    }
}

/// Judges an attempt. `offset_ms` is how far the emulator's clock is from the machine's.
pub(super) fn judge(outcome: &Outcome, delivery: &Delivery, offset_ms: i64) -> Ruling {
    if delivery.ploy.is_some_and(Ploy::is_attack) {
        return judge_attack(outcome);
    }
    match outcome {
        Outcome::Answered(status, ..) => judge_status(*status, delivery),
        Outcome::TimedOut if delivery.ploy == Some(Ploy::LostAnswer) && delivery.attempts.is_empty() => Ruling::warned(
            Verdict::TryAgain,
            Problem::new(
                "The emulator threw the answer away: a fault is on.",
                "Zoom sends the event again; your backend must recognise it.",
            ),
        ),
        Outcome::TimedOut => Ruling::failed(
            Verdict::TryAgain,
            Problem::new(
                "No answer came within three seconds; Zoom sends the event again.",
                "Store the event, answer 200, and work on it afterwards.",
            ),
        ),
        Outcome::Unreachable => {
            let moved = if offset_ms == 0 { "" } else { " Retries follow the emulator's clock, which can be moved." };
            let fix = format!("Start your backend, or correct the webhook URL.{moved}");
            Ruling::failed(
                Verdict::TryAgain,
                Problem::new("There is no connection to your backend; Zoom sends the event again.", fix),
            )
        }
    }
}

fn judge_status(status: StatusCode, delivery: &Delivery) -> Ruling {
    let ploy = delivery.ploy;
    let code = status.as_u16();
    let lost = |sentence: String, fix: &str| Ruling::failed(Verdict::Lost, Problem::new(sentence, fix));
    match code {
        200..=299 if ploy == Some(Ploy::OldTimestamp) => Ruling::warned(
            Verdict::Delivered,
            Problem::new(
                "Your backend took an event that was signed two hours ago.",
                "Zoom's last retry comes 85 minutes after the first attempt: refuse what is older than 90 minutes.",
            ),
        ),
        // Of a first attempt Zoom's page wants these two, of a retry any of 2xx.
        201..=203 | 205..=299 if delivery.attempts.is_empty() => Ruling::warned(
            Verdict::Delivered,
            Problem::new(
                format!("Your backend answered {code}. Zoom documents 200 and 204 for a first attempt."),
                "Answer 200 or 204.",
            ),
        ),
        200..=299 => Ruling::fine(Verdict::Delivered, format!("Delivered: {code}.")),
        401 | 403 if ploy == Some(Ploy::OldTimestamp) => {
            Ruling::fine(Verdict::Refused, "Refused: the signature is two hours old.")
        }
        300..=399 => lost(
            format!("Zoom does not follow redirects ({code}): the event is lost."),
            "Answer at the webhook URL itself.",
        ),
        401 | 403 => with_secrets(lost(
            format!("Your backend refuses the signature ({code}). Zoom does not try again: the event is lost."),
            "Compare the secret tokens, and verify the bytes as they came, not JSON that was parsed and written again.",
        )),
        404 | 405 => with_secrets(lost(
            format!(
                "Your backend takes no webhooks at this address ({code}). Zoom does not try again: the event is lost."
            ),
            "Correct the webhook URL. Stagedoor takes webhooks once it has a secret token.",
        )),
        500.. => Ruling::failed(
            Verdict::TryAgain,
            Problem::new(
                format!("Your backend answered {code}; Zoom sends the event again."),
                "Store the event, answer 200, and work on it afterwards.",
            ),
        ),
        _ => lost(
            format!("Your backend answered {code}. Zoom tries again only after 5xx: the event is lost."),
            "Answer 503 if the event shall come again.",
        ),
    }
}

/// Names the setting that is likely wrong.
fn with_secrets(ruling: Ruling) -> Ruling {
    let problem = ruling.problem.map(|problem| problem.with_setting("zoom.webhook_secrets"));
    Ruling { problem, ..ruling }
}

/// An attack is over whatever comes of it.
fn judge_attack(outcome: &Outcome) -> Ruling {
    match outcome.status() {
        Some(status) if status.is_success() => Ruling::failed(
            Verdict::Taken,
            Problem::new(
                "Your backend took an event that Zoom did not sign.",
                "Verify x-zm-signature over the raw body, in constant time, before anything else.",
            ),
        ),
        Some(status) if status.is_client_error() => {
            Ruling::fine(Verdict::Refused, format!("Refused, as it should be: {}.", status.as_u16()))
        }
        Some(status) => Ruling::warned(
            Verdict::Refused,
            Problem::new(
                format!("Your backend did not take it, and answered {}.", status.as_u16()),
                "Answer 401: attackers see no difference, and your alerts stay quiet.",
            ),
        ),
        None => Ruling::warned(
            Verdict::Refused,
            Problem::new("Your backend did not answer.", "Start it, or correct the webhook URL."),
        ),
    }
}
