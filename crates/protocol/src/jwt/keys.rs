//! Keys that verify: of an issuer's JWK Set (RFC 7517), of a PEM file, or shared with a site.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use serde::Deserialize;
use serde_json::Value;

use super::verify::{Choice, SignedJwt};
use crate::json;

/// The largest set that is read, in bytes, and the most keys of one.
const MAX_SET: usize = 256 * 1024;
const MAX_KEYS: usize = 64;

/// The shortest modulus of RSA, in bytes (RFC 7518 section 3.3).
const MIN_RSA: usize = 256;

crate::secret! {
    /// A secret with which a site signs its own sessions (HS256).
    pub struct SharedSecret;
}

impl SharedSecret {
    /// The shortest secret that is taken, in bytes (RFC 7518 section 3.2).
    pub const MIN: usize = 32;
}

/// The keys of an issuer. Its default is none.
#[derive(Clone, Default)]
pub struct VerifyingKeys(Vec<VerifyingKey>);

#[derive(Clone)]
struct VerifyingKey {
    kid: Option<String>,
    /// `None` only for a key of RSA, which is for several algorithms unless it names one.
    algorithm: Option<Algorithm>,
    key: Material,
}

/// What verifies a signature.
#[derive(Clone)]
pub(super) enum Material {
    /// The shared secret of HS256, prepared: that takes as long as using it.
    Shared(Box<hmac::Key>),
    Public(DecodingKey),
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

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKeys({})", self.0.len())
    }
}

/// The algorithms of public keys in PEM files. An RSA key there verifies RS256.
const OF_PEM: [(Algorithm, &dyn VerificationAlgorithm); 4] = [
    (Algorithm::ES256, &ECDSA_P256_SHA256_FIXED),
    (Algorithm::ES384, &ECDSA_P384_SHA384_FIXED),
    (Algorithm::EdDSA, &ED25519),
    (Algorithm::RS256, &RSA_PKCS1_2048_8192_SHA256),
];

impl VerifyingKeys {
    /// The one key of HS256.
    pub fn shared(secret: &SharedSecret) -> Result<Self, UnusableKey> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < SharedSecret::MIN {
            return Err(UnusableKey::Short);
        }
        let key = Material::Shared(hmac::Key::new(HMAC_SHA256, bytes).into());
        Ok(Self(vec![VerifyingKey { kid: None, algorithm: Some(Algorithm::HS256), key }]))
    }

    /// Reads what somebody wrote into a file: a public key as PEM, a JSON Web Key, or a set of them.
    pub fn read(text: &str) -> Result<Self, UnusableKey> {
        let text = text.trim();
        if !text.starts_with('{') {
            return read_pem(text).map(|key| Self(vec![key]));
        }
        let document: Value = json::read(text.as_bytes()).map_err(|_| UnusableKey::Malformed)?;
        let keys = match document.get("keys") {
            Some(_) => Self::read_set(text.as_bytes())?,
            None => Self::usable(&[document]),
        };
        if keys.is_empty() { Err(UnusableKey::Unsupported) } else { Ok(keys) }
    }

    /// Reads what an issuer publishes: a JWK Set. Keys of unknown kinds are passed over (RFC 7517 section 5), so that there
    /// may be none in the end.
    pub fn read_set(text: &[u8]) -> Result<Self, UnusableKey> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        if text.len() > MAX_SET {
            return Err(UnusableKey::Malformed);
        }
        let Set { keys } = json::read(text).map_err(|_| UnusableKey::Malformed)?;
        Ok(Self::usable(&keys))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the keys could have signed a token.
    pub fn fit(&self, token: &SignedJwt<'_>) -> bool {
        self.fitting(token).next().is_some()
    }

    fn usable(jwks: &[Value]) -> Self {
        Self(jwks.iter().filter_map(|jwk| VerifyingKey::of_jwk(&Jwk::deserialize(jwk).ok()?)).take(MAX_KEYS).collect())
    }

    /// The keys that could have signed a token.
    pub(super) fn fitting(&self, token: &SignedJwt<'_>) -> impl Iterator<Item = &Material> {
        let is_only = self.0.len() == 1;
        self.0.iter().filter(move |key| key.is_meant(token, is_only) && key.verifies(token)).map(|key| &key.key)
    }
}

impl VerifyingKey {
    /// By its id. Where the token or the only key has none, there may be nothing to choose.
    fn is_meant(&self, token: &SignedJwt<'_>, is_only: bool) -> bool {
        match (&token.header.kid, &self.kid, token.choice) {
            (Some(asked), Some(own), _) => asked == own,
            (_, _, Choice::ByKey) => is_only,
            (asked, _, Choice::Among(_)) => asked.is_none(),
        }
    }

    fn verifies(&self, token: &SignedJwt<'_>) -> bool {
        let asked = token.header.alg;
        match (self.algorithm, token.choice) {
            (Some(own), _) => asked == own,
            (None, Choice::ByKey) => asked == Algorithm::RS256,
            (None, Choice::Among(_)) => asked.family() == AlgorithmFamily::Rsa,
        }
    }

    /// Keys of kinds that are not taken, that encrypt, or that are no public keys, are passed over.
    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let named: Option<Algorithm> = match jwk.common.key_algorithm {
            None => None,
            Some(named) => Some(named.to_string().parse().ok()?),
        };
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => named.filter(|named| named.family() == AlgorithmFamily::Rsa),
            AlgorithmParameters::EllipticCurve(key) => of_curve(&key.curve),
            AlgorithmParameters::OctetKeyPair(key) => of_curve(&key.curve),
            _ => return None,
        };
        let is_consistent = named.is_none() || named == algorithm;
        let is_known = algorithm.is_some() || matches!(jwk.algorithm, AlgorithmParameters::RSA(_));
        if !(is_for_signatures && is_consistent && is_known) {
            return None;
        }
        let key = Material::Public(DecodingKey::from_jwk(jwk).ok()?);
        Some(Self { kid: jwk.common.key_id.clone(), algorithm, key })
    }
}

/// The one algorithm of a curve.
fn of_curve(curve: &EllipticCurve) -> Option<Algorithm> {
    match curve {
        EllipticCurve::P256 => Some(Algorithm::ES256),
        EllipticCurve::P384 => Some(Algorithm::ES384),
        EllipticCurve::Ed25519 => Some(Algorithm::EdDSA),
        _ => None,
    }
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
    let algorithm = parsed.ok_or(UnusableKey::Unsupported)?;
    let key = match algorithm {
        // PKCS#1, which is what the library takes.
        Algorithm::RS256 => {
            let key = RsaPublicKey::from_der(&der).map_err(|_| UnusableKey::Unsupported)?;
            if RsaPublicKeyComponents::<Vec<u8>>::from(&key).n.len() < MIN_RSA {
                return Err(UnusableKey::Unsupported);
            }
            DecodingKey::from_rsa_der(key.as_ref())
        }
        Algorithm::EdDSA => DecodingKey::from_ed_der(&der),
        _ => DecodingKey::from_ec_der(&der),
    };
    Ok(VerifyingKey { kid: None, algorithm: Some(algorithm), key: Material::Public(key) })
}
