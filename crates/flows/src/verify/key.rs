//! Keys that verify, each for exactly one algorithm.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use serde::Deserialize as _;
use serde_json::Value;
use stagedoor_protocol::json;
use stagedoor_protocol::secret;

/// The most keys of a set.
const MAX_KEYS: usize = 64;

/// The shortest modulus of RSA, in bytes (RFC 7518 section 3.3).
const MIN_RSA: usize = 256;

secret! {
    /// A secret with which a site signs its own sessions (HS256).
    pub struct SharedSecret;
}

impl SharedSecret {
    /// The shortest secret that is taken, in bytes (RFC 7518 section 3.2).
    pub const MIN: usize = 32;
}

/// A key, with the one algorithm that it verifies: a token that names another one is refused, whatever it says.
pub struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Why a text holds no key to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// Neither PEM nor a JSON Web Key.
    #[error("it is neither a public key as PEM nor a JSON Web Key (set)")]
    Malformed,
    /// Not a kind of key that is taken.
    #[error("it holds no public key of P-256, P-384, Ed25519 or RSA with 2048 bits or more")]
    Unsupported,
    /// A private key where a public one belongs.
    #[error("it holds a private key; only the public half belongs here")]
    Private,
    /// Too short to be secret.
    #[error("it has less than {} bytes", SharedSecret::MIN)]
    Short,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?}, {:?})", self.algorithm, self.kid)
    }
}

/// The algorithms of public keys in PEM files. An RSA key there verifies RS256.
const OF_PEM: [(Algorithm, &dyn VerificationAlgorithm); 4] = [
    (Algorithm::ES256, &ECDSA_P256_SHA256_FIXED),
    (Algorithm::ES384, &ECDSA_P384_SHA384_FIXED),
    (Algorithm::EdDSA, &ED25519),
    (Algorithm::RS256, &RSA_PKCS1_2048_8192_SHA256),
];

impl VerifyingKey {
    /// The key of HS256.
    pub fn shared(secret: &SharedSecret) -> Result<Self, UnusableKey> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < SharedSecret::MIN {
            return Err(UnusableKey::Short);
        }
        Ok(Self { kid: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(bytes) })
    }

    /// Reads a public key as PEM, a JSON Web Key, or a set of them.
    pub fn read(text: &str) -> Result<Vec<Arc<Self>>, UnusableKey> {
        let text = text.trim();
        let keys = if text.starts_with('{') { read_jwks(text.as_bytes())? } else { vec![read_pem(text)?] };
        if keys.is_empty() { Err(UnusableKey::Unsupported) } else { Ok(keys.into_iter().map(Arc::new).collect()) }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.key
    }

    /// Keys of kinds that are not taken, that encrypt, or that are no public keys, are passed over.
    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let algorithm = algorithm_of(jwk)?;
        Some(Self { kid: jwk.common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}

/// The algorithm of a key: what it says, where that fits its kind, else what its kind is commonly used with.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let said = match jwk.common.key_algorithm {
        None => None,
        Some(said) => Some(signature_algorithm(said)?),
    };
    match (&jwk.algorithm, said) {
        (AlgorithmParameters::RSA(_), None) => Some(Algorithm::RS256),
        (AlgorithmParameters::RSA(_), Some(said)) => (said.family() == AlgorithmFamily::Rsa).then_some(said),
        (AlgorithmParameters::EllipticCurve(key), said) => fits(&key.curve, said),
        (AlgorithmParameters::OctetKeyPair(key), said) => fits(&key.curve, said),
        _ => None,
    }
}

fn fits(curve: &EllipticCurve, said: Option<Algorithm>) -> Option<Algorithm> {
    let only = match curve {
        EllipticCurve::P256 => Algorithm::ES256,
        EllipticCurve::P384 => Algorithm::ES384,
        EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    said.is_none_or(|said| said == only).then_some(only)
}

fn signature_algorithm(said: KeyAlgorithm) -> Option<Algorithm> {
    said.to_string().parse().ok()
}

/// Reads a key or a set of keys (RFC 7517). Keys that cannot be used are left out, as its section 5 asks.
pub(super) fn read_jwks(text: &[u8]) -> Result<Vec<VerifyingKey>, UnusableKey> {
    let document: Value = json::read(text).map_err(|_| UnusableKey::Malformed)?;
    let jwks = match document.get("keys") {
        Some(Value::Array(jwks)) => jwks.as_slice(),
        Some(_) => return Err(UnusableKey::Malformed),
        None => std::slice::from_ref(&document),
    };
    let usable = |jwk: &Value| VerifyingKey::of_jwk(&Jwk::deserialize(jwk).ok()?);
    Ok(jwks.iter().filter_map(usable).take(MAX_KEYS).collect())
}

fn read_pem(text: &str) -> Result<VerifyingKey, UnusableKey> {
    let (kind, der) = <(SectionKind, Vec<u8>)>::from_pem_slice(text.as_bytes()).map_err(|_| UnusableKey::Malformed)?;
    match kind {
        SectionKind::PublicKey => (),
        SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey => {
            return Err(UnusableKey::Private);
        }
        _ => return Err(UnusableKey::Unsupported),
    }
    let parsed = OF_PEM
        .into_iter()
        .find_map(|(algorithm, verification)| ParsedPublicKey::new(verification, &der).is_ok().then_some(algorithm));
    let key = match parsed.ok_or(UnusableKey::Unsupported)? {
        // PKCS#1, which is what the library takes.
        Algorithm::RS256 => {
            let key = RsaPublicKey::from_der(&der).map_err(|_| UnusableKey::Unsupported)?;
            if RsaPublicKeyComponents::<Vec<u8>>::from(&key).n.len() < MIN_RSA {
                return Err(UnusableKey::Unsupported);
            }
            (Algorithm::RS256, DecodingKey::from_rsa_der(key.as_ref()))
        }
        Algorithm::EdDSA => (Algorithm::EdDSA, DecodingKey::from_ed_der(&der)),
        algorithm => (algorithm, DecodingKey::from_ec_der(&der)),
    };
    Ok(VerifyingKey { kid: None, algorithm: key.0, key: key.1 })
}

/// The key with this id. Where the token or the only key has none, there is nothing to choose.
pub(super) fn choose(keys: &[Arc<VerifyingKey>], kid: Option<&str>) -> Option<Arc<VerifyingKey>> {
    let by_id = kid.and_then(|kid| keys.iter().find(|key| key.kid.as_deref() == Some(kid)));
    let only = match keys {
        [only] if kid.is_none() || only.kid.is_none() => Some(only),
        _ => None,
    };
    by_id.or(only).cloned()
}
