//! When an app's own header value is at least as strict as ours. Pure functions of the values.

use http::{HeaderMap, HeaderValue, header};

/// A Referrer-Policy (<https://www.w3.org/TR/referrer-policy/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferrerPolicy(&'static Row);

/// Name, and how much it tells (0 nothing, 1 the origin, 2 the whole URL) to the same origin, to another origin, and to
/// another origin without TLS.
type Row = (&'static str, [u8; 3]);

const POLICIES: [Row; 8] = [
    ("no-referrer", [0, 0, 0]),
    ("same-origin", [2, 0, 0]),
    ("strict-origin", [1, 1, 0]),
    ("strict-origin-when-cross-origin", [2, 1, 0]),
    ("origin", [1, 1, 1]),
    ("origin-when-cross-origin", [2, 1, 1]),
    ("no-referrer-when-downgrade", [2, 2, 0]),
    ("unsafe-url", [2, 2, 2]),
];

impl ReferrerPolicy {
    /// Reads a field value: of a list, the last policy that is known counts.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let words = value.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        words
            .into_iter()
            .find_map(|word| POLICIES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(Self))
    }

    /// Reads the fields of an answer, which count as one list.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get_all(header::REFERRER_POLICY).iter().rev().find_map(|value| Self::parse(value.as_bytes()))
    }

    /// Whether this policy tells nobody more than `other` does.
    pub fn is_at_least(self, other: Self) -> bool {
        self.0.1.iter().zip(other.0.1).all(|(ours, theirs)| *ours <= theirs)
    }

    /// The field value.
    pub fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.0.0)
    }
}

/// Whether a Strict-Transport-Security field is well formed (RFC 6797 section 6.1) and asks for at least `max_age`
/// seconds.
pub fn is_hsts(value: &[u8], max_age: u64) -> bool {
    let mut ages = value.split(|byte| *byte == b';').filter_map(|directive| {
        let mut parts = directive.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
        let name = parts.next()?;
        name.eq_ignore_ascii_case(b"max-age").then(|| parts.next().unwrap_or_default())
    });
    let (Some(age), None) = (ages.next(), ages.next()) else { return false };
    let age = age.strip_prefix(b"\"").and_then(|age| age.strip_suffix(b"\"")).unwrap_or(age);
    let digits = !age.is_empty() && age.iter().all(u8::is_ascii_digit);
    let age = std::str::from_utf8(age).ok().and_then(|age| age.parse::<u64>().ok());
    digits && age.is_some_and(|age| age >= max_age)
}

/// Whether a Cache-Control field forbids to store.
pub fn is_no_store(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}

/// Whether a directive of a Content-Security-Policy can be written as it is: one directive, and no more.
pub fn is_directive(name: &str, sources: &str) -> bool {
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    named && sources.bytes().all(|byte| (byte == b' ' || byte.is_ascii_graphic()) && byte != b';' && byte != b',')
}

/// An app's Content-Security-Policy with our `frame-ancestors`, in one field; `None` where the app has no policy that
/// can be read.
///
/// Several fields, and parts between commas, are several policies, all of which apply; they become one field with the
/// same meaning. Theirs of `frame-ancestors` goes, except that it stays where `keep_stricter` is set and it lets in
/// nobody but those of `ancestors`.
pub fn accept_csp<'a>(
    fields: impl Iterator<Item = &'a HeaderValue>,
    ancestors: &str,
    keep_stricter: bool,
) -> Option<HeaderValue> {
    let mut policies: Vec<String> = Vec::new();
    let mut has_ancestors = false;
    for field in fields {
        for policy in field.to_str().ok()?.split(',') {
            let mut kept: Vec<&str> = Vec::new();
            for directive in policy.split(';').map(str::trim).filter(|directive| !directive.is_empty()) {
                let mut words = directive.split_ascii_whitespace();
                if words.next().is_some_and(|name| name.eq_ignore_ascii_case("frame-ancestors")) {
                    // The first directive of a name counts.
                    let is_first = !kept.iter().any(|kept| is_ancestors(kept));
                    if !(keep_stricter && is_first && words.all(|source| lets_in_nobody_else(source, ancestors))) {
                        continue;
                    }
                    has_ancestors = true;
                }
                kept.push(directive);
            }
            if !kept.is_empty() {
                policies.push(kept.join("; "));
            }
        }
    }
    let first = policies.first_mut()?;
    if !has_ancestors {
        first.push_str("; frame-ancestors ");
        first.push_str(ancestors);
    }
    HeaderValue::try_from(policies.join(", ")).ok()
}

fn is_ancestors(directive: &str) -> bool {
    directive.split_ascii_whitespace().next().is_some_and(|name| name.eq_ignore_ascii_case("frame-ancestors"))
}

fn lets_in_nobody_else(source: &str, ancestors: &str) -> bool {
    source.eq_ignore_ascii_case("'none'") || ancestors.split(' ').any(|ours| ours.eq_ignore_ascii_case(source))
}
