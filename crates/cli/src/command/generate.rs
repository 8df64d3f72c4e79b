//! Random values for people to keep.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stagedoor_flows::port::Entropy as _;
use stagedoor_gateway::SystemEntropy;

/// 32 random bytes in base64: a secret of a deployment.
pub(super) fn secret() -> String {
    STANDARD.encode(random::<32>())
}

/// Random letters and digits, as Zoom's ids and secrets look.
pub(super) fn letters(count: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // 248 is the largest multiple of 62 in a byte; what lies above would make some letters likelier.
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let fair = random::<64>().into_iter().filter(|byte| *byte < 248);
        text.extend(fair.take(count - text.len()).map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])));
    }
    text
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}
