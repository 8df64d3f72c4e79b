//! Cobrowse tokens: who may have one, of which role, for how long and how often.
//!
//! A page of the customers' site gets customer tokens, within limits that are ours; agents and servers, who prove who they
//! are, get what their rights allow. Every token leaves a [`Receipt`] for the audit log.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use stagedoor_protocol::cobrowse::{
    CobrowseKey, CobrowseRequest, CobrowseToken, Grant, InvalidRequest, Lifetime, Role, UserId, UserName,
};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::time::UnixSeconds;

use crate::port::{Clock, Entropy};

mod api_key;
mod error;
mod limiter;

pub use api_key::{ApiKey, ApiKeyHash, ApiKeyTerms, InvalidHash};
pub use error::CobrowseError;
pub use limiter::PerMinute;

use limiter::{Bucket, Limiter};

/// How far tokens are dated back, in seconds, as the code on Zoom's page does: Zoom's clock may be behind ours.
pub const BACKDATED_SECONDS: i64 = 30;

/// How many tokens one agent may have in a minute.
const PER_AGENT: PerMinute = PerMinute::of(60);

/// Who may have tokens.
#[derive(Clone, Debug)]
pub struct CobrowseTerms {
    /// The origins whose pages get customer tokens, as browsers write them.
    pub origins: Vec<String>,
    /// The Zoom users who get agent tokens.
    pub agents: Vec<ZoomUserId>,
    /// The servers that get tokens.
    pub api_keys: Vec<ApiKeyTerms>,
    /// The longest life of a token for a page; the one it gets where it asks for none is at most Zoom's default.
    pub page_lifetime: Lifetime,
    /// How many tokens pages at one address may have.
    pub per_address: PerMinute,
    /// How many tokens all pages together may have.
    pub all_pages: PerMinute,
}

/// Who asks, by what the request proves.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// A credential that is no session of ours. It must be an API key, or nobody is asking.
    pub api_key: Option<&'a ApiKey>,
    /// The Zoom user of a session, whose own page sent the request.
    pub user: Option<&'a ZoomUserId>,
    /// The origin of the page.
    pub origin: Option<&'a str>,
    /// Where the request comes from.
    pub address: IpAddr,
}

/// A token, and what is written down about it.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: CobrowseToken,
    /// For the audit log.
    pub receipt: Receipt,
}

/// What the audit log learns: everything but the token.
#[derive(Debug)]
pub struct Receipt {
    /// Who asked: `page https://…`, `agent ID` or `key NAME`.
    pub caller: String,
    /// The role.
    pub role: Role,
    /// The id in the session.
    pub user_id: UserId,
    /// When the token ends.
    pub expires: UnixSeconds,
}

/// Issues Cobrowse tokens.
#[derive(Clone)]
pub struct Cobrowse(Arc<Inner>);

struct Inner {
    key: CobrowseKey,
    terms: CobrowseTerms,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Who has been let in.
enum Caller<'a> {
    Page { origin: &'a str, address: IpAddr },
    Agent(&'a ZoomUserId),
    Server { at: usize, terms: &'a ApiKeyTerms },
}

impl fmt::Debug for Cobrowse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cobrowse").field(&self.0.terms).finish()
    }
}

impl Cobrowse {
    /// Builds the flow.
    pub fn new(key: CobrowseKey, terms: CobrowseTerms, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Inner { key, terms, limiter: Limiter::default(), clock, entropy }))
    }

    /// The origins whose pages get customer tokens.
    pub fn origins(&self) -> &[String] {
        &self.0.terms.origins
    }

    /// Issues a token for what `body` asks, to whoever may have it.
    pub fn issue(&self, asker: Asker<'_>, body: &[u8]) -> Result<Issued, CobrowseError> {
        let Inner { key, terms, limiter, clock, entropy } = &*self.0;
        let caller = terms.admit(asker)?;
        let request = CobrowseRequest::parse(body)?;
        let now = clock.now();
        let lifetime = terms.check(&caller, &request)?;
        limiter.take(&terms.buckets(&caller), now)?;
        // An id that an anonymous page chose could be somebody else's in the session, so it gets one of ours.
        let given = request.user_id.filter(|_| !caller.is_page());
        let user_id = given.unwrap_or_else(|| UserId::random(entropy.bytes()));
        let user_name = request.user_name.unwrap_or_else(|| UserName::from(&user_id));
        let grant = Grant { role: request.role, user_id, user_name, lifetime, byop: request.byop };
        let issued = UnixSeconds(now.to_seconds().0 - BACKDATED_SECONDS);
        let token = key.sign(&grant, issued);
        let Grant { role, user_id, .. } = grant;
        let expires = UnixSeconds(issued.0 + lifetime.seconds());
        Ok(Issued { token, receipt: Receipt { caller: caller.to_string(), role, user_id, expires } })
    }
}

impl CobrowseTerms {
    /// A credential that is wrong is not passed over: whoever sends one means to be more than a page.
    fn admit<'a>(&'a self, asker: Asker<'a>) -> Result<Caller<'a>, CobrowseError> {
        if let Some(key) = asker.api_key {
            let at = api_key::find(&self.api_keys, key).ok_or(CobrowseError::Unknown)?;
            return Ok(Caller::Server { at, terms: &self.api_keys[at] });
        }
        if let Some(user) = asker.user.filter(|user| self.agents.contains(user)) {
            return Ok(Caller::Agent(user));
        }
        match asker.origin {
            Some(origin) if self.origins.iter().any(|own| own == origin) => {
                Ok(Caller::Page { origin, address: asker.address })
            }
            _ if asker.user.is_some() => Err(CobrowseError::NotAnAgent),
            Some(_) => Err(CobrowseError::Origin),
            None => Err(CobrowseError::Unknown),
        }
    }

    fn check(&self, caller: &Caller<'_>, request: &CobrowseRequest) -> Result<Lifetime, CobrowseError> {
        let longest = match caller {
            Caller::Page { .. } if request.role == Role::Agent => return Err(CobrowseError::Unknown),
            Caller::Server { terms, .. } if !terms.roles.contains(&request.role) => return Err(CobrowseError::Role),
            Caller::Page { .. } => self.page_lifetime,
            Caller::Agent(_) | Caller::Server { .. } => Lifetime::MAX,
        };
        match request.lifetime {
            Some(lifetime) if lifetime > longest => Err(InvalidRequest::too_long(longest).into()),
            Some(lifetime) => Ok(lifetime),
            None => Ok(Lifetime::DEFAULT.min(longest)),
        }
    }

    fn buckets(&self, caller: &Caller<'_>) -> Vec<(Bucket, PerMinute)> {
        match caller {
            Caller::Page { address, .. } => {
                vec![(Bucket::address(*address), self.per_address), (Bucket::Pages, self.all_pages)]
            }
            Caller::Agent(user) => vec![(Bucket::Agent((*user).clone()), PER_AGENT)],
            Caller::Server { at, terms } => vec![(Bucket::ApiKey(*at), terms.per_minute)],
        }
    }
}

impl Caller<'_> {
    fn is_page(&self) -> bool {
        matches!(self, Self::Page { .. })
    }
}

impl fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { origin, .. } => write!(f, "page {origin}"),
            Self::Agent(user) => write!(f, "agent {user}"),
            Self::Server { terms, .. } => write!(f, "key {}", terms.name),
        }
    }
}
