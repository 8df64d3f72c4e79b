//! Standard output and standard error, without colour. A reader that has gone away is not an error.

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;
use stagedoor_protocol::time::UnixMillis;

/// Prints a line of what was asked for.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints what was asked for as JSON.
pub(crate) fn say_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("what is printed are plain structs with text keys");
    say(text);
}

/// Prints a line for the person at the terminal, beside the data.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An instant as RFC 3339 has it, to the second.
pub(crate) fn instant(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.to_string(), |timestamp| format!("{timestamp:.0}"))
}

/// An instant, and how far it is from now; `None` where no calendar has it.
pub(crate) fn instant_from(at: UnixMillis, now: UnixMillis) -> Option<String> {
    let timestamp = jiff::Timestamp::from_millisecond(at.0).ok()?;
    let distance = match at.since(now) / 1000 {
        0 => "now".into(),
        seconds @ 1.. => format!("in {seconds} s"),
        seconds => format!("{} s ago", -seconds),
    };
    Some(format!("({timestamp:.0}, {distance})"))
}

/// Without what a terminal would obey: people choose their own names.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
