//! Standard output and standard error, without colour. A reader that has gone away is not an error.

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;

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
