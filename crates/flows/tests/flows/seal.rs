use proptest::prelude::*;
use stagedoor_flows::seal::{DoesNotOpen, MasterSecret, Purpose, Sealer, TooShort};

use crate::world::{SECRET, TestEntropy, sealer, secret};

const OLD: &str = "the-secret-before-the-current-one-0123456789";
const PURPOSES: [Purpose; 4] = [Purpose::Record, Purpose::Session, Purpose::Install, Purpose::Assertion];
const PLACE: &[&[u8]] = &[b"shelf", b"key"];

fn seal(sealer: &Sealer, place: &[&[u8]], plaintext: &[u8]) -> Vec<u8> {
    sealer.seal(place, plaintext, &*TestEntropy::seeded(1))
}

#[test]
fn what_is_sealed_opens_again_and_nothing_of_it_is_readable() {
    let keys = sealer(Purpose::Record);
    let sealed = seal(&keys, PLACE, b"canary canary canary");
    assert_eq!(keys.open(PLACE, &sealed).unwrap(), b"canary canary canary");
    assert_eq!(sealed.len(), 1 + 4 + 12 + 20 + 16);
    assert!(!sealed.windows(6).any(|window| window == b"canary"));
}

#[test]
fn the_same_text_is_never_sealed_the_same_way() {
    let (keys, entropy) = (sealer(Purpose::Record), TestEntropy::seeded(1));
    assert_ne!(keys.seal(PLACE, b"text", &*entropy), keys.seal(PLACE, b"text", &*entropy));
}

#[test]
fn mn_15_a_value_opens_only_where_it_was_sealed_for() {
    let keys = sealer(Purpose::Record);
    let sealed = seal(&keys, &[b"ab", b"cd"], b"text");
    let others: [&[&[u8]]; 8] = [
        &[],
        &[b"ab"],
        &[b"abcd"],
        &[b"a", b"bcd"],
        &[b"cd", b"ab"],
        &[b"ab", b"cd", b""],
        &[b"", b"ab", b"cd"],
        &[b"ab", b"ce"],
    ];
    for other in others {
        assert_eq!(keys.open(other, &sealed), Err(DoesNotOpen), "{other:?}");
    }
    assert!(keys.open(&[b"ab", b"cd"], &sealed).is_ok());
}

#[test]
fn mn_16_a_key_of_one_purpose_opens_nothing_of_another() {
    for one in PURPOSES {
        let sealed = seal(&sealer(one), PLACE, b"text");
        for other in PURPOSES {
            assert_eq!(sealer(other).open(PLACE, &sealed).is_ok(), one == other, "{one:?} {other:?}");
        }
    }
}

#[test]
fn mn_16_the_key_ids_of_two_purposes_differ_too() {
    let ids: std::collections::HashSet<_> =
        PURPOSES.map(|purpose| seal(&sealer(purpose), PLACE, b"")[1..5].to_vec()).into();
    assert_eq!(ids.len(), PURPOSES.len());
}

#[test]
fn mn_17_a_short_secret_is_refused_wherever_it_stands() {
    let (short, long) = (secret(&"x".repeat(31)), secret(&"x".repeat(32)));
    assert_eq!(MasterSecret::MIN, 32);
    assert_eq!(Sealer::new(&short, &[], Purpose::Record).unwrap_err(), TooShort);
    assert_eq!(Sealer::new(&secret(""), &[], Purpose::Record).unwrap_err(), TooShort);
    assert_eq!(Sealer::new(&long, &[short], Purpose::Record).unwrap_err(), TooShort);
    assert!(Sealer::new(&long, &[], Purpose::Record).is_ok());
}

#[test]
fn a_previous_secret_opens_and_the_current_one_seals() {
    let before = Sealer::new(&secret(OLD), &[], Purpose::Record).unwrap();
    let during = Sealer::new(&secret(SECRET), &[secret(OLD)], Purpose::Record).unwrap();
    let after = sealer(Purpose::Record);
    let (old, new) = (seal(&before, PLACE, b"old"), seal(&during, PLACE, b"new"));
    assert_eq!(during.open(PLACE, &old).unwrap(), b"old");
    assert_eq!(during.open(PLACE, &new).unwrap(), b"new");
    assert_eq!(after.open(PLACE, &new).unwrap(), b"new");
    assert_eq!(after.open(PLACE, &old), Err(DoesNotOpen));
    assert_eq!(before.open(PLACE, &new), Err(DoesNotOpen));
    assert!(during.is_outdated(&old) && !during.is_outdated(&new));
}

#[test]
fn mn_14_any_flipped_bit_is_refused() {
    let keys = Sealer::new(&secret(SECRET), &[secret(OLD)], Purpose::Record).unwrap();
    let sealed = seal(&keys, PLACE, b"a short text");
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(keys.open(PLACE, &changed), Err(DoesNotOpen), "bit {bit}");
    }
}

#[test]
fn mn_14_any_truncation_and_any_extension_is_refused() {
    let keys = sealer(Purpose::Record);
    let sealed = seal(&keys, PLACE, b"a short text");
    for length in 0..sealed.len() {
        assert_eq!(keys.open(PLACE, &sealed[..length]), Err(DoesNotOpen), "{length}");
        assert_eq!(keys.open(PLACE, &sealed[length + 1..]), Err(DoesNotOpen), "{length}");
    }
    for more in 1..40 {
        assert_eq!(keys.open(PLACE, &[&sealed[..], &vec![0; more]].concat()), Err(DoesNotOpen), "{more}");
    }
}

#[test]
fn mn_12_a_sealer_prints_none_of_its_keys() {
    assert_eq!(format!("{:?} {:?}", sealer(Purpose::Record), secret(SECRET)), "Sealer(1 keys) MasterSecret(…)");
}

proptest! {
    #[test]
    fn everything_sealed_opens_to_itself(
        plaintext in any::<Vec<u8>>(), place in prop::collection::vec(any::<Vec<u8>>(), 0..4), seed in any::<u64>(),
    ) {
        let place: Vec<&[u8]> = place.iter().map(Vec::as_slice).collect();
        let keys = sealer(Purpose::Session);
        let sealed = keys.seal(&place, &plaintext, &*TestEntropy::seeded(seed));
        prop_assert_eq!(keys.open(&place, &sealed), Ok(plaintext));
    }

    #[test]
    fn mn_23_arbitrary_bytes_do_not_open(bytes in any::<Vec<u8>>()) {
        let keys = sealer(Purpose::Session);
        prop_assert_eq!(keys.open(PLACE, &bytes), Err(DoesNotOpen));
        let headed = [&seal(&keys, PLACE, b"")[..5], &bytes].concat();
        prop_assert_eq!(keys.open(PLACE, &headed), Err(DoesNotOpen));
        let _ = keys.is_outdated(&bytes);
    }
}
