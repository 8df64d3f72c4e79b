//! Grants that stay alive: single-use refresh tokens, refreshed by one caller at a time, of any number of processes.
//!
//! An issuer that rotates refresh tokens kills the old one with each refresh. Whoever refreshes twice, or loses an
//! answer, loses the grant. So a refresh is a change of the record in two steps, both compare-and-set:
//!
//! ```text
//!            intent                  answer
//! live ──────────────▶ refreshing ──────────▶ live, with new tokens
//!  ▲                    │  │  └─────────────▶ needs re-authorisation   `invalid_grant`, and nothing else
//!  │  its time is over  │  └────────────────▶ resting                  anything else; the token may be good
//!  └────────────────────┼─────────────────────┘
//!                       └──────────────────── nobody answers for it any more: the answer is lost
//! ```
//!
//! The intent is durable before the issuer is asked, so a lost answer is known to be lost. Where that is possible, the
//! same refresh token is tried once more: at once by whoever lost the answer, or later by whoever finds the intent. A
//! token that may have been used already is told apart when it is refused ([`Ending::AnswerLost`]).
//!
//! [`Refresher`] is the machine; an [`Issuer`] makes the one call, and a [`Holder`] is what lies in the vault.

use std::pin::Pin;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::secret::{AccessToken, RefreshToken};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use crate::port::{Deadline, Shelf};
use crate::vault::Item;

mod cache;
mod due;
mod error;
mod flight;
mod patience;
mod refresher;
mod told;

pub use due::Round;
pub(crate) use due::schedule;
pub use error::{Cause, Failure, RefreshError};
pub use refresher::Refresher;
pub use told::Told;

/// How long the answer to a refresh token is waited for: twice as long as for others, because with it goes the grant.
/// Together with what comes before (an intent, and a provider's discovery) it takes less than makes an orphan.
pub(crate) const ANSWER: Deadline = Deadline(Duration::from_secs(16));

/// An access token that is about to expire is not handed out any more, in milliseconds: the call it is for takes time.
const MARGIN_MS: i64 = 10_000;

/// How long before its expiry a token is refreshed at the latest, in milliseconds; at the earliest twice as long. For
/// tokens that live less than twenty minutes, a quarter of their life.
const LEAD_MS: i64 = 300_000;

/// A grant that nobody has used for so long is not kept fresh any more, in milliseconds: a day, the hour by which the
/// last use may be noted too early, and another one, because who comes every day does not come on the minute.
const IN_USE_MS: i64 = 26 * 3_600_000;

/// A grant that nobody uses is refreshed after so long all the same, in milliseconds: sixty days. Zoom's refresh tokens
/// live ninety.
const KEEP_ALIVE_MS: i64 = 60 * 86_400_000;

/// Tokens that an issuer has given, and what became of them. An access token names its generation: as long as a record
/// holds the same one, its refresh token is the same too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// For calls.
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    pub access: AccessToken,
    /// For the next refresh. Some issuers give none; a grant that is over has none any more.
    #[serde(default, with = "stagedoor_protocol::secret::exposed::option")]
    pub refresh: Option<RefreshToken>,
    /// When the access token expires; `None` where its issuer does not say.
    #[serde(default)]
    pub access_expires: Option<UnixMillis>,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// When the tokens were given.
    pub refreshed: UnixMillis,
    /// Where the access token is good, if its issuer says so.
    #[serde(default)]
    pub api: Option<Url>,
    /// When somebody asked for the token, to the hour.
    #[serde(default = "long_ago")]
    pub used: UnixMillis,
    /// When a token that a server had refused was last replaced before its time.
    #[serde(default = "long_ago")]
    pub replaced: UnixMillis,
    /// What became of it.
    #[serde(default)]
    pub standing: Standing,
}

/// What became of a grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// As far as anybody knows, its tokens are good.
    #[default]
    Live,
    /// The refresh token is being used. Where nobody answers for it any more, the answer is lost.
    Refreshing {
        /// Since when.
        since: UnixMillis,
        /// Which attempt: a random number.
        attempt: u64,
        /// What went before.
        past: Past,
    },
    /// The last refresh brought nothing, and the next one waits.
    Resting {
        /// Since when.
        since: UnixMillis,
        /// How long.
        until: UnixMillis,
        /// What went before.
        past: Past,
    },
    /// It is over: the user has to authorize anew.
    NeedsReauth {
        /// Since when.
        since: UnixMillis,
        /// Why.
        reason: Ending,
    },
}

