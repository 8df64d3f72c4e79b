//! The app context: who opened the app, where, and how; encrypted by Zoom for this app only.
//!
//! It arrives in the header `x-zoom-app-context` (desktop and mobile client) or from `getAppContext()` (web client):
//! base64url of `[iv length u8][iv][aad length u16 LE][aad][ciphertext length i32 LE][ciphertext][tag 16]`,
//! AES-256-GCM under the SHA-256 of the client secret, around a JSON object.
//! See <https://developers.zoom.us/docs/zoom-apps/zoom-app-context/>.
//!
//! What is accepted is exactly this: lengths that add up, a 12-byte IV, a 16-byte tag and nothing behind it; either
//! base64 alphabet, padded or not, and no other byte; a JSON object in valid UTF-8 without duplicate members; our client
//! id as audience, Zoom's Marketplace as issuer, times that make sense.
//!
//! ```
//! use stagedoor_protocol::context::{ContextError, ContextKey, open_and_verify};
//! use stagedoor_protocol::id::ClientId;
//! use stagedoor_protocol::secret::ClientSecret;
//! use stagedoor_protocol::time::UnixMillis;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client_id = ClientId::parse("my-client-id")?;
//! let keys = [ContextKey::new(&ClientSecret::new("my-client-secret"))];
//!
//! // What Zoom's client would send.
//! let claims = r#"{"typ":"panel","uid":"77A6G6xIS62MkqTlFWJhbg","aud":"my-client-id",
//!     "iss":"marketplace.zoom.us","ts":1763769600000,"exp":1763769720000}"#;
//! let header = keys[0].seal(claims.as_bytes(), [7; 12]);
//!
//! let context = open_and_verify(&keys, &header, &client_id, UnixMillis(1_763_769_630_000))?;
//! assert_eq!(context.user.map(String::from).as_deref(), Some("77A6G6xIS62MkqTlFWJhbg"));
//!
//! let late = open_and_verify(&keys, &header, &client_id, UnixMillis(1_763_769_720_001));
//! assert_eq!(late, Err(ContextError::Expired(1)));
//! # Ok(())
//! # }
//! ```

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::secret::ClientSecret;
use crate::time::UnixMillis;

mod claims;

pub use claims::{AppContext, Claims, ISSUER};

/// The longest encoded context that is opened, in bytes. Real ones have 200 to 500.
pub const MAX_ENCODED: usize = 8 * 1024;

/// How far Zoom's clock may run ahead of ours, in milliseconds.
pub const MAX_SKEW_MS: i64 = 60_000;

/// The longest life (`exp − ts`) that is believed, in milliseconds. Zoom's contexts live two minutes.
pub const MAX_LIFE_MS: i64 = 600_000;

const TAG_LEN: usize = 16;

/// Why a context is not accepted. The message says what is wrong without quoting the context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// Not base64 of either alphabet, or longer than [`MAX_ENCODED`].
    #[error("it is not base64, or too long")]
    Encoding,
    /// The lengths inside do not add up, or the IV is not 12 or the tag not 16 bytes long.
    #[error("its length fields do not fit its length: it was cut off or changed on the way")]
    Layout,
    /// The tag does not verify: made with another client secret, or changed on the way.
    #[error(
        "it was not sealed with this client secret (development and production have different ones), or it was changed"
    )]
    Seal,
    /// The plaintext is not a JSON object with the members it must have.
    #[error("its content is not a valid context: {0}")]
    Content(String),
    /// The context is for another app.
    #[error("it is for another app: its audience is not this client id")]
    Audience,
    /// The context was not issued by Zoom's Marketplace.
    #[error("its issuer is not {ISSUER}")]
    Issuer,
    /// The context has expired.
    #[error("it expired {0} ms ago; open the app again, and check this machine's clock if that does not help")]
    Expired(i64),
    /// Issue time in the future, or a longer life than Zoom gives.
    #[error("its times make no sense (issued {ahead_ms} ms from now, life {life_ms} ms); check this machine's clock")]
    Times {
        /// Milliseconds from now to the issue time.
        ahead_ms: i64,
        /// Milliseconds from the issue time to the expiry.
        life_ms: i64,
    },
}

impl ContextError {
    /// The stable public code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encoding => "context_encoding",
            Self::Layout => "context_layout",
            Self::Seal => "context_seal",
            Self::Content(_) => "context_content",
            Self::Audience => "context_audience",
            Self::Issuer => "context_issuer",
            Self::Expired(_) => "context_expired",
            Self::Times { .. } => "context_times",
        }
    }
}

