//! Issuing JWTs with ES256 (RFC 7515, RFC 7518 section 3.4): the identity assertion that an upstream receives, and with
//! another header the token of [`crate::consumer`]; and verifying those of others.
//!
//! Issuing is a constant header, a payload and a signature. Verifying has many traps, which are all in one place here.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin, EcPublicKeyUncompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

mod keys;
mod pem;
mod verify;

pub use keys::{SharedSecret, UnusableKey, VerifyingKeys};
pub use pem::{PemError, PrivateKeyPem};
pub(crate) use verify::Audience;
pub use verify::{Algorithm, Choice, JwtError, SignedJwt, Terms};

/// A P-256 key that signs ES256 tokens.
pub struct Es256Key {
    pair: EcdsaKeyPair,
    jwk: Jwk,
    header: String,
}

/// The public half of an [`Es256Key`], as a JSON Web Key (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// The bytes are not a private key of P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a private key of P-256")]
pub struct InvalidKey;

impl fmt::Debug for Es256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Es256Key({})", self.jwk.kid)
    }
}

impl Es256Key {
    /// Makes a key from its private scalar in big-endian form.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, InvalidKey> {
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| InvalidKey)?;
        let public = private.compute_public_key().map_err(|_| InvalidKey)?;
        let point: EcPublicKeyUncompressedBin<'_> = public.as_be_bytes().map_err(|_| InvalidKey)?;
        let private: EcPrivateKeyBin<'_> = private.as_be_bytes().map_err(|_| InvalidKey)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            private.as_ref(),
            point.as_ref(),
        )
        .map_err(|_| InvalidKey)?;
        Ok(Self::new(pair))
    }

    fn new(pair: EcdsaKeyPair) -> Self {
        let jwk = Jwk::new(pair.public_key().as_ref());
        let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}"}}"#, jwk.kid);
        Self { pair, header: URL_SAFE_NO_PAD.encode(header), jwk }
    }

    /// The public half.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs a payload. The signature is the 64-byte form `r ‖ s`, not DER.
    pub fn sign(&self, payload: &impl Serialize) -> String {
        self.sign_under(&self.header, payload)
    }

    /// Signs a payload under another header, which is in base64url already.
    pub(crate) fn sign_under(&self, header: &str, payload: &impl Serialize) -> String {
        let payload = serde_json::to_vec(payload).expect("a payload is a plain struct");
        let mut token = String::with_capacity(header.len() + payload.len() * 4 / 3 + 92);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature =
            self.pair.sign(&SystemRandom::new(), token.as_bytes()).expect("signing with a valid key succeeds");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

impl Jwk {
    /// `point` is `04 ‖ x ‖ y`. The key id is the thumbprint of RFC 7638.
    fn new(point: &[u8]) -> Self {
        let (x, y) = point[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        Self { kty: "EC", crv: "P-256", alg: "ES256", usage: "sig", kid, x, y }
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}
