//! How records stand in Redis. The layout is described in `verbs.lua`.

use stagedoor_flows::port::{Draft, Key, Lease, Place, Record, Shelf, Version};
use stagedoor_protocol::time::UnixMillis;

/// The counter, which every script is given as its key.
pub(super) const LAST: &str = "{stagedoor}:last";

/// What stands where an expiry would, for what never expires: later than every instant.
const NEVER: &str = "99999999999999999999";

/// How many bytes an instant, a version and a fence take.
const DIGITS: usize = 20;

/// An instant whose order as text is its order in time.
pub(super) fn instant(at: UnixMillis) -> String {
    // Flipping the sign bit puts what was before 1970 in front of what came after.
    number(at.0.cast_unsigned() ^ SIGN)
}

const SIGN: u64 = 1 << 63;

/// A version or a fence.
pub(super) fn number(number: u64) -> String {
    format!("{number:0DIGITS$}")
}

/// The number that was written by [`number`].
pub(super) fn parse_number(digits: &[u8]) -> Option<u64> {
    let is_number = digits.len() == DIGITS && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

pub(super) fn expires(draft: &Draft) -> String {
    draft.expires.map_or_else(|| NEVER.to_owned(), instant)
}

/// The owner as it stands in a record.
pub(super) fn owner(draft: &Draft) -> Vec<u8> {
    draft.owner.map_or_else(|| b"-".to_vec(), |owner| [b"+".as_slice(), &owner.0].concat())
}

/// A place as it stands in keys and indexes.
pub(super) fn place(place: Place) -> Vec<u8> {
    [place.shelf.0.as_bytes(), &[0], &place.key.0].concat()
}

/// The key of Redis' under which a record lies.
pub(super) fn key(at: Place) -> Vec<u8> {
    [b"{stagedoor}:record:".as_slice(), &place(at)].concat()
}

/// Everything on `shelf` behind `after`, as the two ends of a range of names.
pub(super) fn behind(shelf: Shelf, after: Option<Key>) -> (Vec<u8>, Vec<u8>) {
    let name = shelf.0.as_bytes();
    let first = match after {
        Some(key) => [b"(".as_slice(), &place(Place { shelf, key })].concat(),
        None => [b"[", name, &[0]].concat(),
    };
    (first, [b"(", name, &[1]].concat())
}

/// The record on `shelf` whose place and content these are; `None` if nothing of ours looks like that.
pub(super) fn record(shelf: Shelf, place: &[u8], content: &[u8]) -> Option<Record> {
    let key = Key(*place.last_chunk()?);
    let (expires, rest) = content.split_at_checked(DIGITS)?;
    let (version, rest) = rest.split_at_checked(DIGITS)?;
    let (owner, sealed) = match rest.split_first()? {
        (b'-', sealed) => (None, sealed),
        (b'+', rest) => rest.split_first_chunk().map(|(owner, sealed)| (Some(Key(*owner)), sealed))?,
        _ => return None,
    };
    let expires = match expires {
        never if never == NEVER.as_bytes() => None,
        digits => Some(UnixMillis((parse_number(digits)? ^ SIGN).cast_signed())),
    };
    let version = Version(parse_number(version)?);
    let draft = Draft { place: Place { shelf, key }, owner, sealed: sealed.to_vec(), expires };
    Some(Record { draft, version })
}

/// Whether a record that was read exists for somebody whose clock shows `now`.
pub(super) fn is_live(record: &Record, now: UnixMillis) -> bool {
    record.draft.expires.is_none_or(|expires| expires > now)
}

/// The lease of `place` whose fence these digits are.
pub(super) fn lease(place: Place, fence: &[u8], until: UnixMillis) -> Option<Lease> {
    Some(Lease { place, fence: parse_number(fence)?, until })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(draft: &Draft, version: u64) -> Vec<u8> {
        [expires(draft).as_bytes(), number(version).as_bytes(), &owner(draft), &draft.sealed].concat()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            key: [u8; 32], owner: Option<[u8; 32]>, sealed: Vec<u8>, expires: Option<i64>, version: u64,
        ) {
            let place = Place { shelf: Shelf("shelf"), key: Key(key) };
            let draft = Draft { place, owner: owner.map(Key), sealed, expires: expires.map(UnixMillis) };
            let read = record(place.shelf, &super::place(place), &stored(&draft, version));
            prop_assert_eq!(read, Some(Record { draft, version: Version(version) }));
        }

        #[test]
        fn instants_are_in_the_order_of_time(a: i64, b: i64) {
            let (a, b) = (UnixMillis(a), UnixMillis(b));
            prop_assert_eq!(a.cmp(&b), instant(a).cmp(&instant(b)));
            prop_assert!(instant(a).as_str() < NEVER);
        }

        #[test]
        fn nothing_else_is_a_record(place: Vec<u8>, content: Vec<u8>) {
            if let Some(read) = record(Shelf("shelf"), &place, &content) {
                prop_assert_eq!(stored(&read.draft, read.version.0), content);
            }
        }
    }

    #[test]
    fn a_record_that_was_cut_short_is_none() {
        let place = Place { shelf: Shelf("shelf"), key: Key([1; 32]) };
        let draft = Draft { place, owner: Some(Key([2; 32])), sealed: Vec::new(), expires: None };
        let whole = stored(&draft, 1);
        for length in 0..whole.len() {
            assert_eq!(record(place.shelf, &super::place(place), &whole[..length]), None);
        }
    }
}
