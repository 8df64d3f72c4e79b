//! Rate limits of the REST API: those of the account in a second and a day, and one of the user in a day.
//!
//! See <https://developers.zoom.us/docs/api/rate-limits/>.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stagedoor_protocol::time::UnixMillis;

/// What the account pays for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plan {
    Free,
    #[default]
    Pro,
    Business,
    /// No limits, which no plan of Zoom has.
    None,
}

/// How much work a call is to Zoom: its label in the API's reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    Light,
    Medium,
}

/// Which limit a call met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Of the account, in a second.
    Second,
    /// Of the account, in a day.
    Day,
    /// Of the user's changes of meetings, in a day.
    Changes,
}

/// A call that is counted, as Zoom's answer tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) weight: Weight,
    /// The limit that says how many are left: the one that was met, else that of the second.
    pub(crate) limit: Limit,
    pub(crate) of: u32,
    pub(crate) left: u32,
}

/// How many meetings a user may create or change in a day.
pub(crate) const CHANGES_A_DAY: u32 = 100;

/// The counters. There are as many as there are accounts and users.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) plan: Plan,
    seconds: BTreeMap<(String, Weight), Count>,
    days: BTreeMap<(String, Weight), Count>,
    changes: BTreeMap<String, Count>,
}

/// Calls in a span of time.
#[derive(Default)]
struct Count {
    /// The number of the span.
    span: i64,
    calls: u32,
}

impl Count {
    /// Counts a call in a span; how many are left of `limit` afterwards, none if there was none left.
    fn add(&mut self, span: i64, limit: u32) -> Option<u32> {
        if self.span != span {
            *self = Self { span, calls: 0 };
        }
        let left = limit.checked_sub(self.calls + 1)?;
        self.calls += 1;
        Some(left)
    }
}

impl Plan {
    fn a_second(self, weight: Weight) -> u32 {
        match (self, weight) {
            (Self::Free, Weight::Light) => 4,
            (Self::Free, Weight::Medium) => 2,
            (Self::Pro, Weight::Light) => 30,
            (Self::Pro, Weight::Medium) => 20,
            (Self::Business, Weight::Light) => 80,
            (Self::Business, Weight::Medium) => 60,
            (Self::None, _) => u32::MAX,
        }
    }

    fn a_day(self, weight: Weight) -> u32 {
        match (self, weight) {
            (Self::Free, Weight::Light) => 6_000,
            (Self::Free, Weight::Medium) => 2_000,
            _ => u32::MAX,
        }
    }
}

impl Limits {
    /// Counts a call of an account; `Err` where it is one too many.
    pub(crate) fn count(&mut self, account: &str, weight: Weight, now: UnixMillis) -> Result<Counted, Counted> {
        let key = (account.to_owned(), weight);
        let (second, day) = (self.plan.a_second(weight), self.plan.a_day(weight));
        let told = |limit, of, left| Counted { weight, limit, of, left };
        let of_day = self.days.entry(key.clone()).or_default().add(now.0.div_euclid(DAY_MS), day);
        of_day.ok_or_else(|| told(Limit::Day, day, 0))?;
        let of_second = self.seconds.entry(key).or_default().add(now.0.div_euclid(1000), second);
        let left = of_second.ok_or_else(|| told(Limit::Second, second, 0))?;
        Ok(told(Limit::Second, second, left))
    }

    /// Counts a change of a user's meetings; `Err` where it is one too many.
    pub(crate) fn count_change(&mut self, user: &str, now: UnixMillis) -> Result<(), Counted> {
        let limit = if self.plan == Plan::None { u32::MAX } else { CHANGES_A_DAY };
        let count = self.changes.entry(user.to_owned()).or_default();
        let left = count.add(now.0.div_euclid(DAY_MS), limit);
        left.map(drop).ok_or(Counted { weight: Weight::Light, limit: Limit::Changes, of: limit, left: 0 })
    }
}

impl Counted {
    /// The day's limit of an account, used up.
    pub(crate) fn day_is_over() -> Self {
        Self { weight: Weight::Medium, limit: Limit::Day, of: 2_000, left: 0 }
    }
}

/// The next midnight, when the limits of the day begin anew: an ISO 8601 instant.
pub(crate) fn midnight(now: UnixMillis) -> String {
    instant(UnixMillis((now.0.div_euclid(DAY_MS) + 1) * DAY_MS))
}

/// An instant as Zoom writes it: ISO 8601, to the second.
pub(crate) fn instant(at: UnixMillis) -> String {
    Timestamp::from_second(at.to_seconds().0).unwrap_or(Timestamp::MAX).to_string()
}

const DAY_MS: i64 = 86_400_000;
