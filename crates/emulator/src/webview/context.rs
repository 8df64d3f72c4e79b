//! What the client tells the app about who opened it: the claims of an app context, in Zoom's order.

use serde::Serialize;
use stagedoor_protocol::context::{ContextKey, ISSUER};
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;

use crate::entropy;
use crate::fault::Twist;
use crate::platform::Platform;
use crate::world::people::{Role, Typ, Where};
use crate::world::views::View;

/// How long a context lives, in milliseconds. Real ones live up to five seconds less.
const LIFE_MS: i64 = 120_000;
const LESS_MS: u32 = 5_001;

/// The claims of one context. The order is that of Zoom's contexts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Claims {
    pub(crate) typ: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attendrole: Option<String>,
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) ts: i64,
    pub(crate) exp: i64,
    pub(crate) entitlements: [(); 0],
}

impl Claims {
    /// What is true for a user at a place, now.
    pub(crate) fn new(platform: &Platform, user: Option<&str>, place: &Where) -> Self {
        let now = platform.now();
        Self {
            typ: name(place.typ),
            uid: user.map(Into::into),
            mid: place.meeting.clone().filter(|_| place.typ == Typ::Meeting),
            act: None,
            iid: None,
            attendrole: place.role.map(name),
            aud: platform.config.client_id.to_string(),
            iss: ISSUER.into(),
            ts: now.0,
            exp: now.plus_millis(LIFE_MS - i64::from(entropy::below(LESS_MS))).0,
            entitlements: [],
        }
    }

    /// What is true for a view now: its user, the place where the client is, and the action of the deep link that opened
    /// it, as long as that lives.
    pub(crate) fn of_view(platform: &Platform, view: &View, place: &Where) -> Self {
        let user = (!view.is_guest() && !place.is_for_guests()).then_some(view.user.as_str());
        let now = platform.now();
        let live = view.action.as_ref().filter(|opened| opened.until > now);
        Self { act: live.map(|opened| opened.action.clone()), ..Self::new(platform, user, place) }
    }

    /// The claims, sealed for this app.
    pub(crate) fn seal(&self, key: &ContextKey) -> String {
        let plaintext = serde_json::to_vec(self).expect("claims have string keys");
        key.seal(&plaintext, entropy::bytes())
    }

    /// The headers that the client sends: one context, or what a fault makes of it.
    pub(crate) fn headers(mut self, platform: &Platform, fault: Option<Twist>) -> Vec<String> {
        match fault {
            Some(Twist::ContextMissing) => vec![],
            Some(Twist::ContextTwice) => {
                vec![self.seal(&platform.context_key), self.seal(&platform.context_key)]
            }
            Some(Twist::ContextExpired) => {
                self.ts -= 3_600_000;
                self.exp -= 3_600_000;
                vec![self.seal(&platform.context_key)]
            }
            Some(Twist::ContextOtherApp) => {
                self.aud = entropy::base64url(22);
                vec![self.seal(&platform.context_key)]
            }
            Some(Twist::ContextOtherSecret) => {
                vec![self.seal(&ContextKey::new(&ClientSecret::new(entropy::base64url(32))))]
            }
            _ => vec![self.seal(&platform.context_key)],
        }
    }
}

impl Where {
    /// The role as the Apps SDK names it; none in the main client.
    pub(crate) fn role_name(&self) -> Option<String> {
        self.role.map(name::<Role>)
    }
}

/// The name under which a plain value is serialised.
fn name<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("a plain enum is serialised as its name, not as {other:?}"),
    }
}

/// An instant later than `ts` at which a minted context expires.
pub(crate) fn default_exp(ts: UnixMillis) -> UnixMillis {
    ts.plus_millis(LIFE_MS)
}
