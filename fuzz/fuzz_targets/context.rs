//! The app context: any text, any bytes under the base64, any authentic plaintext.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use stagedoor_protocol::context::{Claims, ContextKey, MAX_LIFE_MS, open_and_verify};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use stagedoor_protocol::time::UnixMillis;

/// The secret, client id and instant of the vectors, so that they are seeds which go all the way.
static KEY: LazyLock<[ContextKey; 1]> =
    LazyLock::new(|| [ContextKey::new(&ClientSecret::new("q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"))]);
static CLIENT: LazyLock<ClientId> = LazyLock::new(|| ClientId::parse("vEcToR_cLiEnT_iD_01aZ").expect("an id"));
const NOW: UnixMillis = UnixMillis(1_763_769_630_000);

fn open(text: &str) {
    if let Ok(context) = open_and_verify(&*KEY, text, &CLIENT, NOW) {
        assert!(context.expires >= NOW);
        assert!((0..=MAX_LIFE_MS).contains(&context.expires.since(context.issued)));
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        open(text);
    }
    open(&URL_SAFE_NO_PAD.encode(data));

    let sealed = KEY[0].seal(data, [7; 12]);
    open(&sealed);
    if data.len() < 6_000 {
        assert_eq!(KEY[0].decrypt(&sealed).as_deref(), Ok(data));
        assert_eq!(KEY[0].open(&sealed), Claims::parse(data));
    }
});
