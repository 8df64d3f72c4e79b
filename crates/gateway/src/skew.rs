//! How far this machine's clock is off, as far as others tell: every answer over HTTP says when it was given.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, header};
use jiff::fmt::rfc2822::DateTimeParser;
use stagedoor_protocol::time::UnixMillis;

/// What is forgiven, in seconds: answers travel, and app contexts forgive as much.
const FORGIVEN: i64 = 60;

/// Says when the clock is off, and when it is right again; not every time in between.
#[derive(Debug, Default)]
pub(crate) struct Skew {
    is_off: AtomicBool,
}

impl Skew {
    /// Compares the clock with the answer of a host.
    pub(crate) fn note(&self, host: &str, headers: &HeaderMap, now: UnixMillis) {
        let Some(ahead) = seconds_ahead(headers, now) else { return };
        let is_off = ahead.abs() > FORGIVEN;
        if self.is_off.swap(is_off, Ordering::Relaxed) == is_off {
            return;
        }
        let (by, how) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
        if is_off {
            tracing::error!("this machine's clock is {by} s {how} that of {host}; set it, or launches are refused");
        } else {
            tracing::info!("this machine's clock agrees with that of {host} again");
        }
    }
}

/// How many seconds `now` is ahead of the `Date` of an answer (RFC 9110 section 6.6.1).
fn seconds_ahead(headers: &HeaderMap, now: UnixMillis) -> Option<i64> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let answered = DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(now.to_seconds().0.saturating_sub(answered.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(date: &str) -> Option<i64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, date.parse().unwrap());
        seconds_ahead(&headers, UnixMillis(784_111_777_500))
    }

    #[test]
    fn the_difference_is_told_in_seconds() {
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:39:37 GMT"), Some(600));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:51:37 GMT"), Some(-120));
    }

    #[test]
    fn what_is_no_date_tells_nothing() {
        for odd in ["", "now", "Sun, 06 Nov 1994", "784111777"] {
            assert_eq!(ahead(odd), None, "{odd:?}");
        }
        assert_eq!(seconds_ahead(&HeaderMap::new(), UnixMillis(0)), None);
    }

    #[test]
    fn a_minute_is_forgiven() {
        let skew = Skew::default();
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        for (millis, is_off) in [(0, false), (60_000, false), (61_000, true), (-61_000, true), (-60_000, false)] {
            skew.note("zoom.us", &headers, UnixMillis(784_111_777_000 + millis));
            assert_eq!(skew.is_off.load(Ordering::Relaxed), is_off, "{millis}");
        }
    }
}
