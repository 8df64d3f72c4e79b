//! Parts of a file (RFC 9110 section 14): one range of bytes.

use http::{HeaderMap, HeaderValue, Method, header};

use crate::edge::at_most_one;

/// From `start` to before `end`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Everything,
    Part(Range),
    /// The range lies behind the end.
    Impossible,
}

impl Range {
    /// What a request wants. A range that is malformed or several of them count as none, which RFC 9110 section 14.2
    /// allows; so does one under a condition that does not hold.
    pub(super) fn of(method: &Method, headers: &HeaderMap, tag: &HeaderValue, length: u64) -> Wanted {
        let (Ok(Some(range)), true) = (at_most_one(headers, &header::RANGE), method == Method::GET) else {
            return Wanted::Everything;
        };
        if headers.get(header::IF_RANGE).is_some_and(|condition| condition != tag) {
            return Wanted::Everything;
        }
        range.to_str().ok().and_then(|range| Self::parse(range, length)).unwrap_or(Wanted::Everything)
    }

    fn parse(text: &str, length: u64) -> Option<Wanted> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        Some(match (first, last) {
            (None, None) => return None,
            (None, Some(count)) if count == 0 || length == 0 => Wanted::Impossible,
            (None, Some(count)) => Wanted::Part(Self { start: length.saturating_sub(count), end: length }),
            (Some(first), Some(last)) if last < first => return None,
            (Some(first), _) if first >= length => Wanted::Impossible,
            (Some(first), last) => {
                let end = last.map_or(length, |last| last.saturating_add(1).min(length));
                Wanted::Part(Self { start: first, end })
            }
        })
    }

    pub(super) fn content_range(self, length: u64) -> HeaderValue {
        let text = format!("bytes {}-{}/{length}", self.start, self.end - 1);
        HeaderValue::try_from(text).expect("digits are a header value")
    }
}

/// `None` where it is not a number, `Some(None)` where there is none.
#[expect(clippy::option_option, reason = "an absent number and a wrong one are different")]
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let part = |start, end| Some(Wanted::Part(Range { start, end }));
        assert_eq!(Range::parse("bytes=0-9", 100), part(0, 10));
        assert_eq!(Range::parse("bytes=90-", 100), part(90, 100));
        assert_eq!(Range::parse("bytes=-10", 100), part(90, 100));
        assert_eq!(Range::parse("bytes=-1000", 100), part(0, 100));
        assert_eq!(Range::parse("bytes=0-1000", 100), part(0, 100));
        assert_eq!(Range::parse("bytes=100-", 100), Some(Wanted::Impossible));
        assert_eq!(Range::parse("bytes=-0", 100), Some(Wanted::Impossible));
        for bad in ["bytes=-", "bytes=9-0", "bytes=0-1,3-4", "items=0-1", "bytes=+1-2", "bytes=0-99999999999999999999"]
        {
            assert_eq!(Range::parse(bad, 100), None, "{bad}");
        }
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        assert_eq!(Range::parse("bytes=0-0", 0), Some(Wanted::Impossible));
        assert_eq!(Range::parse("bytes=-1", 0), Some(Wanted::Impossible));
    }
}