/// What has happened to the present refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// How often it was sent without an answer that says whether it was used up.
    pub doubts: u32,
    /// How often in a row a refresh brought nothing.
    pub failures: u32,
}

/// Why a grant is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The issuer does not accept the refresh token: revoked, removed, superseded or too old.
    Refused,
    /// The issuer does not accept the refresh token, and an earlier answer to it never arrived: it was used up then.
    AnswerLost,
    /// The access token has expired, and there is no refresh token.
    Expired,
}

impl Ending {
    /// The name for metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::AnswerLost => "answer_lost",
            Self::Expired => "expired",
        }
    }
}

/// Something in the vault that holds a grant.
pub trait Holder: Item + Clone + 'static {
    /// The shelf of the queue that says which grants are due.
    const DUE: Shelf;

    /// The grant.
    fn grant(&self) -> &Grant;

    /// The grant, to change it.
    fn grant_mut(&mut self) -> &mut Grant;

    /// Whose it is; it is erased with everything else of this user.
    fn owner(&self) -> Option<&ZoomUserId>;
}

/// What a token endpoint gives.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// For calls.
    pub access: AccessToken,
    /// For the next refresh; `None` where the present one stays good (RFC 6749 section 6).
    pub refresh: Option<RefreshToken>,
    /// How long the access token lives, counted from the answer.
    pub expires_in: Option<Duration>,
    /// The granted scopes; `None` where they are the same as before (RFC 6749 section 5.1).
    pub scopes: Option<Vec<String>>,
    /// Where the access token is good, checked.
    pub api: Option<Url>,
}

/// Who gives tokens.
#[async_trait::async_trait]
pub trait Issuer<T>: Send + Sync + 'static {
    /// Sends the refresh token of `item`, exactly once.
    async fn refresh(&self, item: &T, token: &RefreshToken) -> Result<Renewed, Failure>;

    /// Gives back a token that nobody will use, because its item was erased while it was on its way.
    async fn discard(&self, item: &T, token: &AccessToken);

    /// The name of the one whose patience counts: what it says about its limits holds for all items of this name.
    fn name<'a>(&self, _item: &'a T) -> &'a str {
        ""
    }
}

/// Work that has to come to its end.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Completes when an errand is done, or with `None` when nobody does it any more.
pub type Answer = Pin<Box<dyn Future<Output = Option<Done>> + Send>>;

/// What carries refreshes, so that flows need no runtime: it drives them, and hears what came of them.
///
/// A refresh that has begun must end, whether or not somebody still waits for it. So it is handed over here, once, when
/// it begins.
pub trait Driver: Send + Sync + 'static {
    /// Runs `work` to its end. A process that stops in order waits for it.
    fn drive(&self, work: Work);

    /// Hears what came of a refresh.
    fn landed(&self, outcome: Outcome, cause: Option<&Cause>);

    /// Hands a refresh over to a process that may outlive this one, which does it with [`Refresher::run_errand`]. `None`
    /// where there is no such process; then it is done here.
    fn hand_over(&self, _errand: &Errand) -> Option<Answer> {
        None
    }
}

/// A refresh to be done by another process on the same store. It names no secret: what it takes lies in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The shelf of the item.
    pub shelf: String,
    /// The key of the item.
    pub key: String,
    /// Whether the present token is to be replaced before its time.
    pub forced: bool,
    /// Whether somebody uses the grant now.
    pub used: bool,
}

/// What became of an errand, as far as the store does not know it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    /// For how long the issuer wants to be left alone, by everybody.
    pub left_alone: Option<Duration>,
    /// What the issuer said instead of giving tokens, and when to ask again.
    pub refusal: Option<(Told, Duration)>,
}

impl Errand {
    /// Whether the item is of this kind.
    pub fn is_of<T: Holder>(&self) -> bool {
        self.shelf == T::SHELF.0
    }
}

