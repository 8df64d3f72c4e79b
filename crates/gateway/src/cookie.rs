//! Our cookies: which there are, how they are read, and how they are set.

use http::{HeaderMap, HeaderValue, header};
use stagedoor_flows::install::{BindingCookie, REMEMBER_SECONDS};
use stagedoor_flows::session::{Session, SessionCookie, Surface};

use crate::config::SessionConfig;

/// The session: `SameSite=None; Partitioned`, because the app runs in frames.
pub const SESSION: &str = "__Host-stagedoor";
/// What binds an install to a browser: `SameSite=Lax`, because Zoom sends the browser back from another site.
pub const INSTALL: &str = "__Host-stagedoor-install";
/// That this browser has just been sent to begin an install again.
pub const AGAIN: &str = "__Host-stagedoor-again";

/// How long a browser is not sent to begin an install a second time, in seconds.
const AGAIN_SECONDS: i64 = 60;

/// The cookies of ours that a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookies<'a> {
    /// The sealed session.
    pub session: Option<&'a str>,
    /// The sealed install binding.
    pub install: Option<&'a str>,
    /// Whether this browser has been sent to begin an install again.
    pub again: bool,
}

impl<'a> Cookies<'a> {
    /// Reads `Cookie` fields (RFC 6265 section 4.2). A cookie of ours that comes twice, with different values or the same,
    /// counts as absent: nobody can say which one is meant.
    pub fn read(headers: &'a HeaderMap) -> Self {
        let (mut session, mut install, mut again) = (Once::Absent, Once::Absent, Once::Absent);
        for (name, value) in headers.get_all(header::COOKIE).iter().flat_map(|field| pairs(field.as_bytes())) {
            let slot = match name {
                name if name == SESSION.as_bytes() => &mut session,
                name if name == INSTALL.as_bytes() => &mut install,
                name if name == AGAIN.as_bytes() => &mut again,
                _ => continue,
            };
            slot.put(value);
        }
        Self { session: session.text(), install: install.text(), again: again.text().is_some() }
    }
}

enum Once<'a> {
    Absent,
    Here(&'a [u8]),
    Ambiguous,
}

impl<'a> Once<'a> {
    fn put(&mut self, value: &'a [u8]) {
        *self = if matches!(self, Self::Absent) { Self::Here(value) } else { Self::Ambiguous };
    }

    fn text(self) -> Option<&'a str> {
        match self {
            Self::Here(value) => std::str::from_utf8(value).ok().filter(|value| !value.is_empty()),
            Self::Absent | Self::Ambiguous => None,
        }
    }
}

/// The cookies of a request that are not ours, in its order. What is not UTF-8 is no cookie for anybody.
pub(crate) fn theirs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|field| pairs(field.as_bytes()));
    pairs
        .filter(|(name, _)| !name.is_empty() && !is_ours(name))
        .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?)))
}

/// The pairs of a `Cookie` field. What is not a pair has an empty name.
fn pairs(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    words(field).map(|pair| match memchr::memchr(b'=', pair) {
        Some(at) => (pair[..at].trim_ascii_end(), pair[at + 1..].trim_ascii_start()),
        None => (&[][..], pair),
    })
}

/// What stands between the semicolons.
fn words(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b';', field).chain(std::iter::once(field.len()));
    ends.scan(0, move |start, end| {
        let word = &field[*start..end];
        *start = end + 1;
        Some(word.trim_ascii())
    })
}

/// Whether a cookie of this name is ours. Browsers compare the prefix without case, so we do too.
fn is_ours(name: &[u8]) -> bool {
    name.get(..SESSION.len()).is_some_and(|start| start.eq_ignore_ascii_case(SESSION.as_bytes()))
}

/// Removes our cookies from a request that goes to the app.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let ours = |field: &HeaderValue| pairs(field.as_bytes()).any(|(name, pair)| is_ours(name) || is_ours(pair));
    if !headers.get_all(header::COOKIE).iter().any(ours) {
        return;
    }
    let mut kept = Vec::new();
    for field in headers.get_all(header::COOKIE) {
        for pair in words(field.as_bytes()) {
            // A pair without a name is read as a name by some servers.
            if pair.is_empty() || is_ours(pair.trim_ascii_start().strip_prefix(b"=").unwrap_or(pair).trim_ascii_start())
            {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    headers.remove(header::COOKIE);
    if let Some(value) = Some(kept).filter(|kept| !kept.is_empty()).and_then(|kept| HeaderValue::from_bytes(&kept).ok())
    {
        headers.insert(header::COOKIE, value);
    }
}

/// Removes `Set-Cookie` fields with names of ours from an answer of the app.
pub(crate) fn refuse(headers: &mut HeaderMap) {
    // Without a name in front of the first `=`, a browser sends the value back as it is: as a cookie of its choice.
    let ours = |field: &HeaderValue| {
        let value = field.as_bytes();
        let start = value.iter().position(|byte| !matches!(byte, b'=' | b' ' | b'\t')).unwrap_or(value.len());
        is_ours(&value[start..])
    };
    if !headers.get_all(header::SET_COOKIE).iter().any(ours) {
        return;
    }
    let kept: Vec<_> = headers.get_all(header::SET_COOKIE).iter().filter(|field| !ours(field)).cloned().collect();
    headers.remove(header::SET_COOKIE);
    for field in kept {
        headers.append(header::SET_COOKIE, field);
    }
}

/// The `Set-Cookie` of a session that has just begun.
pub(crate) fn session(session: &Session, sealed: &SessionCookie, config: SessionConfig) -> HeaderValue {
    let http_only = session.surface == Surface::Client || config.pwa_http_only;
    let rest = if http_only { "SameSite=None; Partitioned; HttpOnly" } else { "SameSite=None; Partitioned" };
    let life = session.expires.since(session.issued) / 1000;
    set(SESSION, sealed.expose(), life, rest)
}

/// The `Set-Cookie` that binds an install to a browser.
pub(crate) fn install(binding: &BindingCookie) -> HeaderValue {
    set(INSTALL, binding.expose(), REMEMBER_SECONDS, "SameSite=Lax; HttpOnly")
}

/// The `Set-Cookie` that remembers that a browser has been sent to begin again, or forgets it.
pub(crate) fn again(on: bool) -> HeaderValue {
    let (value, life) = if on { ("1", AGAIN_SECONDS) } else { ("", 0) };
    set(AGAIN, value, life, "SameSite=Lax; HttpOnly")
}

/// Writes a cookie with what the prefix `__Host-` demands. By hand: it is one line, and every launch writes one.
fn set(name: &str, value: &str, life_seconds: i64, rest: &str) -> HeaderValue {
    let life = life_seconds.to_string();
    let parts = [name, "=", value, "; Path=/; Secure; ", rest, "; Max-Age=", &life];
    let mut cookie = HeaderValue::try_from(parts.concat()).expect("our cookie values are base64url");
    cookie.set_sensitive(true);
    cookie
}
