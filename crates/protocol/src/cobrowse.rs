//! The tokens that let customers and agents into a Cobrowse session: HS256 with exactly the header and the claims of
//! Zoom's page "Authorize" (Cobrowse SDK), within its limits.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::consumer::is_control;
use crate::id::SdkKey;
use crate::secret::SdkSecret;
use crate::time::UnixSeconds;

mod request;

pub use request::{CobrowseRequest, InvalidRequest, MAX_REQUEST};

crate::secret! {
    /// A token for one person in one session.
    pub struct CobrowseToken;
}

/// Which part somebody has in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Whose page is shared: `role_type` 1.
    Customer,
    /// Who looks at it: `role_type` 2.
    Agent,
}

impl Role {
    /// The role of a `role_type`.
    pub fn of(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Customer),
            2 => Some(Self::Agent),
            _ => None,
        }
    }

    /// The `role_type`.
    pub fn number(self) -> u8 {
        match self {
            Self::Customer => 1,
            Self::Agent => 2,
        }
    }
}

/// How long a token lives, in seconds: `exp - iat`. 30 minutes to 48 hours, by Zoom's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(i64);

impl Lifetime {
    /// The shortest.
    pub const MIN: Self = Self(1_800);
    /// What Zoom's sample gives where nothing is asked for.
    pub const DEFAULT: Self = Self(7_200);
    /// The longest.
    pub const MAX: Self = Self(172_800);

    /// A lifetime within the limits.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&seconds).then_some(Self(seconds))
    }

    /// The seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

/// The id of somebody in a session, unique in it: 1 to 80 code points without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserId(String);

/// The name of somebody in a session: 1 to 80 code points, by Zoom's page, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserName(String);

/// Why a text is neither an id nor a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There must be something.
    #[error("Value is empty")]
    Empty,
    /// Too much.
    #[error("Value exceed max length. Got {0}, expected less than or equal to {MAX_TEXT}")]
    TooLong(usize),
    /// Text that could do something to whoever displays it.
    #[error("Value has control characters")]
    Control,
}

/// The longest name and the longest id, in code points.
pub const MAX_TEXT: usize = 80;

impl UserId {
    /// An id that nobody else has: 128 bits in base64url.
    pub fn random(bytes: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Parses an id.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        check(text).map(|()| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserName {
    /// Parses a name.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        check(text).map(|()| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As in Zoom's sample, somebody without a name goes by the id.
impl From<&UserId> for UserName {
    fn from(id: &UserId) -> Self {
        Self(id.0.clone())
    }
}

fn check(text: &str) -> Result<(), InvalidText> {
    match text.chars().count() {
        0 => Err(InvalidText::Empty),
        count if count > MAX_TEXT => Err(InvalidText::TooLong(count)),
        _ if text.chars().any(is_control) => Err(InvalidText::Control),
        _ => Ok(()),
    }
}

/// What a token says, besides the app and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The part in the session.
    pub role: Role,
    /// Unique in the session.
    pub user_id: UserId,
    /// What the others see.
    pub user_name: UserName,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Whether the customer brings a PIN of their own (Bring Your Own PIN).
    pub byop: bool,
}

/// Signs tokens of one Cobrowse app.
#[derive(Debug)]
pub struct CobrowseKey {
    app_key: SdkKey,
    key: hmac::Key,
}

/// The members in the order of Zoom's sample.
#[derive(Serialize)]
struct Payload<'a> {
    app_key: &'a str,
    role_type: u8,
    user_id: &'a UserId,
    user_name: &'a UserName,
    iat: UnixSeconds,
    exp: UnixSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_byop: Option<u8>,
}

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

impl CobrowseKey {
    /// Prepares the key of an app.
    pub fn new(app_key: SdkKey, secret: &SdkSecret) -> Self {
        Self { app_key, key: hmac::Key::new(HMAC_SHA256, secret.expose().as_bytes()) }
    }

    /// Signs what somebody was granted; the token's life is counted from `issued`.
    pub fn sign(&self, grant: &Grant, issued: UnixSeconds) -> CobrowseToken {
        let payload = Payload {
            app_key: self.app_key.as_str(),
            role_type: grant.role.number(),
            user_id: &grant.user_id,
            user_name: &grant.user_name,
            iat: issued,
            exp: UnixSeconds(issued.0.saturating_add(grant.lifetime.seconds())),
            enable_byop: grant.byop.then_some(1),
        };
        let payload = serde_json::to_vec(&payload).expect("a payload is a plain struct");
        let mut token = String::with_capacity(HEADER.len() + payload.len() * 4 / 3 + 50);
        token.push_str(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let tag = hmac::sign(&self.key, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut token);
        CobrowseToken::new(token)
    }
}
