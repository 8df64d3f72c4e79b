//! Zoom's webhook signatures, written here a second time: the emulator must not share the mistakes of a backend.

use std::fmt::Write as _;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

use crate::config::WebhookSecret;

/// The value of `x-zm-signature`: over the header's timestamp and the bytes of the body.
pub(crate) fn signature(secret: &WebhookSecret, timestamp: &str, body: &[u8]) -> String {
    let mut message = format!("v0:{timestamp}:").into_bytes();
    message.extend_from_slice(body);
    format!("v0={}", mac(secret, &message))
}

/// What the answer to a URL validation says in `encryptedToken`.
pub(crate) fn encrypted_token(secret: &WebhookSecret, plain_token: &str) -> String {
    mac(secret, plain_token.as_bytes())
}

fn mac(secret: &WebhookSecret, message: &[u8]) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, secret.expose().as_bytes()), message);
    tag.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A delivery that Zoom made in July 2024, with its secret, from the tests of the .NET library ZoomNet.
    const SECRET: &str = "4fv1RkqGQUq5sWbEz6hA5A";
    const BODY: &str = r#"{"payload":{"plainToken":"xys8n8PGS7mAU0m5-YJjRA"},"event_ts":1720705455858,"event":"endpoint.url_validation"}"#;

    #[test]
    fn a_real_delivery_has_the_signature_that_zoom_gave_it() {
        let signed = signature(&WebhookSecret::new(SECRET), "1720705455", BODY.as_bytes());
        assert_eq!(signed, "v0=93a1a675965ceb9c5a50c5dfb31f20e50f763be37a54ef74cd2d16a1a8e5c0d6");
    }

    #[test]
    fn a_real_challenge_has_the_answer_that_zoom_took() {
        let answer = encrypted_token(&WebhookSecret::new(SECRET), "xys8n8PGS7mAU0m5-YJjRA");
        assert_eq!(answer, "2fffc6a967dde4f68024025a5bd991c5ae1e5313b4e6365be4883e3e81d479b3");
    }
}
