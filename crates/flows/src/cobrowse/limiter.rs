//! How many tokens a minute: a leaky bucket for each caller (the generic cell rate algorithm), in bounded memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::time::UnixMillis;

use super::error::CobrowseError;

/// A number of tokens in a minute, all of which may be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMinute(u32);

impl PerMinute {
    /// At least one.
    pub const fn of(count: u32) -> Self {
        Self(if count == 0 { 1 } else { count })
    }

    fn interval(self) -> i64 {
        (MINUTE / i64::from(self.0)).max(1)
    }
}

/// In nanoseconds, like every time below.
const MINUTE: i64 = 60_000_000_000;

/// The last instant that is counted with, in milliseconds: in the year 2262 the nanoseconds run over.
const LAST: i64 = 9_000_000_000_000;

/// Whose tokens are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bucket {
    Pages,
    Address(IpAddr),
    Agent(ZoomUserId),
    ApiKey(usize),
}

impl Bucket {
    /// A network of 64 bits counts as one IPv6 address: it is what a household is given.
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Counts. An address is remembered only for as long as it has less than its whole minute's worth, and only when a
/// token was issued; the limit of all pages together therefore bounds the number of addresses.
#[derive(Default)]
pub(super) struct Limiter(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// When each bucket is empty again.
    empty: HashMap<Bucket, i64>,
    /// At this size, what is empty is thrown out.
    sweep_at: usize,
}

/// The smallest size at which anything is thrown out.
const SMALL: usize = 1024;

impl Limiter {
    /// Takes one from each bucket, or from none where one of them is full.
    pub(super) fn take(&self, buckets: &[(Bucket, PerMinute)], now: UnixMillis) -> Result<(), CobrowseError> {
        let now = now.0.clamp(0, LAST).saturating_mul(1_000_000);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = Vec::with_capacity(buckets.len());
        for (bucket, limit) in buckets {
            // What is full for longer than a minute was filled by a clock that has been set back since.
            let empty = counts.empty.get(bucket).copied().filter(|empty| *empty - now <= MINUTE);
            let next = empty.unwrap_or(now).max(now) + limit.interval();
            if next - now > MINUTE {
                let wait = u64::try_from(next - now - MINUTE).unwrap_or_default();
                return Err(CobrowseError::TooMany { wait: Duration::from_nanos(wait) });
            }
            filled.push((bucket, next));
        }
        for (bucket, next) in filled {
            counts.empty.insert(bucket.clone(), next);
        }
        if counts.empty.len() >= counts.sweep_at.max(SMALL) {
            counts.empty.retain(|_, empty| *empty > now);
            counts.sweep_at = 2 * counts.empty.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mn_33_addresses_are_forgotten_when_their_minute_is_over() {
        let limiter = Limiter::default();
        for at in 0..100_000_u32 {
            let bucket = Bucket::address(IpAddr::V4(at.into()));
            let now = UnixMillis(1_763_769_600_000 + i64::from(at) * 100);
            limiter.take(&[(bucket, PerMinute::of(10)), (Bucket::Pages, PerMinute::of(600))], now).unwrap();
            let remembered = limiter.0.lock().unwrap().empty.len();
            assert!(remembered <= 2 * SMALL, "{remembered} after {at}");
        }
    }

    #[test]
    fn a_household_is_one_address() {
        let same = |a: &str, b: &str| Bucket::address(a.parse().unwrap()) == Bucket::address(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.2", "192.0.2.1"));
    }
}
