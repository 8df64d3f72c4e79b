use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::{ContextError, MAX_LIFE_MS, MAX_SKEW_MS};
use crate::id::{ClientId, MeetingUuid, ZoomUserId};
use crate::json::Unique;
use crate::time::UnixMillis;

/// Who issues app contexts.
pub const ISSUER: &str = "marketplace.zoom.us";

/// The decrypted claims of a context, authentic but not yet verified.
///
/// Members that Zoom may add are ignored; duplicate members are refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// Where the app was opened: `panel`, `meeting`, `webinar`, `chat`, or something newer.
    pub kind: String,
    /// The user; absent for guests.
    pub uid: Option<ZoomUserId>,
    /// The meeting, while in one.
    pub mid: Option<MeetingUuid>,
    /// The role in the meeting at the time of issue, for example `host`.
    pub attendrole: Option<String>,
    /// The action of the deep link that opened the app, for five minutes.
    pub act: Option<String>,
    /// The audience: the client id.
    pub aud: Option<String>,
    /// The issuer: [`ISSUER`].
    pub iss: Option<String>,
    /// Issue time in milliseconds.
    pub ts: Option<UnixMillis>,
    /// Expiry in milliseconds.
    pub exp: Option<UnixMillis>,
}

/// A context that was issued by Zoom for this app and is valid now.
#[derive(Clone, PartialEq, Eq)]
pub struct AppContext {
    /// Where the app was opened: `panel`, `meeting`, `webinar`, `chat`, or something newer.
    pub kind: String,
    /// The user; `None` for a guest (not signed in, or the app not added).
    pub user: Option<ZoomUserId>,
    /// The meeting, while in one.
    pub meeting: Option<MeetingUuid>,
    /// The role in the meeting at the time of issue.
    pub role: Option<String>,
    /// The action of the deep link that opened the app.
    pub action: Option<String>,
    /// When it was issued.
    pub issued: UnixMillis,
    /// When it expires.
    pub expires: UnixMillis,
}

impl Claims {
    /// Parses the plaintext: one JSON object in valid UTF-8, without duplicate members.
    pub fn parse(plaintext: &[u8]) -> Result<Self, ContextError> {
        let text = std::str::from_utf8(plaintext).map_err(|_| ContextError::Content("it is not UTF-8".into()))?;
        serde_json::from_str(text).map_err(|error| content(&error))
    }

    /// Checks that the context is for this app, from Zoom, and valid at `now`.
    ///
    /// An absent claim is a refusal. No skew is granted to `exp`: the client sends a fresh context each time.
    pub fn verify(self, client_id: &ClientId, now: UnixMillis) -> Result<AppContext, ContextError> {
        if self.aud.as_deref() != Some(client_id.as_str()) {
            return Err(if self.aud.is_none() { missing("aud") } else { ContextError::Audience });
        }
        if self.iss.as_deref() != Some(ISSUER) {
            return Err(if self.iss.is_none() { missing("iss") } else { ContextError::Issuer });
        }
        let issued = self.ts.ok_or_else(|| missing("ts"))?;
        let expires = self.exp.ok_or_else(|| missing("exp"))?;
        if expires < now {
            return Err(ContextError::Expired(now.since(expires)));
        }
        let (ahead_ms, life_ms) = (issued.since(now), expires.since(issued));
        if ahead_ms > MAX_SKEW_MS || !(0..=MAX_LIFE_MS).contains(&life_ms) {
            return Err(ContextError::Times { ahead_ms, life_ms });
        }
        Ok(AppContext {
            kind: self.kind,
            user: self.uid,
            meeting: self.mid,
            role: self.attendrole,
            action: self.act,
            issued,
            expires,
        })
    }
}

/// By hand and not derived: one pass that also refuses an array and duplicates of members that are not ours, without
/// building a tree of values. Every launch goes through it.
impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

/// The name of a member, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Members {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the claims of a context")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claims, A::Error> {
        let (mut kind, mut seen) = (None, Vec::new());
        let (mut uid, mut mid, mut attendrole, mut act) = (None, None, None, None);
        let (mut aud, mut iss, mut ts, mut exp) = (None, None, None, None);
        while let Some(Name(name)) = members.next_key()? {
            if seen.contains(&name) {
                return Err(A::Error::custom("duplicate member"));
            }
            match &*name {
                "typ" => kind = Some(members.next_value()?),
                "uid" => uid = members.next_value()?,
                "mid" => mid = members.next_value()?,
                "attendrole" => attendrole = members.next_value()?,
                "act" => act = members.next_value()?,
                "aud" => aud = members.next_value()?,
                "iss" => iss = members.next_value()?,
                "ts" => ts = members.next_value()?,
                "exp" => exp = members.next_value()?,
                _ => drop(members.next_value_seed(Unique)?),
            }
            seen.push(name);
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("typ"))?;
        Ok(Claims { kind, uid, mid, attendrole, act, aud, iss, ts, exp })
    }
}

/// The action may carry a one-time handle, so it is not printed.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, uid, aud, iss, ts, exp, .. } = self;
        let mut claims = f.debug_struct("Claims");
        claims.field("kind", kind).field("uid", uid).field("aud", aud).field("iss", iss).field("ts", ts);
        claims.field("exp", exp).finish_non_exhaustive()
    }
}

/// The action may carry a one-time handle, so it is not printed.
impl fmt::Debug for AppContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, user, issued, expires, .. } = self;
        let mut context = f.debug_struct("AppContext");
        context.field("kind", kind).field("user", user).field("issued", issued).field("expires", expires);
        context.finish_non_exhaustive()
    }
}

/// Says where the JSON is wrong without quoting it: serde's own message may contain values.
fn content(error: &serde_json::Error) -> ContextError {
    use serde_json::error::Category;
    ContextError::Content(match error.classify() {
        Category::Data => "it is not an object, or a member is duplicated, missing or of the wrong type".into(),
        _ => "it is not JSON".into(),
    })
}

fn missing(claim: &str) -> ContextError {
    ContextError::Content(format!("the claim {claim} is missing"))
}
