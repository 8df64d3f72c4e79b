//! `docs/settings.md` is made of the default file and the table of settings, so that it cannot drift.

use std::fmt::Write as _;
use std::path::Path;

use super::keys::{self, Key, Kind};
use super::source::DEFAULTS;

/// One setting as the default file has it.
struct Entry<'a> {
    path: String,
    /// The value: a default, or an example where the line is commented out.
    value: &'a str,
    has_default: bool,
    text: String,
}

/// Reads the default file: comments, then a key, with or without `#` before it, in sections.
fn entries() -> (String, Vec<Entry<'static>>) {
    let (mut intro, mut entries) = (None, Vec::new());
    let (mut section, mut text) = (String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(comment) = line.strip_prefix("# ").or_else(|| line.eq("#").then_some("")) {
            text.push(comment);
        } else if line.is_empty() {
            // Only the introduction stands alone.
            if intro.is_none() {
                intro = Some(text.join("\n"));
            }
            text.clear();
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        } else {
            let (name, value) = line.split_once(" = ").unwrap_or_else(|| panic!("neither comment nor key: {line}"));
            let path = format!("{section}{}", name.trim_start_matches('#'));
            entries.push(Entry { path, value, has_default: !name.starts_with('#'), text: text.join("\n") });
            text.clear();
        }
    }
    (intro.unwrap_or_default(), entries)
}

fn page() -> String {
    let (intro, entries) = entries();
    let mut page = format!(
        "# Settings\n\n<!-- Made of crates/cli/src/settings/stagedoor.default.toml by a test: UPDATE_DOCS=1 cargo test -p stagedoor -->\n\n{intro}\n"
    );
    let mut section = None;
    for entry in entries {
        let key = keys::find(&entry.path).unwrap_or_else(|| panic!("{} is not a setting", entry.path));
        let of = entry.path.rsplit_once('.').map(|(section, _)| section.to_owned());
        if of != section {
            write!(page, "\n## [{}]\n", of.as_deref().unwrap_or_default()).unwrap();
            section = of;
        }
        write!(page, "\n### `{}`\n\n{}\n\n{}", entry.path, entry.text, facts(&entry, key)).unwrap();
    }
    page
}

fn facts(entry: &Entry<'_>, key: &Key) -> String {
    let kind = if entry.has_default { "Default" } else { "No default. Example" };
    let mut facts = format!("- {kind}: `{}`\n", entry.value);
    let names: Vec<_> = key.env.iter().map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        let file =
            if key.kind == Kind::Plain { "" } else { "; or with `_FILE` added, the name of a file that holds it" };
        writeln!(facts, "- Environment: {}{file}", names.join(", ")).unwrap();
    }
    facts
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/settings.md is not up to date: run UPDATE_DOCS=1 cargo test -p stagedoor");
}

#[test]
fn the_default_file_describes_every_setting() {
    let (_, entries) = entries();
    let described: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut known: Vec<_> = keys::ALL.iter().map(|key| key.path).collect();
    for path in &described {
        assert!(known.contains(path), "{path}");
    }
    known.retain(|path| !described.contains(path));
    assert_eq!(known, [""; 0]);
    assert!(entries.iter().all(|entry| !entry.text.is_empty()));
}

#[test]
fn every_example_of_the_default_file_is_toml() {
    let uncommented: Vec<_> = DEFAULTS
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
                .unwrap_or(line)
        })
        .collect();
    let mut problems = Vec::new();
    let parsed = super::file::parse(&uncommented.join("\n"), Path::new("defaults"), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(parsed.layer.len(), keys::ALL.len());
}
