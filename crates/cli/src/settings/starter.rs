//! The settings file that `init` writes: the reference with everything commented out, except what is the user's own.

use super::source::DEFAULTS;

/// A settings file for a new deployment with its files in `app`, at `public_url` where that is known.
pub(crate) fn starter_file(public_url: Option<&str>) -> String {
    let lines = DEFAULTS.lines().map(|line| match (line, public_url) {
        ("#root = \"app\"", _) => "root = \"app\"".to_owned(),
        (line, Some(url)) if line.starts_with("#public_url = ") => format!("public_url = \"{url}\""),
        // Defaults stay comments, so that the file says what was decided here, and nothing else.
        (line, _) if line.starts_with(|first: char| first.is_ascii_lowercase()) => format!("#{line}"),
        (line, _) => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
