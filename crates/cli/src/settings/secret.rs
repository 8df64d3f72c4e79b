//! Secrets: where they may stand, and which are no secrets at all.

use std::io::Read as _;
use std::path::Path;

use stagedoor_flows::seal::MasterSecret;
use stagedoor_protocol::secret::{ClientSecret, WebhookSecret};
use stagedoor_protocol::webhook::forward::SigningKey;

use super::parse::{as_text, expected};
use super::problem::{Origin, Wrong};
use super::source::{Environment, Given, Value};

/// A secret: text, `NAME_FILE`, `{ file = "…" }` or `{ env = "…" }`.
pub(crate) fn text(given: &Given, environment: &Environment) -> Result<String, Wrong> {
    as_secret(&given.value, &given.origin, environment)
}

/// Secrets: a TOML list, or text with commas between them.
pub(crate) fn texts(given: &Given, environment: &Environment) -> Result<Vec<String>, Wrong> {
    let split = |text: String| text.split(',').map(|part| part.trim().to_owned()).collect();
    match &given.value {
        Value::List(items) => items.iter().map(|item| as_secret(item, &given.origin, environment)).collect(),
        Value::Text(_) | Value::FileName(_) => text(given, environment).map(split),
        other => Err(expected("a list: [\"…\", { file = \"…\" }]", other)),
    }
}

pub(super) fn as_secret(value: &Value, origin: &Origin, environment: &Environment) -> Result<String, Wrong> {
    const SPELLINGS: &str = "\"…\", { file = \"…\" } or { env = \"…\" }";
    match value {
        Value::FileName(path) => read(&origin.base().join(path)),
        Value::Table(table) => match (table.get("file"), table.get("env"), table.len()) {
            (Some(path), None, 1) => read(&origin.base().join(as_text(path)?)),
            (None, Some(name), 1) => variable(as_text(name)?, environment),
            _ => Err(Wrong::new("it is not exactly one of file and env", format!("write {SPELLINGS}"))),
        },
        Value::Text(text) | Value::String(text) => Ok(text.clone()),
        other => Err(expected(SPELLINGS, other)),
    }
}

fn variable(name: &str, environment: &Environment) -> Result<String, Wrong> {
    let missing = || Wrong::new(format!("the environment variable {} is not set", name.escape_debug()), "set it");
    environment.get(name).ok_or_else(missing)?.map(str::to_owned)
}

/// What people leave standing in examples.
pub(crate) fn looks_like_placeholder(text: &str) -> bool {
    const PARTS: &[&str] = &["changeme", "changethis", "replaceme", "replacethis", "placeholder", "xxxxxx", "…"];
    const STARTS: &[&str] = &["your", "insert", "<", "${", "{{"];
    let letters = text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    PARTS.iter().any(|part| letters.contains(part)) || STARTS.iter().any(|start| letters.starts_with(start))
}

/// The fewest different characters of a real secret of 32 or more. Random hexadecimal has 8 or more practically always.
const MIN_DIFFERENT: usize = 8;

/// The secret of a deployment.
pub(crate) fn master(text: String) -> Result<MasterSecret, Wrong> {
    const FIX: &str = "make one with: openssl rand -base64 32";
    if text.len() < MasterSecret::MIN {
        let what = format!("it has {} bytes; {} are the least", text.len(), MasterSecret::MIN);
        return Err(Wrong::new(what, FIX));
    }
    refuse_weak(&text, MIN_DIFFERENT, FIX)?;
    Ok(MasterSecret::new(text))
}

/// The shortest secret of Zoom's that is taken, in bytes. Client secrets have 32, secret tokens 22.
const MIN_OF_ZOOM: usize = 16;

/// The client secret of the app at Zoom.
pub(crate) fn client(text: String) -> Result<ClientSecret, Wrong> {
    const FIX: &str = "copy it from the Marketplace, App Credentials";
    of_zoom(text, FIX).map(ClientSecret::new)
}

/// The secret token with which Zoom signs webhooks.
pub(crate) fn webhook(text: String) -> Result<WebhookSecret, Wrong> {
    const FIX: &str = "copy the Secret Token from the Marketplace, Feature, Token";
    of_zoom(text, FIX).map(WebhookSecret::new)
}

/// A secret as the Marketplace gives them: visible characters without spaces, and none is shorter than this.
pub(super) fn of_zoom(text: String, fix: &str) -> Result<String, Wrong> {
    refuse_weak(&text, MIN_DIFFERENT / 2, fix)?;
    if text.len() < MIN_OF_ZOOM {
        return Err(Wrong::new("it is shorter than any that Zoom gives", fix));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Wrong::new("it has spaces, line breaks or other characters that Zoom's never have", fix));
    }
    Ok(text)
}

/// The key that signs what is forwarded.
pub(crate) fn signing(text: &str) -> Result<SigningKey, Wrong> {
    let fix =
        "remove it, so that it derives from the deployment's secret, or write whsec_ and 32 random bytes in base64";
    text.parse().map_err(|_| Wrong::new("it is not whsec_ and 24 to 64 bytes in base64", fix))
}

pub(super) fn refuse_weak(text: &str, min_different: usize, fix: &str) -> Result<(), Wrong> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    if looks_like_placeholder(text) {
        return Err(Wrong::new("it is a placeholder", fix));
    }
    if bytes.len() < min_different {
        return Err(Wrong::new("it repeats a few characters, so it can be guessed", fix));
    }
    if text.trim() != text {
        return Err(Wrong::new("it begins or ends with white space", fix));
    }
    Ok(())
}

/// The largest file that is taken for a secret, in bytes.
const MAX: u64 = 64 * 1024;

/// Reads a secret; the line break at the end is not part of it.
fn read(path: &Path) -> Result<String, Wrong> {
    let unreadable = |error: std::io::Error| {
        let what = format!("{} cannot be read: {error}", path.display());
        Wrong::new(what, "check the name and the permissions of the file")
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.take(MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > MAX {
        return Err(Wrong::new(format!("{} is too large for a secret", path.display()), "name the right file"));
    }
    let secret = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if secret.is_empty() {
        return Err(Wrong::new(format!("{} is empty", path.display()), "put the secret into it"));
    }
    Ok(secret.to_owned())
}
