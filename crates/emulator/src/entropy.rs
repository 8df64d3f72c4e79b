//! Randomness in the shapes that Zoom uses.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use stagedoor_protocol::jwt::Es256Key;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// `length` random characters of the base64url alphabet.
pub(crate) fn base64url(length: usize) -> String {
    let mut text = String::with_capacity(length + 32);
    while text.len() < length {
        text.push_str(&URL_SAFE_NO_PAD.encode(bytes::<24>()));
    }
    text.truncate(length);
    text
}

/// A random UUID as Zoom writes those of meetings: 16 bytes in padded standard base64.
pub(crate) fn uuid() -> String {
    STANDARD.encode(bytes::<16>())
}

/// 32 random lower-case hexadecimal digits.
pub(crate) fn hex() -> String {
    format!("{:032x}", u128::from_ne_bytes(bytes()))
}

/// A random signing key. All but one of four billion strings of 32 bytes are one.
pub(crate) fn es256_key() -> Es256Key {
    std::iter::repeat_with(|| Es256Key::from_scalar(&bytes()))
        .find_map(Result::ok)
        .expect("the repetition does not end")
}

/// A random number below `end`. The slight bias does not matter here: nothing secret is drawn with it.
pub(crate) fn below(end: u32) -> u32 {
    u32::from_ne_bytes(bytes()) % end.max(1)
}
