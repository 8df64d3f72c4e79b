//! The identity assertion: a signed, short-lived JWT by which an upstream knows who calls, without trusting the network.

use std::sync::Arc;

use serde::Serialize;
use stagedoor_protocol::jwt::{Es256Key, Jwk};
use url::Url;

use crate::port::Clock;
use crate::seal::{MasterSecret, Purpose, TooShort, derive_scalar};
use crate::session::{Session, Surface};

/// How long an assertion is valid, in seconds.
pub const LIFE_SECONDS: i64 = 60;

/// Issues identity assertions. The key derives from the deployment's secret, so all replicas have the same.
#[derive(Clone)]
pub struct Assertions {
    keys: Arc<[Es256Key]>,
    /// Issuer and audience: the public URL as configured, without a trailing slash.
    origin: Arc<str>,
    clock: Arc<dyn Clock>,
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

impl Assertions {
    /// Derives the signing key from the current secret, and keys to publish from the previous ones.
    pub fn new(
        current: &MasterSecret,
        previous: &[MasterSecret],
        public_url: &Url,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TooShort> {
        let keys = std::iter::once(current).chain(previous).map(derive_key).collect::<Result<_, _>>()?;
        Ok(Self { keys, origin: public_url.as_str().trim_end_matches('/').into(), clock })
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

    /// The public keys.
    pub fn jwks(&self) -> JwkSet<'_> {
        JwkSet { keys: self.keys.iter().map(Es256Key::jwk).collect() }
    }
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
