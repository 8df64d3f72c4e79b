//! Settings that are addresses: URLs, paths in them, directories and files.

use std::path::PathBuf;

use stagedoor_gateway::admission;
use stagedoor_protocol::loopback::is_loopback;
use url::Url;

use super::parse::as_text;
use super::problem::Wrong;
use super::source::Given;

/// An `http` or `https` origin: nothing but scheme, host and port.
pub(crate) fn origin(given: &Given) -> Result<Url, Wrong> {
    parse_origin(as_text(&given.value)?)
}

/// The address that the world sees: https, except on loopback.
pub(crate) fn public_url(given: &Given) -> Result<Url, Wrong> {
    let url = origin(given)?;
    if url.scheme() == "https" || is_loopback(&url) {
        return Ok(url);
    }
    let fix = format!("write https://{}; http is for localhost only", url.host_str().unwrap_or_default());
    Err(Wrong::new("Zoom opens apps over https only", fix))
}

/// Where Zoom is: an origin, or a bare host such as `zoom.us`. Secrets travel there, so https except on loopback.
pub(crate) fn zoom_host(given: &Given) -> Result<Url, Wrong> {
    let text = as_text(&given.value)?;
    let has_scheme = text.contains("://");
    let url = parse_origin(&if has_scheme { text.to_owned() } else { format!("https://{text}") })?;
    match (has_scheme, url.scheme()) {
        (false, _) if is_loopback(&url) => {
            Err(Wrong::new("a local host needs its scheme", format!("write http://{text} or https://{text}")))
        }
        (true, "http") if !is_loopback(&url) => {
            Err(Wrong::new("the client secret would travel in the clear", "write https://; http is for localhost only"))
        }
        _ => Ok(url),
    }
}

/// The origin of a site's pages: https, except on loopback, because tokens travel there.
pub(crate) fn as_page_origin(text: &str) -> Result<Url, Wrong> {
    let url = parse_origin(text)?;
    if url.scheme() == "https" || is_loopback(&url) {
        return Ok(url);
    }
    Err(Wrong::new("tokens would travel in the clear", "write https://; http is for localhost only"))
}

/// An absolute `http` or `https` address, perhaps with a path and a query.
pub(super) fn as_url(text: &str) -> Result<Url, Wrong> {
    const FIX: &str = "write an absolute address, for example https://www.example.com/path";
    // The URL standard forgives a great deal: backslashes, line breaks, any number of slashes.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).filter(|_| is_plain);
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).filter(|authority| !authority.is_empty());
    let authority = authority.ok_or_else(|| Wrong::new("it is not an absolute http or https URL", FIX))?;
    let url = Url::parse(text).map_err(|error| Wrong::new(format!("it is not a URL: {error}"), FIX))?;
    if authority.contains('@') || url.fragment().is_some() {
        return Err(Wrong::new("it has a user name, a password or a fragment", FIX));
    }
    Ok(url)
}

/// Parses an `http` or `https` origin.
pub(crate) fn parse_origin(text: &str) -> Result<Url, Wrong> {
    const FIX: &str = "write scheme, host and port only, for example https://app.example.com";
    // The URL standard forgives a great deal: backslashes, line breaks, escapes in hosts, any number of slashes.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'%'));
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if !is_plain || rest.is_none_or(|rest| rest.starts_with('/')) {
        return Err(Wrong::new("it is not an absolute http or https URL", FIX));
    }
    let url = Url::parse(text).map_err(|error| Wrong::new(format!("it is not a URL: {error}"), FIX))?;
    let surplus = if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        "a user name or password"
    } else if url.query().is_some() || url.fragment().is_some() {
        "a query or fragment"
    } else if url.path() != "/" {
        "a path"
    } else {
        return Ok(url);
    };
    Err(Wrong::new(format!("it has {surplus}"), FIX))
}

/// An absolute path, as it stands in a URL.
pub(crate) fn url_path(given: &Given) -> Result<String, Wrong> {
    as_url_path(as_text(&given.value)?)
}

/// An absolute path of a URL, in which one `*` at the end stands for anything.
pub(crate) fn as_pattern(text: &str) -> Result<String, Wrong> {
    as_url_path(text.strip_suffix('*').unwrap_or(text)).map(|_| text.to_owned())
}

fn as_url_path(text: &str) -> Result<String, Wrong> {
    if text.starts_with('/') && !text.contains(['*', '?']) && admission::path(text).is_ok() {
        return Ok(text.to_owned());
    }
    let fix =
        "write a path that begins with /, for example /panel; where patterns are allowed, a * may stand at the end";
    Err(Wrong::new(format!("\"{}\" is not a path", text.escape_debug()), fix))
}

/// The prefix of our own routes: `/` and one or more plain segments.
pub(crate) fn prefix(given: &Given) -> Result<String, Wrong> {
    let path = as_url_path(as_text(&given.value)?)?;
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if path[1..].split('/').all(is_segment) {
        return Ok(path);
    }
    Err(Wrong::new(
        "it is not a plain path",
        "write letters, digits, - and _ without a slash at the end, for example /zoom",
    ))
}

/// A directory that exists, relative to the file that names it.
pub(crate) fn directory(given: &Given) -> Result<PathBuf, Wrong> {
    let path = given.origin.base().join(as_text(&given.value)?);
    if path.is_dir() {
        return Ok(path);
    }
    let what = if path.exists() { "is not a directory" } else { "does not exist" };
    Err(Wrong::new(format!("{} {what}", path.display()), "name the directory that holds the app's index.html"))
}
