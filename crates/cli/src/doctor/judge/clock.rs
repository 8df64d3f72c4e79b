//! The clock of the server, as far as `Date` tells (RFC 9110 section 6.6.1).

use jiff::fmt::rfc2822::DateTimeParser;

use crate::doctor::ask::{Answer, Asked};
use crate::doctor::finding::{Finding, Rule};

static CLOCK: Rule = Rule {
    check: "clock",
    why: "an app context lives two minutes and may be a minute ahead: with a wrong clock every launch is refused",
    source: "https://developers.zoom.us/docs/zoom-apps/zoom-app-context/",
};

/// What may be between two clocks that are right: the way, and a `Date` without fractions.
const NOTHING: i64 = 3;
/// From here on launches are refused.
const REFUSED: i64 = 60;

/// Whether the clocks differ, so that a third one has to say which is wrong.
pub(crate) fn is_off(answer: &Answer) -> bool {
    ahead(answer).is_some_and(|seconds| seconds.abs() > NOTHING)
}

/// Judges the server's clock by this machine's, and both by Zoom's.
pub(super) fn judge(first: &Answer, zoom: Option<&Asked>) -> Finding {
    const ASKED: &str = "Date";
    let Some(server) = ahead(first) else {
        return CLOCK.warning(
            ASKED,
            "no date",
            "let the proxy send Date, as RFC 9110 asks; here nothing can be compared",
        );
    };
    if server.abs() <= NOTHING {
        return CLOCK.ok(ASKED, "the server's clock agrees with this machine's");
    }
    let came = format!("the server's clock is {} this machine's", distance(server));
    let zoom = zoom.and_then(|zoom| zoom.as_ref().ok()).and_then(ahead);
    let ntp = "synchronise it with NTP (systemd-timesyncd, chrony)";
    match zoom {
        Some(zoom) if zoom.abs() > NOTHING && (server - zoom).abs() <= NOTHING => CLOCK.warning(
            ASKED,
            format!("{came}, and agrees with Zoom's: this machine's clock is wrong"),
            format!("{ntp}: on this machine, not on the server"),
        ),
        zoom => {
            let (off, whose) = match zoom {
                Some(zoom) => {
                    (server - zoom, format!("{} Zoom's: the server's clock is wrong", distance(server - zoom)))
                }
                None => (server, "whose is wrong could not be told".to_owned()),
            };
            let (came, fix) = (format!("{came}; {whose}"), format!("{ntp} on the machine that answers"));
            if off.abs() > REFUSED { CLOCK.problem(ASKED, came, fix) } else { CLOCK.warning(ASKED, came, fix) }
        }
    }
}

/// How many seconds the clock of who answered is ahead of this machine's.
fn ahead(answer: &Answer) -> Option<i64> {
    let date = DateTimeParser::new().parse_timestamp(answer.header("date")?).ok()?;
    Some(date.as_second().saturating_sub(answer.at.to_seconds().0))
}

fn distance(seconds: i64) -> String {
    format!("{} s {}", seconds.abs(), if seconds > 0 { "ahead of" } else { "behind" })
}
