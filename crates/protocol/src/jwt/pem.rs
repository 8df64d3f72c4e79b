//! P-256 keys as PEM files (RFC 7468): what Zoom's page about consumer authentication makes with openssl.

use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use zeroize::Zeroizing;

use super::Es256Key;

crate::secret! {
    /// A private key as the text of a PEM file.
    pub struct PrivateKeyPem;
}

/// Why a text is not a private key for ES256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No private key is in it.
    #[error("it holds no private key: one begins with -----BEGIN EC PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----")]
    NoKey,
    /// Only the public half is in it.
    #[error("it holds a public key or a certificate, and signing needs the private key")]
    Public,
    /// A passphrase is needed to read it.
    #[error("it is encrypted with a passphrase; remove that with: openssl ec -in KEY -out PLAIN-KEY")]
    Encrypted,
    /// More than one private key is in it.
    #[error("it holds more than one private key, and nobody can say which one is meant")]
    Several,
    /// Not between its lines, or not base64.
    #[error("it is damaged: it was cut off, or its lines were changed")]
    Damaged,
    /// RSA, another curve, or halves that do not belong together.
    #[error("it is not a key of P-256, which ES256 needs; make one with: stagedoor keys generate")]
    NotP256,
}

/// The longest text that is looked at, in bytes. A key with its parameters has some 400.
const MAX: usize = 64 * 1024;

impl Es256Key {
    /// Reads a private key of P-256: SEC1 (`EC PRIVATE KEY`, which `openssl ecparam -genkey` writes) or PKCS#8
    /// (`PRIVATE KEY`). Other sections, such as `EC PARAMETERS`, and text around them are passed over.
    pub fn from_pem(pem: &PrivateKeyPem) -> Result<Self, PemError> {
        let der = private_der(pem.expose())?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
        pair.map(Self::new).map_err(|_| PemError::NotP256)
    }

    /// Writes the private key as `openssl ecparam -name prime256v1 -genkey -noout` does: SEC1.
    pub fn to_pem(&self) -> PrivateKeyPem {
        let der: EcPrivateKeyRfc5915Der<'_> = self.pair.private_key().as_der().expect("a valid key has an encoding");
        let text = Zeroizing::new(STANDARD.encode(der.as_ref()));
        PrivateKeyPem::new(write("EC PRIVATE KEY", &text))
    }

    /// Writes the public key as `openssl ec -pubout` does (SubjectPublicKeyInfo): what Zoom's page is given.
    pub fn public_pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().expect("a valid key has an encoding");
        write("PUBLIC KEY", &STANDARD.encode(der.as_ref()))
    }
}

fn private_der(text: &str) -> Result<Zeroizing<Vec<u8>>, PemError> {
    if text.len() > MAX {
        return Err(PemError::NoKey);
    }
    if text.contains("ENCRYPTED") {
        return Err(PemError::Encrypted);
    }
    let (mut found, mut is_public) = (None, false);
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| PemError::Damaged)?;
        let der = Zeroizing::new(der);
        match kind {
            SectionKind::EcPrivateKey | SectionKind::PrivateKey if found.is_some() => return Err(PemError::Several),
            SectionKind::EcPrivateKey | SectionKind::PrivateKey => found = Some(der),
            SectionKind::RsaPrivateKey => return Err(PemError::NotP256),
            SectionKind::PublicKey | SectionKind::Certificate => is_public = true,
            _ => (),
        }
    }
    found.ok_or(if is_public { PemError::Public } else { PemError::NoKey })
}

/// 64 characters a line (RFC 7468 section 2).
fn write(label: &str, base64: &str) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        pem.push('\n');
    }
    pem + "-----END " + label + "-----\n"
}
