use serde_json::{Value, json};
use stagedoor_protocol::time::UnixMillis;

use super::catalogue::time;

/// What is unusual about a delivery, on purpose. Each is a fault of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ploy {
    /// A URL validation that nobody signed.
    UnsignedChallenge,
    /// The same, asking for the signature of an event.
    SigningOracle,
    Unsigned,
    WrongSecret,
    /// The body was changed after it was signed.
    Tampered,
    /// Signed two hours ago.
    OldTimestamp,
    /// The very same request a second time, once the first was answered.
    Replay,
    /// The same event a second time, as a request of its own, at the same time.
    Duplicate,
    /// Sent after the event that comes next.
    Reordered,
    /// The members of the body in another order.
    KeyOrder,
    /// `app_deauthorized` with a time that is a text inside the payload.
    StringTime,
    /// The event arrives, its answer does not.
    LostAnswer,
    /// Retries are signed anew.
    FreshRetry,
}

/// How old an [old](Ploy::OldTimestamp) signature is, in seconds: longer than the last retry takes to come.
const OLD_S: i64 = 7_200;

impl Ploy {
    /// Whether the fault concerns this event, `None` being a URL validation.
    pub(super) fn concerns(self, event: Option<&str>) -> bool {
        match self {
            Self::UnsignedChallenge | Self::SigningOracle => event.is_none(),
            Self::StringTime => event == Some("app_deauthorized"),
            _ => event.is_some(),
        }
    }

    /// Whether only an attacker would send it: a backend that takes it is broken.
    pub(crate) fn is_attack(self) -> bool {
        use Ploy::{SigningOracle, Tampered, Unsigned, UnsignedChallenge, WrongSecret};
        matches!(self, UnsignedChallenge | SigningOracle | Unsigned | WrongSecret | Tampered)
    }

    /// The time of the signature, where now is `now`.
    pub(super) fn signed_at(self, now: UnixMillis) -> UnixMillis {
        if self == Self::OldTimestamp { now.plus_seconds(-OLD_S) } else { now }
    }

    /// The event as it is sent.
    pub(super) fn dress(self, mut body: Value) -> Value {
        match self {
            Self::StringTime => {
                let at = body.as_object_mut().and_then(|members| members.remove("event_ts"));
                let at = UnixMillis(at.and_then(|at| at.as_i64()).unwrap_or_default());
                body["payload"]["event_ts"] = json!(time(at, "%Y-%m-%d %H:%M:%S"));
                body
            }
            Self::Tampered => {
                body["payload"]["account_id"] = json!("AnotherAccountAltogether");
                body
            }
            _ => body,
        }
    }
}
