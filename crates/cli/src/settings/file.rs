//! The settings file: TOML, with the line of every value, and every mistake in one go.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::keys;
use super::problem::{Origin, Problem, Wrong};
use super::source::{Given, Layer, Value};

/// What a file says.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) layer: Layer,
    /// Whether a part of it is not TOML, so that settings may stand there.
    pub(super) is_torn: bool,
    /// The settings that unknown keys were probably meant to be.
    pub(super) meant: Vec<&'static str>,
}

/// Reads a file.
pub(super) fn parse(text: &str, path: &Path, problems: &mut Vec<Problem>) -> Parsed {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, path, problems, parsed: Parsed::default() };
    for error in &errors {
        // The parser's message describes the mistake without quoting the line, which may hold a secret.
        let at = error.span().map_or(0, |span| span.start);
        let is_duplicate = error.message().contains("duplicate");
        reader.parsed.is_torn |= !is_duplicate;
        let (key, wrong) = if is_duplicate {
            (reader.name_at(at), Wrong::new("it is given twice", "remove one of the two lines"))
        } else {
            let what = format!("this is not TOML: {}", error.message());
            ("the file".into(), Wrong::new(what, "see https://toml.io for how values are written"))
        };
        reader.wrong(key, at, wrong);
    }
    reader.table("", table.get_ref());
    reader.parsed
}

/// What to say of a key that does not exist.
pub(super) fn unknown(path: &str) -> Wrong {
    let fix = keys::closest(path).map_or_else(
        || "remove it; docs/settings.md lists every setting".to_owned(),
        |closest| format!("did you mean {closest}?"),
    );
    Wrong::new("there is no such setting", fix)
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    problems: &'a mut Vec<Problem>,
    parsed: Parsed,
}

impl Reader<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let path =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            self.entry(path, name.span().start, value);
        }
    }

    fn entry(&mut self, path: String, at: usize, value: &Spanned<DeValue<'_>>) {
        if let Some(key) = keys::find(&path) {
            let origin = self.origin(at);
            self.parsed.layer.push(Given { key: key.path, value: convert(value.get_ref()), origin });
        } else if keys::is_section(&path) {
            if let DeValue::Table(table) = value.get_ref() {
                self.table(&path, table);
            } else {
                let fix = format!("write [{path}] and its settings below");
                self.wrong(path, at, Wrong::new("this is a section, not a value", fix));
            }
        } else {
            let wrong = unknown(&path);
            self.parsed.meant.extend(keys::closest(&path));
            // A quoted key may hold anything, and this goes to a terminal.
            self.wrong(path.escape_debug().to_string(), at, wrong);
        }
    }

    fn wrong(&mut self, key: String, at: usize, wrong: Wrong) {
        let origin = self.origin(at);
        self.problems.push(wrong.at(key, origin));
    }

    fn origin(&self, at: usize) -> Origin {
        let line = 1 + self.text.get(..at).unwrap_or_default().matches('\n').count();
        Origin::File { path: self.path.into(), line }
    }

    /// The name that begins at a position: what a duplicate is a duplicate of. Nothing else of the line is shown.
    fn name_at(&self, at: usize) -> String {
        let is_name = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
        let name: String = self.text.get(at..).unwrap_or_default().chars().take_while(is_name).take(64).collect();
        if name.is_empty() { "the file".into() } else { name }
    }
}

fn convert(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => integer(number),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Array(items) => Value::List(items.iter().map(|item| convert(item.get_ref())).collect()),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(name, value)| (name.get_ref().to_string(), convert(value.get_ref())));
            Value::Table(entries.collect())
        }
        DeValue::Float(_) => Value::Other("a number with a point"),
        DeValue::Datetime(_) => Value::Other("a date"),
    }
}

fn integer(number: &DeInteger<'_>) -> Value {
    i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("a number out of range"), Value::Integer)
}
