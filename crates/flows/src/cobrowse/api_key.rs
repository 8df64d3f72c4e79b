//! Keys by which servers ask for tokens. Only their hashes are kept.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stagedoor_protocol::cobrowse::Role;
use stagedoor_protocol::secret;

use super::limiter::PerMinute;

secret! {
    /// An API key: `stagedoor_` and 256 random bits in base64url.
    pub struct ApiKey;
}

impl ApiKey {
    /// The key of 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self::new(format!("stagedoor_{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What is kept of it. A plain hash is enough: nobody guesses 256 bits.
    pub fn hash(&self) -> ApiKeyHash {
        let hash = digest(&SHA256, self.expose().as_bytes());
        ApiKeyHash(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// The SHA-256 of an API key, written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyHash([u8; 32]);

/// The text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 64 hexadecimal digits")]
pub struct InvalidHash;

impl FromStr for ApiKeyHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidHash);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// What the holder of a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyTerms {
    /// Who it is, for the audit log.
    pub name: String,
    /// By what it is known.
    pub hash: ApiKeyHash,
    /// The roles of its tokens.
    pub roles: Vec<Role>,
    /// How many tokens it may have.
    pub per_minute: PerMinute,
}

/// Finds a key. Every hash is compared, in constant time.
pub(super) fn find(keys: &[ApiKeyTerms], key: &ApiKey) -> Option<usize> {
    let hash = key.hash();
    keys.iter().enumerate().fold(
        None,
        |found, (at, terms)| {
            if secret::equal(&terms.hash.0, &hash.0) { Some(at) } else { found }
        },
    )
}
