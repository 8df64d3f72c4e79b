//! Bodies of webhooks as Zoom writes them: characters beyond the Basic Multilingual Plane are escaped as two upper-case
//! surrogates, everything else stays UTF-8. Whoever parses such a body and writes it again gets other bytes, and so
//! another signature.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::entropy;

/// In what order the members of objects are written. Zoom promises none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrder {
    Alphabetical,
    Random,
}

/// Writes JSON as Zoom does.
pub(crate) fn write(value: &Value, order: KeyOrder) -> String {
    let mut text = String::new();
    write_value(value, order, &mut text);
    text
}

fn write_value(value: &Value, order: KeyOrder, text: &mut String) {
    match value {
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            write_list(items.iter(), ['[', ']'], text, |item, text| write_value(item, order, text));
        }
        Value::Object(members) => write_list(ordered(members, order).into_iter(), ['{', '}'], text, |member, text| {
            write_string(member.0, text);
            text.push(':');
            write_value(member.1, order, text);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            write!(text, "{value}").expect("a string takes everything");
        }
    }
}

fn write_list<T>(
    items: impl Iterator<Item = T>,
    [open, close]: [char; 2],
    text: &mut String,
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    for (at, item) in items.enumerate() {
        if at > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(close);
}

fn write_string(string: &str, text: &mut String) {
    let plain = serde_json::to_string(string).expect("a string is JSON");
    for character in plain.chars() {
        if u32::from(character) <= 0xFFFF {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(text, "\\u{unit:04X}").expect("a string takes everything");
        }
    }
}

fn ordered(members: &Map<String, Value>, order: KeyOrder) -> Vec<(&String, &Value)> {
    let mut listed: Vec<_> = members.iter().collect();
    if order == KeyOrder::Random {
        listed.sort_by_cached_key(|_| entropy::bytes::<8>());
    }
    listed
}

/// Sets what a path such as `payload.object.topic` leads to. Objects on the way are made, items of arrays have numbers.
///
/// # Errors
///
/// A sentence, if the path leads through something that has no members.
pub(crate) fn set(value: &mut Value, path: &str, new: Value) -> Result<(), String> {
    let mut place = value;
    for name in path.split('.') {
        if name.is_empty() {
            return Err(format!("{path:?} is not a path; write it like payload.object.topic"));
        }
        place = match place {
            Value::Object(members) => members.entry(name).or_insert_with(|| Value::Object(Map::new())),
            Value::Array(items) => {
                let item = name.parse().ok().and_then(|at: usize| items.get_mut(at));
                item.ok_or_else(|| format!("{path:?}: the array has no item {name}"))?
            }
            _ => return Err(format!("{path:?}: there is nothing below the member before {name}")),
        };
    }
    *place = new;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_needs_two_utf_16_units_is_escaped() {
        let body = write(&json!({"topic": "Feuer 🚒 – “x” \u{e9}\n\"\\"}), KeyOrder::Alphabetical);
        assert_eq!(body, "{\"topic\":\"Feuer \\uD83D\\uDE92 – “x” \u{e9}\\n\\\"\\\\\"}");
    }

    #[test]
    fn what_is_written_means_what_was_given_in_every_order() {
        let value = json!({"a": [1, -2.5, null, true, {"b": "\u{1F600}\u{FFFF}\u{0}", "c": {}}], "d": [], "🚒": "k"});
        for order in [KeyOrder::Alphabetical, KeyOrder::Random] {
            assert_eq!(serde_json::from_str::<Value>(&write(&value, order)).unwrap(), value);
        }
    }

    #[test]
    fn a_random_order_is_not_always_the_same() {
        let value: Value = (0..40).map(|number| (number.to_string(), json!(number))).collect::<Map<_, _>>().into();
        assert_ne!(write(&value, KeyOrder::Random), write(&value, KeyOrder::Random));
    }

    #[test]
    fn a_path_sets_members_and_items_and_makes_objects_on_the_way() {
        let mut value = json!({"payload": {"object": {"files": [{"size": 1}]}}});
        set(&mut value, "payload.object.files.0.size", json!(2)).unwrap();
        set(&mut value, "payload.operator.id", json!("x")).unwrap();
        assert_eq!(value, json!({"payload": {"object": {"files": [{"size": 2}]}, "operator": {"id": "x"}}}));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_an_error() {
        for path in ["", "payload.", ".x", "payload.files.1", "payload.files.x", "payload.name.first"] {
            let mut value = json!({"payload": {"files": [0], "name": "Ada"}});
            assert!(set(&mut value, path, json!(1)).is_err(), "{path:?}");
        }
    }
}