/// The key that opens and seals app contexts, prepared once per process.
pub struct ContextKey(LessSafeKey);

impl fmt::Debug for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextKey(…)")
    }
}

impl ContextKey {
    /// Derives the key of an app from its client secret.
    pub fn new(secret: &ClientSecret) -> Self {
        let hash = digest(&SHA256, secret.expose().as_bytes());
        let key =
            UnboundKey::new(&AES_256_GCM, hash.as_ref()).expect("a SHA-256 digest has the length of an AES-256 key");
        Self(LessSafeKey::new(key))
    }

    /// Decrypts and parses a context. The claims are authentic, but not yet checked for this app and time:
    /// see [`Claims::verify`].
    pub fn open(&self, encoded: &str) -> Result<Claims, ContextError> {
        Claims::parse(&self.decrypt(encoded)?)
    }

    /// Decrypts a context and returns its plaintext: for tools that explain what is wrong with the claims.
    pub fn decrypt(&self, encoded: &str) -> Result<Vec<u8>, ContextError> {
        let mut bytes = decode(encoded)?;
        let (nonce, aad_len, cipher_at) = {
            let parts = Parts::split(&bytes).ok_or(ContextError::Layout)?;
            (*parts.iv, parts.aad.len(), parts.cipher_at)
        };
        let (head, sealed) = bytes.split_at_mut(cipher_at);
        let aad_at = 1 + NONCE_LEN + 2;
        let aad = head.get(aad_at..aad_at + aad_len).ok_or(ContextError::Layout)?;
        let opened = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed)
            .map_err(|_| ContextError::Seal)?;
        let length = opened.len();
        bytes.drain(..cipher_at);
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Seals a plaintext as Zoom does: base64url without padding, 12-byte IV, empty associated data.
    ///
    /// `nonce` must be new for every call with the same secret.
    pub fn seal(&self, plaintext: &[u8], nonce: [u8; NONCE_LEN]) -> String {
        let mut sealed = plaintext.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .expect("a context is far smaller than the limit of AES-GCM");
        let cipher_len = i32::try_from(plaintext.len()).expect("a context is far smaller than 2 GiB");
        let mut bytes = Vec::with_capacity(1 + NONCE_LEN + 2 + 4 + sealed.len());
        bytes.push(u8::try_from(NONCE_LEN).expect("12 fits"));
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&0u16.to_le_bytes());
        bytes.extend_from_slice(&cipher_len.to_le_bytes());
        bytes.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Opens a context with the first of several keys that fits (the current client secret, then previous ones) and
/// checks it for this app and time.
pub fn open_and_verify(
    keys: &[ContextKey],
    encoded: &str,
    client_id: &crate::id::ClientId,
    now: UnixMillis,
) -> Result<AppContext, ContextError> {
    let mut outcome = Err(ContextError::Seal);
    for key in keys {
        outcome = key.open(encoded);
        if !matches!(outcome, Err(ContextError::Seal)) {
            break;
        }
    }
    outcome?.verify(client_id, now)
}

struct Parts<'a> {
    iv: &'a [u8; NONCE_LEN],
    aad: &'a [u8],
    cipher_at: usize,
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (&iv_len, rest) = bytes.split_first()?;
        if usize::from(iv_len) != NONCE_LEN {
            return None;
        }
        let (iv, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let (aad_len, rest) = rest.split_first_chunk::<2>()?;
        let (aad, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*aad_len)))?;
        let (cipher_len, rest) = rest.split_first_chunk::<4>()?;
        let cipher_len = usize::try_from(i32::from_le_bytes(*cipher_len)).ok()?;
        if rest.len() != cipher_len.checked_add(TAG_LEN)? {
            return None;
        }
        Some(Self { iv, aad, cipher_at: bytes.len() - rest.len() })
    }
}

/// Zoom sends base64url without padding; the standard alphabet and full padding are taken too. Nothing else is.
fn decode(encoded: &str) -> Result<Vec<u8>, ContextError> {
    if encoded.len() > MAX_ENCODED {
        return Err(ContextError::Encoding);
    }
    let is_standard = encoded.as_bytes().contains(&b'+') || encoded.as_bytes().contains(&b'/');
    let engine = match (is_standard, encoded.ends_with('=')) {
        (false, false) => &URL_SAFE_NO_PAD,
        (false, true) => &URL_SAFE,
        (true, false) => &STANDARD_NO_PAD,
        (true, true) => &STANDARD,
    };
    engine.decode(encoded).map_err(|_| ContextError::Encoding)
}
