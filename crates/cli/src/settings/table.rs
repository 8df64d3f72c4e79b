//! Settings that are tables of their own: members by name, and no others.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::parse::{as_text, expected};
use super::problem::Wrong;
use super::source::Value;

/// The members of a table.
pub(super) struct Members<'a>(&'a BTreeMap<String, Value>);

impl<'a> Members<'a> {
    /// Takes a table that has none but these members.
    pub(super) fn of(value: &'a Value, known: &[&str]) -> Result<Self, Wrong> {
        let Value::Table(table) = value else { return Err(expected("a table: { name = value, … }", value)) };
        match table.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                let what = format!("{} is not known here", name.escape_debug());
                Err(Wrong::new(what, format!("write {}", known.join(", "))))
            }
            None => Ok(Self(table)),
        }
    }

    /// Whether there is such a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member that may be absent.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&'a Value) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Wrong> {
        let named = |wrong: Wrong| Wrong::new(format!("{name}: {}", wrong.what), wrong.fix);
        self.0.get(name).map(parse).transpose().map_err(named)
    }

    /// A member that must be there.
    pub(super) fn required<T>(&self, name: &str, parse: impl Fn(&'a Value) -> Result<T, Wrong>) -> Result<T, Wrong> {
        let missing = || Wrong::new(format!("{name} is missing"), format!("add {name} = …"));
        self.optional(name, parse)?.ok_or_else(missing)
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Wrong> {
        self.required(name, as_text)
    }

    /// A whole number within a range, or a default.
    pub(super) fn integer(&self, name: &str, range: &RangeInclusive<u32>, default: u32) -> Result<u32, Wrong> {
        let parse = |value: &Value| match value {
            Value::Integer(number) => {
                u32::try_from(*number).ok().filter(|number| range.contains(number)).ok_or_else(|| {
                    let fix = format!("write a whole number from {} to {}", range.start(), range.end());
                    Wrong::new(format!("{number} is out of range"), fix)
                })
            }
            other => Err(expected("a whole number, without quotes", other)),
        };
        Ok(self.optional(name, parse)?.unwrap_or(default))
    }

    /// A list of texts that may be absent.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Wrong> {
        self.optional(name, |value| match value {
            Value::List(items) => items.iter().map(|item| as_text(item).map(str::to_owned)).collect(),
            other => Err(expected("a list: [\"…\", \"…\"]", other)),
        })
    }
}