/// What came of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// New tokens are stored.
    Renewed,
    /// New tokens are stored, after an earlier answer had been lost.
    Healed,
    /// The issuer refused, or could not be reached; the grant is as good as before.
    Refused,
    /// The issuer asks for patience.
    Limited,
    /// No answer that says whether the token was used up.
    Unknown,
    /// The grant is over.
    Ended(Ending),
    /// There are new tokens, and the store took them for as long as there was patience neither.
    Unstored,
}

impl Outcome {
    /// The name for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Healed => "healed",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::Unknown => "unknown",
            Self::Ended(_) => "ended",
            Self::Unstored => "unstored",
        }
    }
}

impl Grant {
    /// A grant that has just been given.
    pub fn new(renewed: Renewed, now: UnixMillis) -> Self {
        let Renewed { access, refresh, expires_in, scopes, api } = renewed;
        Self {
            access,
            refresh,
            access_expires: expires(expires_in, now),
            scopes: scopes.unwrap_or_default(),
            refreshed: now,
            api,
            used: now,
            replaced: long_ago(),
            standing: Standing::Live,
        }
    }

    /// Whether the access token is good for a call at `now`, as far as its lifetime goes.
    pub fn serves(&self, now: UnixMillis) -> bool {
        let over = matches!(self.standing, Standing::NeedsReauth { .. });
        !over && self.access_expires.is_none_or(|expires| expires.since(now) > MARGIN_MS)
    }

    /// When and why the user has to authorize anew.
    pub fn ended(&self) -> Option<(UnixMillis, Ending)> {
        match self.standing {
            Standing::NeedsReauth { since, reason } => Some((since, reason)),
            _ => None,
        }
    }

    /// When the tokens should be refreshed: ahead of their expiry, and for each grant a little earlier or later, so that
    /// grants that were given together do not fall due together.
    fn due(&self) -> Option<UnixMillis> {
        let expires = self.access_expires.filter(|_| self.refresh.is_some())?;
        let lead = (expires.since(self.refreshed) / 4).clamp(0, LEAD_MS);
        // The token is as random as it gets, and all replicas see the same.
        let hash = digest(&SHA256, self.access.expose().as_bytes());
        let spread = i64::from(u16::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1]]));
        Some(expires.plus_millis(-lead - lead * spread / i64::from(u16::MAX)))
    }

    fn is_due(&self, now: UnixMillis) -> bool {
        let soon = self.access_expires.is_some_and(|expires| expires.since(now) <= 2 * LEAD_MS);
        soon && self.due().is_some_and(|due| due <= now)
    }

    /// When somebody should look after it next; `None` where there is nothing to do.
    fn next_look(&self, now: UnixMillis) -> Option<UnixMillis> {
        let due = self.due()?;
        let in_use = now.since(self.used) < IN_USE_MS;
        match self.standing {
            Standing::NeedsReauth { .. } => None,
            Standing::Resting { until, .. } if in_use => Some(until),
            _ if in_use => Some(due),
            _ => Some(self.refreshed.plus_millis(KEEP_ALIVE_MS).max(due)),
        }
    }

    /// Takes what an issuer has given for `token`, which stays good where there is no other one.
    fn renew(&mut self, renewed: Renewed, token: &RefreshToken, now: UnixMillis) {
        let Renewed { access, refresh, expires_in, scopes, api } = renewed;
        self.access = access;
        self.refresh = Some(refresh.unwrap_or_else(|| token.clone()));
        self.access_expires = expires(expires_in, now);
        if let Some(scopes) = scopes {
            self.scopes = scopes;
        }
        self.refreshed = now;
        self.api = api;
        self.standing = Standing::Live;
    }

    /// What is known about the refresh token; an intent that was found counts as a lost answer.
    fn past(&self) -> Past {
        match self.standing {
            Standing::Live | Standing::NeedsReauth { .. } => Past::default(),
            Standing::Resting { past, .. } => past,
            Standing::Refreshing { past, .. } => Past { doubts: past.doubts.saturating_add(1), ..past },
        }
    }
}

fn expires(expires_in: Option<Duration>, now: UnixMillis) -> Option<UnixMillis> {
    let seconds = i64::try_from(expires_in?.as_secs()).unwrap_or(i64::MAX);
    Some(now.plus_seconds(seconds))
}

fn long_ago() -> UnixMillis {
    UnixMillis(0)
}
