//! Consumer authentication: who the visitor of a website is, told to Zoom Contact Center and Virtual Agent.
//!
//! The visitor's own site knows who they are; an [`Identify`] asks it. Whatever does not say so clearly and in time counts
//! as "not signed in": there is no token then, and the chat goes on without one.
//!
//! A program that embeds Stagedoor can bring a source of its own:
//!
//! ```
//! use stagedoor_flows::consumer::{Identify, Identity, Unidentified, Visitor};
//!
//! struct Sessions;
//!
//! #[async_trait::async_trait]
//! impl Identify for Sessions {
//!     async fn identify(&self, visitor: &Visitor<'_>) -> Result<Identity, Unidentified> {
//!         match visitor.cookie("sid") {
//!             Some("a session that is open") => {
//!                 let fields = [("email".to_owned(), "janet.smith@example.com".into())];
//!                 Ok(Identity { fields: fields.into_iter().collect(), expires: None })
//!             }
//!             _ => Err(Unidentified::Nobody),
//!         }
//!     }
//! }
//! ```

use std::fmt;
use std::sync::Arc;

use stagedoor_protocol::consumer::{ConsumerKey, ConsumerToken};
use stagedoor_protocol::time::{UnixMillis, UnixSeconds};

use crate::port::Clock;

mod claims;
mod error;
mod forward;
mod identity;
mod jwt_cookie;

pub use claims::{ClaimMap, InvalidClaimMap};
pub use error::ConsumerError;
pub use forward::{Forward, ForwardTerms};
pub use identity::{Identify, Identity, Unidentified, Visitor};
pub use jwt_cookie::JwtCookie;

/// How long a token may live, in seconds: the longest that a deployment can set.
pub const MAX_TTL_SECONDS: u32 = 3_600;

/// Issues consumer tokens.
#[derive(Clone)]
pub struct Consumer {
    keys: Arc<SigningKeys>,
    identify: Arc<dyn Identify>,
    claims: Arc<ClaimMap>,
    ttl_seconds: u32,
    clock: Arc<dyn Clock>,
}

/// The key that signs, and the one that takes over at an instant, so that all replicas change together.
///
/// Zoom verifies with the one public key that its admin page holds, so there is nothing to overlap there; what overlaps
/// is here: both keys are deployed, and the switch needs no restart.
#[derive(Debug)]
pub struct SigningKeys {
    current: ConsumerKey,
    next: Option<(UnixMillis, ConsumerKey)>,
}

impl SigningKeys {
    /// One key, and perhaps the next one with the instant from which it signs.
    pub fn new(current: ConsumerKey, next: Option<(UnixMillis, ConsumerKey)>) -> Self {
        Self { current, next }
    }

    /// The key that signs at an instant.
    pub fn at(&self, now: UnixMillis) -> &ConsumerKey {
        match &self.next {
            Some((from, next)) if now >= *from => next,
            _ => &self.current,
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consumer({:?})", self.keys)
    }
}

impl Consumer {
    /// Builds the flow. Tokens live for `ttl_seconds`, at most [`MAX_TTL_SECONDS`], and never longer than what says who
    /// the visitor is.
    pub fn new(
        keys: SigningKeys,
        identify: Arc<dyn Identify>,
        claims: ClaimMap,
        ttl_seconds: u32,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { keys: Arc::new(keys), identify, claims: Arc::new(claims), ttl_seconds, clock }
    }

    /// Issues a token for a visitor who is signed in on the site.
    pub async fn issue(&self, visitor: &Visitor<'_>) -> Result<ConsumerToken, ConsumerError> {
        let identity = self.identify.identify(visitor).await?;
        let claims = self.claims.pick(&identity.fields)?;
        let now = self.clock.now();
        let longest = UnixSeconds(now.to_seconds().0 + i64::from(self.ttl_seconds.min(MAX_TTL_SECONDS)));
        let expires = identity.expires.map_or(longest, |expires| expires.min(longest));
        if expires <= now.to_seconds() {
            return Err(Unidentified::Nobody.into());
        }
        Ok(self.keys.at(now).sign(&claims, expires))
    }
}
