use serde::Serialize;
use serde_json::Value;

use super::{Verified, mac_hex};
use crate::id::{ClientId, EventName, MeetingUuid, ZoomUserId};
use crate::json::UniqueObject;
use crate::secret::WebhookSecret;
use crate::time::UnixMillis;

/// What a verified body says.
#[derive(Debug)]
pub enum Message<'a> {
    /// Zoom asks whether this URL knows the secret. To be answered at once.
    Validation(Challenge<'a>),
    /// Something happened.
    Event(Event),
}

/// A word to hash, of a signed URL validation.
#[derive(Debug)]
pub struct Challenge<'a> {
    secret: &'a WebhookSecret,
    plain_token: String,
}

/// The answer to a URL validation, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeAnswer {
    plain_token: String,
    encrypted_token: String,
}

/// Something that happened, as far as it must be understood to be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub name: EventName,
    /// When it happened, where Zoom says it as documented: `event_ts` in milliseconds.
    pub at: Option<UnixMillis>,
    /// What it happened to: events of one subject are kept in order. Compares, and means nothing else.
    pub subject: String,
    /// The Zoom user whose event it is.
    pub user: Option<ZoomUserId>,
    /// The meeting instance in which it happened.
    pub meeting: Option<MeetingUuid>,
    /// The end of an installation, where the event is one and is complete.
    pub deauthorization: Option<Deauthorization>,
}

/// A user has removed the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deauthorization {
    /// The user.
    pub user: ZoomUserId,
    /// The app that was removed.
    pub client_id: ClientId,
    /// When, where Zoom says it in a form that can be read.
    pub at: Option<UnixMillis>,
}

/// Why a verified body is neither an event nor a URL validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a JSON object, or one with a member that comes twice.
    #[error("the body is not a JSON object with unique members")]
    Json,
    /// No `event`, or one that cannot be a name.
    #[error("the body does not name an event")]
    Event,
    /// A URL validation whose token could be something that is worth signing.
    #[error("the token to validate is not 1 to {MAX_TOKEN} letters, digits, - or _")]
    PlainToken,
}

impl Malformed {
    /// The stable public code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Json | Self::Event => "webhook_malformed",
            Self::PlainToken => "webhook_challenge_refused",
        }
    }
}

/// The longest token of a URL validation. Zoom's have 22 characters.
const MAX_TOKEN: usize = 128;

/// The names by which Zoom identifies what an event is about, the broadest first: a meeting's number, which all of its
/// instances share, before the UUID of one of them.
const IDENTITIES: [&str; 4] = ["id", "uuid", "engagement_id", "session_id"];

impl<'a> Verified<'a> {
    /// Reads the body. The only thing that must be there is the name of the event.
    pub fn read(&self) -> Result<Message<'a>, Malformed> {
        let body = serde_json::from_slice(self.body).or_else(|_| serde_json::from_slice(&mended(self.body)));
        let UniqueObject(body) = body.map_err(|_| Malformed::Json)?;
        let name = body["event"].as_str().and_then(|name| EventName::parse(name).ok()).ok_or(Malformed::Event)?;
        if name.as_str() != "endpoint.url_validation" {
            return Ok(Message::Event(Event::read(name, &body)));
        }
        let plain_token = body["payload"]["plainToken"].as_str().filter(|token| is_word(token));
        let plain_token = plain_token.ok_or(Malformed::PlainToken)?.to_owned();
        Ok(Message::Validation(Challenge { secret: self.secret, plain_token }))
    }
}

impl Challenge<'_> {
    /// Answers, with the secret that signed the question.
    pub fn answer(self) -> ChallengeAnswer {
        let encrypted_token = mac_hex(self.secret, &[self.plain_token.as_bytes()]);
        ChallengeAnswer { plain_token: self.plain_token, encrypted_token }
    }
}

impl Event {
    fn read(name: EventName, body: &Value) -> Self {
        let payload = &body["payload"];
        let deauthorization = if name.as_str() == "app_deauthorized" { Deauthorization::read(payload) } else { None };
        Self {
            at: body["event_ts"].as_i64().map(UnixMillis),
            subject: subject(&name, payload),
            user: user(&name, payload),
            meeting: text(&payload["object"]["uuid"]).and_then(|uuid| MeetingUuid::parse(uuid).ok()),
            deauthorization,
            name,
        }
    }
}

impl Deauthorization {
    /// Zoom's documentation shows an `event_ts` in here, once as a number and once as a text with a date; it is ignored.
    fn read(payload: &Value) -> Option<Self> {
        let at = payload["deauthorization_time"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        Some(Self {
            user: ZoomUserId::parse(payload["user_id"].as_str()?).ok()?,
            client_id: ClientId::parse(payload["client_id"].as_str()?).ok()?,
            at: at.map(|time| UnixMillis(time.as_millisecond())),
        })
    }
}

/// Account and object, or the family of the event where it has no object.
fn subject(name: &EventName, payload: &Value) -> String {
    let family = || name.as_str().split('.').next().unwrap_or_default().to_owned();
    let object = IDENTITIES.iter().find_map(|identity| text(&payload["object"][identity]));
    let object = object.or_else(|| text(&payload["user_id"])).unwrap_or_else(family);
    format!("{}\n{object}", text(&payload["account_id"]).unwrap_or_default())
}

/// Whose event it is: the host's or user's, else that of whoever did it. The customer of a Cobrowse session goes by
/// an id that anybody can choose.
fn user(name: &EventName, payload: &Value) -> Option<ZoomUserId> {
    let object = &payload["object"];
    let own = |family: &str| name.as_str().strip_prefix(family).is_some_and(|rest| rest.starts_with('.'));
    let chosen = if own("cobrowse") { &Value::Null } else { &object["user_id"] };
    let itself = if own("user") { &object["id"] } else { &Value::Null };
    let candidates = [&object["host_id"], itself, chosen, &payload["user_id"], &payload["operator_id"]];
    candidates.into_iter().find_map(|id| ZoomUserId::parse(id.as_str()?).ok())
}

/// Zoom writes some ids as numbers and some as texts.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_word(token: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(is_letter)
}

/// The same JSON with a replacement character for every escaped half of a surrogate pair. Where a name or a topic is cut
/// to a length in the middle of an emoji, a half is left, which is no character.
fn mended(json: &[u8]) -> Vec<u8> {
    let mut mended = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(byte) = rest.first() {
        let (length, is_half) = match (byte, escaped(rest), escaped(rest.get(6..).unwrap_or_default())) {
            (b'\\', Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => (12, false),
            (b'\\', Some(0xD800..0xE000), _) => (6, true),
            (b'\\', _, _) => (2.min(rest.len()), false),
            _ => (1, false),
        };
        let (part, behind) = rest.split_at(length);
        mended.extend_from_slice(if is_half { br"\uFFFD" } else { part });
        rest = behind;
    }
    mended
}

/// The code unit of an escape such as `\uD83D` at the beginning of a text.
fn escaped(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| std::str::from_utf8(digits).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok()))?
}
