//! Which requests are looked at: the target and the `Host` of a request mean one thing only, or it is refused.
//!
//! The path that the gateway decides on is the very path that is forwarded or served. So a path that somebody behind
//! it could read in another way (dot segments, empty segments, encoded slashes, backslashes) is answered 400.
//!
//! What makes a message ambiguous before it is a request (both Content-Length and Transfer-Encoding, line folding,
//! bare LF, NUL, `#`) is refused while it is read: see `wire`.

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A character that does not belong into a target, or a percent sign without two hexadecimal digits.
    #[error("the address holds a character or a percent escape that it must not hold")]
    Character,
    /// A dot segment, an empty segment, or an encoded slash or control character.
    #[error("the path can be read in more than one way")]
    Path,
    /// Not a path at all.
    #[error("the request is not for a path of this server")]
    Form,
    /// None, or more than one, be it in the target, or something that is no host (RFC 9112 section 3.2).
    #[error("the request does not have exactly one Host")]
    Host,
}

/// Checks the target and the `Host` of a request.
pub fn admit(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Refused> {
    if method == Method::CONNECT || !uri.path().starts_with('/') {
        return Err(Refused::Form);
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let is_named = match (hosts.next(), hosts.next(), uri.authority()) {
        (Some(host), None, Some(authority)) => host == authority.as_str(),
        (Some(host), None, None) => is_host(host),
        (None, _, Some(_)) => true,
        (None, _, None) => version == Version::HTTP_10,
        (Some(_), Some(_), _) => false,
    };
    if !is_named {
        return Err(Refused::Host);
    }
    path(uri.path())?;
    uri.query().map_or(Ok(()), query)
}

/// Whether a `Host` is one. It is never used, but what stands before or behind this server may.
fn is_host(host: &HeaderValue) -> bool {
    host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
}

/// Checks that a path can be read in one way only.
pub fn path(path: &str) -> Result<(), Refused> {
    let mut segment = Segment::Dots(0);
    let mut bytes = path.as_bytes().get(1..).unwrap_or_default().iter();
    while let Some(byte) = bytes.next() {
        let decoded = match *byte {
            b'%' => Some(escaped(&mut bytes)?)
                .filter(|byte| !matches!(byte, b'/' | b'\\' | 0..=0x1f | 0x7f))
                .ok_or(Refused::Path)?,
            byte => literal(byte)?,
        };
        segment = match (segment, decoded) {
            (Segment::Dots(0), b'/') => return Err(Refused::Path),
            // Some servers cut parameters off, so that `..;x` is a dot segment to them.
            (segment, b'/' | b';') if segment.is_dots() => return Err(Refused::Path),
            (_, b'/') => Segment::Dots(0),
            (Segment::Dots(count), b'.') => Segment::Dots(count + 1),
            _ => Segment::Name,
        };
    }
    if segment.is_dots() { Err(Refused::Path) } else { Ok(()) }
}

/// Checks the characters of a query.
fn query(query: &str) -> Result<(), Refused> {
    let mut bytes = query.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        match *byte {
            b'%' => escaped(&mut bytes)?,
            byte => literal(byte)?,
        };
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Segment {
    Dots(usize),
    Name,
}

impl Segment {
    fn is_dots(self) -> bool {
        matches!(self, Self::Dots(1 | 2))
    }
}

fn literal(byte: u8) -> Result<u8, Refused> {
    if byte.is_ascii_graphic() && byte != b'\\' && byte != b'#' { Ok(byte) } else { Err(Refused::Character) }
}

fn escaped(bytes: &mut std::slice::Iter<'_, u8>) -> Result<u8, Refused> {
    let mut digit = || bytes.next().and_then(|byte| char::from(*byte).to_digit(16)).ok_or(Refused::Character);
    let value = digit()? * 16 + digit()?;
    u8::try_from(value).map_err(|_| Refused::Character)
}
