//! Sealed values and the session cookie: any bytes, any text, any authentic plaintext, any change of one byte.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use stagedoor_flows::port::{Clock, Entropy, Sleep};
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::seal::{MasterSecret, Purpose, Sealer};
use stagedoor_flows::session::{SessionTtl, Sessions};
use stagedoor_flows::vault::Vault;
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Memory;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_763_769_630_000)
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

const PLACE: &[&[u8]] = &[b"cookie", b"session"];

fn sealer(purpose: Purpose) -> Sealer {
    let secret = MasterSecret::new("the secret of the fuzz targets 0123456789");
    let previous = MasterSecret::new("the secret before the current one 0123456789");
    Sealer::new(&secret, &[previous], purpose).expect("long enough")
}

static SEALER: LazyLock<Sealer> = LazyLock::new(|| sealer(Purpose::Session));
static SESSIONS: LazyLock<Sessions> = LazyLock::new(|| {
    let records = Arc::new(sealer(Purpose::Record));
    let vault = Vault::new(Arc::new(Memory::new()), records, Arc::new(Fixed), Arc::new(Fixed));
    let revocations = Arc::new(Revocations::new(vault, 86_400));
    let ttl = SessionTtl { client: 86_400, pwa: 3_600 };
    Sessions::new(sealer(Purpose::Session), Arc::new(Fixed), Arc::new(Fixed), revocations, ttl)
});

fuzz_target!(|data: &[u8]| {
    assert!(SEALER.open(PLACE, data).is_err());
    let _ = SEALER.is_outdated(data);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(SESSIONS.open(text).is_none());
    }
    assert!(SESSIONS.open(&URL_SAFE_NO_PAD.encode(data)).is_none());

    let mut sealed = SEALER.seal(PLACE, data, &Fixed);
    assert_eq!(SEALER.open(PLACE, &sealed).as_deref(), Ok(data));
    let cookie = URL_SAFE_NO_PAD.encode(&sealed);
    if let Some(session) = SESSIONS.open(&cookie) {
        assert!(session.expires > Fixed.now());
        let again = SESSIONS.seal(&session);
        assert_eq!(SESSIONS.open(again.expose()), Some(session));
    }

    let at = data.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let at = at % sealed.len();
    sealed[at] ^= 1 | data.first().copied().unwrap_or_default();
    assert!(SEALER.open(PLACE, &sealed).is_err());
});
