//! How long a certificate is good for: its validity (RFC 5280 section 4.1.2.5), read out of its DER.
//!
//! The TLS library has verified it before, so that only this one field is looked for.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use stagedoor_protocol::time::UnixSeconds;

const DAY: i64 = 86_400;
/// Who renews by itself does so before this; what ends sooner was probably forgotten.
const SOON_DAYS: i64 = 14;
/// A certificate that is issued for no longer than this is short-lived (CA/Browser Forum, Baseline Requirements 1.6.1), and
/// renewed when two thirds of its life are over.
const SHORT_LIVED_DAYS: i64 = 7;

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    from: UnixSeconds,
    until: UnixSeconds,
}

impl Validity {
    /// Reads it out of a certificate; `None` where none is to be found.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const VERSION: u8 = 0xa0;
        let (certificate, _) = element(der, SEQUENCE)?;
        let (signed, _) = element(certificate, SEQUENCE)?;
        // A version may come first; then serial number, algorithm and issuer, whatever they are.
        let mut rest = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
        for _ in 0..3 {
            rest = next(rest)?.2;
        }
        let (validity, _) = element(rest, SEQUENCE)?;
        let (from, rest) = instant(validity)?;
        Some(Self { from, until: instant(rest)?.0 })
    }

    /// Whole days that are left.
    pub(super) fn days_left(self, now: UnixSeconds) -> i64 {
        self.until.0.saturating_sub(now.0).div_euclid(DAY)
    }

    /// Whether it should have been renewed by now.
    pub(super) fn is_soon_over(self, now: UnixSeconds) -> bool {
        let life = self.until.0.saturating_sub(self.from.0);
        let soon = if life <= SHORT_LIVED_DAYS * DAY { life / 3 } else { SOON_DAYS * DAY };
        self.until.0.saturating_sub(now.0) < soon
    }
}

/// The first element, if it has this tag: its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = next(der)?;
    (found == tag).then_some((content, rest))
}

/// The first element of DER (X.690 section 8.1): its tag, its content, and what follows it. No tag here takes more than a
/// byte.
fn next(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 3)?;
        (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The first element, which is a time, and what follows it. Times are in UTC and end in Z; of years with two digits those
/// from 50 on are in the last century.
fn instant(der: &[u8]) -> Option<(UnixSeconds, &[u8])> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let (tag, content, rest) = next(der)?;
    let text = std::str::from_utf8(content).ok()?;
    let full = match (tag, text.get(..2)) {
        (UTC_TIME, Some(year)) if year < "50" => format!("20{text}"),
        (UTC_TIME, Some(_)) => format!("19{text}"),
        (GENERALIZED_TIME, _) => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%SZ", full).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some((UnixSeconds(at.timestamp().as_second()), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by `openssl req -x509 -days 90`, at [`FROM`].
    const CERTIFICATE: &[u8] = include_bytes!("certificate.test.der");
    const FROM: i64 = 1_795_351_656;

    #[test]
    fn the_validity_of_a_certificate_is_what_openssl_says() {
        let validity = Validity::of(CERTIFICATE).unwrap();
        assert_eq!(validity, Validity { from: UnixSeconds(FROM), until: UnixSeconds(FROM + 90 * DAY) });
    }

    #[test]
    fn both_ways_to_write_a_year_are_read() {
        for (tag, text, second) in [
            (0x17, "491231235959Z", Some(2_524_607_999)),
            (0x17, "500101000000Z", Some(-631_152_000)),
            (0x18, "20500101000000Z", Some(2_524_608_000)),
            (0x17, "20500101000000Z", None),
            (0x18, "20501301000000Z", None),
            (0x04, "491231235959Z", None),
        ] {
            let der = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            assert_eq!(instant(&der).map(|(at, _)| at.0), second, "{text}");
        }
    }

    #[test]
    fn fourteen_days_are_enough_and_a_third_of_a_short_life_is() {
        let validity = |days| Validity { from: UnixSeconds(0), until: UnixSeconds(days * DAY) };
        for (life, left, soon) in [(90, 14, false), (90, 13, true), (8, 8, true), (6, 2, false), (6, 1, true)] {
            let now = UnixSeconds((life - left) * DAY);
            let validity = validity(life);
            assert_eq!((validity.days_left(now), validity.is_soon_over(now)), (left, soon), "{life} {left}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_to_its_end(der in proptest::collection::vec(any::<u8>(), 0..200), at in any::<i64>()) {
            if let Some(validity) = Validity::of(&der) {
                validity.is_soon_over(UnixSeconds(at));
                validity.days_left(UnixSeconds(at));
            }
        }

        #[test]
        fn a_damaged_certificate_is_read_to_its_end(at in 0..CERTIFICATE.len(), byte in any::<u8>()) {
            let mut der = CERTIFICATE.to_vec();
            der[at] = byte;
            let _ = Validity::of(&der);
            prop_assert_eq!(Validity::of(&CERTIFICATE[..at]), None);
        }
    }
}
