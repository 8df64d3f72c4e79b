//! The settings file that `init` writes: the reference with everything commented out, except what is the user's own.

use super::source::DEFAULTS;

const INTRODUCTION: &str = "\
# The settings of this deployment; the secrets are in .env beside this file. A line that begins with # and a key shows
# the default, or an example where there is none; remove the # to change it. `stagedoor check` says what is missing.
";

/// A settings file for a new deployment with its files in `app`, at `public_url` where that is known.
pub(crate) fn starter_file(public_url: Option<&str>) -> String {
    let mut file = INTRODUCTION.to_owned();
    // The first paragraph of the reference is its own introduction.
    for line in DEFAULTS.lines().skip_while(|line| !line.is_empty()) {
        match public_url {
            Some(url) if line.starts_with("#public_url = ") => file.extend(["public_url = \"", url, "\""]),
            _ if line == "#root = \"app\"" => file.push_str("root = \"app\""),
            // Defaults stay comments, so that the file says what was decided here, and nothing else.
            _ if line.starts_with(|first: char| first.is_ascii_lowercase()) => file.extend(["#", line]),
            _ => file.push_str(line),
        }
        file.push('\n');
    }
    file
}
