//! The identity assertion: a signed, short-lived JWT by which an upstream knows who calls, without trusting the network.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::jwt::{Choice, Es256Key, Jwk, JwtError, SignedJwt, Terms, VerifyingKeys};
use url::Url;

use crate::fault::{Classified, Fault};
use crate::port::Clock;
use crate::seal::{MasterSecret, Purpose, TooShort, derive_scalar};
use crate::session::{Session, Surface};

/// How long an assertion is valid, in seconds.
pub const LIFE_SECONDS: i64 = 60;

/// Issues identity assertions, and verifies those that come back. The key derives from the deployment's secret, so all
/// replicas have the same.
#[derive(Clone)]
pub struct Assertions {
    keys: Arc<[Es256Key]>,
    /// The public halves.
    public: VerifyingKeys,
    /// Issuer and audience: the public URL as configured, without a trailing slash.
    origin: Arc<str>,
    clock: Arc<dyn Clock>,
}

/// Why an assertion that comes back says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not signed by this deployment, or not for it.
    #[error("not an assertion of this deployment")]
    Foreign,
    /// Older than [`LIFE_SECONDS`].
    #[error("the assertion has expired")]
    Expired,
}

/// The public keys (RFC 7517), for `/zoom/jwks.json`. Those of previous secrets are among them.
#[derive(Debug, Serialize)]
pub struct JwkSet<'a> {
    keys: Vec<&'a Jwk>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    iat: i64,
    exp: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meeting: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    surface: Surface,
}

/// What counts of an assertion that comes back.
#[derive(Deserialize)]
struct Returned {
    sub: Option<ZoomUserId>,
}

impl Assertions {
    /// Derives the signing key from the current secret, and keys to publish from the previous ones.
    pub fn new(
        current: &MasterSecret,
        previous: &[MasterSecret],
        public_url: &Url,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TooShort> {
        let keys: Arc<[_]> = std::iter::once(current).chain(previous).map(derive_key).collect::<Result<_, _>>()?;
        let set = serde_json::to_vec(&set_of(&keys)).expect("a set of keys is a plain struct");
        let public = VerifyingKeys::read_set(&set).expect("a set of ours is a set");
        Ok(Self { keys, public, origin: public_url.as_str().trim_end_matches('/').into(), clock })
    }

    /// Signs who has the app open, for the next [`LIFE_SECONDS`]. A guest's assertion has no `sub`.
    pub fn issue(&self, session: &Session) -> String {
        let now = self.clock.now().to_seconds().0;
        self.keys[0].sign(&Claims {
            iss: &self.origin,
            aud: &self.origin,
            sub: session.user.as_ref().map(stagedoor_protocol::id::ZoomUserId::as_str),
            iat: now,
            exp: now + LIFE_SECONDS,
            kind: &session.kind,
            meeting: session.meeting.as_ref().map(stagedoor_protocol::id::MeetingUuid::as_str),
            role: session.role.as_deref(),
            surface: session.surface,
        })
    }

    /// Verifies an assertion that an upstream sends back, and says who it is about; `None` for a guest.
    ///
    /// One algorithm, the keys of this deployment alone, its own issuer and audience (RFC 8725 section 3).
    pub fn verify(&self, assertion: &str) -> Result<Option<ZoomUserId>, AssertionError> {
        let claims = SignedJwt::read(assertion, Choice::ByKey)?.open(&self.public)?;
        let now = self.clock.now().to_seconds();
        Terms { issuer: &self.origin, audience: &self.origin, now, grace: 0 }.check(&claims)?;
        let Returned { sub } = serde_json::from_value(Value::Object(claims)).map_err(|_| AssertionError::Foreign)?;
        Ok(sub)
    }

    /// The public keys.
    pub fn jwks(&self) -> JwkSet<'_> {
        set_of(&self.keys)
    }
}

fn set_of(keys: &[Es256Key]) -> JwkSet<'_> {
    JwkSet { keys: keys.iter().map(Es256Key::jwk).collect() }
}

/// A derived scalar is outside the group once in four billion secrets; the counter then gives another one.
fn derive_key(secret: &MasterSecret) -> Result<Es256Key, TooShort> {
    for counter in 0..=u8::MAX {
        if let Ok(key) = Es256Key::from_scalar(&*derive_scalar(secret, Purpose::Assertion, counter)?) {
            return Ok(key);
        }
    }
    unreachable!("256 derived scalars outside the group of P-256 have a probability below 2^-8000")
}

impl From<JwtError> for AssertionError {
    fn from(error: JwtError) -> Self {
        if error == JwtError::Expired { Self::Expired } else { Self::Foreign }
    }
}

impl Classified for AssertionError {
    fn fault(&self) -> Fault {
        match self {
            Self::Foreign => Fault::Forbidden,
            Self::Expired => Fault::Stale,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Foreign => "assertion_invalid",
            Self::Expired => "assertion_expired",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Foreign => "This assertion was not made here, or not for this app.".into(),
            Self::Expired => "This assertion is more than a minute old.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        "Send X-Stagedoor-Assertion as it came with the request that is being answered."
    }
}
