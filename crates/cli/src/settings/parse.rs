//! From what was written to what it means: strictly, and without quoting what may be a secret.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use stagedoor_flows::api::Rule;
use stagedoor_gateway::Network;
use stagedoor_gateway::headers::rules::{self, ReferrerPolicy};
use stagedoor_protocol::id::ClientId;

use super::problem::{Origin, Wrong};
use super::secret::looks_like_placeholder;
use super::source::{Given, Value};

/// Text: a TOML string, or anything of the environment.
fn text(given: &Given) -> Result<String, Wrong> {
    as_text(&given.value).map(str::to_owned)
}

pub(super) fn as_text(value: &Value) -> Result<&str, Wrong> {
    match value {
        Value::Text(text) | Value::String(text) if text.is_empty() => Err(Wrong::new("it is empty", "give it a value")),
        Value::Text(text) | Value::String(text) => Ok(text),
        other => Err(expected("text in quotes", other)),
    }
}

pub(super) fn expected(what: &str, found: &Value) -> Wrong {
    let found = match found {
        Value::Text(_) | Value::String(_) => "text",
        Value::FileName(_) => "the name of a file",
        Value::Integer(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::List(_) => "a list",
        Value::Table(_) => "a section",
        Value::Other(what) => what,
    };
    Wrong::new(format!("it is {found}"), format!("write {what}"))
}

/// `true` or `false`.
pub(crate) fn boolean(given: &Given) -> Result<bool, Wrong> {
    match &given.value {
        Value::Boolean(boolean) => Ok(*boolean),
        Value::Text(text) if text == "true" => Ok(true),
        Value::Text(text) if text == "false" => Ok(false),
        Value::Text(_) | Value::String(_) => {
            Err(Wrong::new("it is neither true nor false", "write true or false, without quotes"))
        }
        other => Err(expected("true or false", other)),
    }
}

/// A whole number within a range.
pub(crate) fn integer(range: RangeInclusive<i64>) -> impl Fn(&Given) -> Result<i64, Wrong> {
    move |given| {
        let number = match &given.value {
            Value::Integer(number) => *number,
            Value::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| Wrong::new("the number is out of range", between(&range)))?
            }
            Value::Text(_) => return Err(Wrong::new("it is not a whole number", between(&range))),
            other => return Err(expected("a whole number, without quotes", other)),
        };
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(Wrong::new(format!("{number} is out of range"), between(&range)))
        }
    }
}

fn between(range: &RangeInclusive<i64>) -> String {
    format!("write a whole number from {} to {}", range.start(), range.end())
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Given) -> Result<T, Wrong> {
    move |given| {
        let text = as_text(&given.value)?;
        words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
            Wrong::new("it is none of the words that mean something here", format!("write {words}"))
        })
    }
}

/// A call of Zoom's API that is allowed.
pub(crate) fn api_rule(text: &str) -> Result<Rule, Wrong> {
    const FIX: &str = "write a method and a path, for example \"GET /v2/users/me\" or \"GET /v2/meetings/*\": a * stands for \
                       one segment, a ** at the end for one or more";
    Rule::parse(text).map_err(|_| Wrong::new(format!("\"{}\" is not a call of Zoom's API", text.escape_debug()), FIX))
}

/// A list of texts. In a flag they are separated by commas.
pub(crate) fn list<T>(item: impl Fn(&str) -> Result<T, Wrong>) -> impl Fn(&Given) -> Result<Vec<T>, Wrong> {
    move |given| match &given.value {
        Value::List(items) => items.iter().map(|value| as_text(value).and_then(&item)).collect(),
        Value::Text(text) => text.split(',').map(|part| item(part.trim())).collect(),
        other => Err(expected("a list: [\"…\", \"…\"]", other)),
    }
}

/// A client id.
pub(crate) fn client_id(given: &Given) -> Result<ClientId, Wrong> {
    let text = as_text(&given.value)?;
    if looks_like_placeholder(text) {
        return Err(Wrong::new("it is a placeholder", "copy the client id from the Marketplace, App Credentials"));
    }
    ClientId::parse(text)
        .map_err(|error| Wrong::new(format!("it {error}"), "copy it again from the Marketplace, App Credentials"))
}

/// An address to listen on. `PORT` is a number and means all interfaces.
pub(crate) fn listen(given: &Given) -> Result<SocketAddr, Wrong> {
    let text = as_text(&given.value)?;
    let name = match &given.origin {
        Origin::Environment(name) | Origin::Dotenv { name, .. } => name.as_str(),
        _ => "",
    };
    if name == "PORT" {
        let port = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let wrong =
            || Wrong::new(format!("\"{}\" is not a port", text.escape_debug()), "write a number from 0 to 65535");
        return Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port.ok_or_else(wrong)?));
    }
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| {
        let fix = "write address:port, for example 127.0.0.1:3000, or 0.0.0.0:3000 for all interfaces";
        Wrong::new(format!("\"{}\" is not an address with a port", text.escape_debug()), fix)
    })
}

/// A scope of Zoom's, for example `zoomapp:inmeeting`.
pub(crate) fn scope(text: &str) -> Result<String, Wrong> {
    let is_scope = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.');
    if text.bytes().all(is_scope) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(format!("\"{}\" is not a scope", text.escape_debug()), "write scopes such as \"zoomapp:inmeeting\""))
}

/// An IP address, or a network such as `10.0.0.0/8`.
pub(crate) fn network(text: &str) -> Result<Network, Wrong> {
    text.parse().map_err(|_| {
        let what = format!("\"{}\" is neither an address nor a network", text.escape_debug());
        Wrong::new(what, "write IP addresses or networks, for example \"10.0.0.2\" or \"10.0.0.0/8\"")
    })
}

/// The directives of a Content-Security-Policy, name to sources.
pub(crate) fn directives(given: &Given) -> Result<BTreeMap<String, String>, Wrong> {
    let Value::Table(table) = &given.value else {
        return Err(expected(
            "a section, for example { img-src = \"'self' https://images.example.com\" }",
            &given.value,
        ));
    };
    let directive = |(name, value): (&String, &Value)| {
        let sources = as_text(value)?;
        if rules::is_directive(&name.to_ascii_lowercase(), sources.trim()) {
            return Ok((name.clone(), sources.to_owned()));
        }
        let what = format!("{} is not a directive with sources", name.escape_debug());
        Err(Wrong::new(what, "write for example img-src = \"'self' https://images.example.com\""))
    };
    table.iter().map(directive).collect()
}

/// A Referrer-Policy.
pub(crate) fn referrer_policy(given: &Given) -> Result<String, Wrong> {
    let policy = text(given)?;
    if ReferrerPolicy::parse(policy.as_bytes()).is_some() {
        return Ok(policy);
    }
    Err(Wrong::new("it is not a policy that browsers know", "write for example \"same-origin\" or \"no-referrer\""))
}
