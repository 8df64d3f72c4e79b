//! The token that says who a visitor of a website is: ES256, verified with the public key that was pasted into Zoom.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stagedoor_protocol::time::UnixSeconds;

use super::{Jws, Refusal};

/// What comes before the point in the `SubjectPublicKeyInfo` of a P-256 key (RFC 5480).
const SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The length of an uncompressed point: `04`, x, y.
const POINT: usize = 65;
/// The length of a signature: r, s.
const SIGNATURE: usize = 64;

/// A public key as `openssl ec -pubout` writes it.
#[derive(Clone)]
pub(crate) struct PublicKey {
    pem: String,
    point: [u8; POINT],
}

impl PublicKey {
    /// Reads a PEM.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, &'static str> {
        let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
        let body = body.and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"));
        let body =
            body.ok_or("It must begin with -----BEGIN PUBLIC KEY----- and end with -----END PUBLIC KEY-----.")?;
        let text: String = body.split_whitespace().collect();
        let der = STANDARD.decode(text).map_err(|_| "It is not base64.")?;
        let point = der.strip_prefix(SPKI).and_then(|point| point.try_into().ok());
        let point = point.filter(|point: &[u8; POINT]| point[0] == 4);
        point.map(|point| Self { pem: format!("{}\n", pem.trim()), point }).ok_or("It is not a key of the curve P-256.")
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }
}

/// Verifies a token; returns what it says.
pub(crate) fn verify(token: &str, key: &PublicKey, now: UnixSeconds) -> Result<Value, Refusal> {
    let jws = Jws::parse(token)?;
    jws.is_for("ES256")?;
    if jws.signature.len() != SIGNATURE {
        let sentence = if jws.signature.first() == Some(&0x30) {
            "The signature is DER, as openssl makes it.".to_owned()
        } else {
            format!("The signature has {} bytes, not {SIGNATURE}.", jws.signature.len())
        };
        return Err(Refusal::new(sentence, "A signature of ES256 is r and s, 32 bytes each (RFC 7518 section 3.4)."));
    }
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point);
    public.verify(jws.signed, &jws.signature).map_err(|_| {
        Refusal::new("The signature does not fit the public key.", "Paste the public half of the key that signs.")
    })?;
    let exp = jws.seconds("exp")?;
    if exp <= now {
        let sentence = format!("The token expired {} s ago.", now.0 - exp.0);
        return Err(Refusal::new(sentence, "Make a new one for each answer."));
    }
    Ok(jws.payload)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use stagedoor_protocol::jwt::Es256Key;

    use super::*;

    /// Tokens made with jsrsasign and Node's crypto, and a throw-away key.
    const VECTORS: &str = include_str!("../../tests/vectors/consumer-auth-es256.json");

    fn vectors() -> (Value, PublicKey, UnixSeconds) {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let key = PublicKey::from_pem(vectors["public_key_spki_pem"].as_str().unwrap()).unwrap();
        let now = UnixSeconds(vectors["now"].as_i64().unwrap());
        (vectors, key, now)
    }

    #[test]
    fn tokens_of_other_libraries_are_judged_as_they_should_be() {
        let (vectors, key, now) = vectors();
        for vector in vectors["tokens"].as_array().unwrap() {
            let verified = verify(vector["token"].as_str().unwrap(), &key, now);
            assert_eq!(verified.is_ok(), vector["valid"], "{}: {verified:?}", vector["name"]);
            if let Ok(payload) = verified {
                assert_eq!(payload, vector["payload"]);
            }
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong() {
        let (vectors, key, now) = vectors();
        let refused = |name: &str| {
            let vector = vectors["tokens"].as_array().unwrap().iter().find(|vector| vector["name"] == name).unwrap();
            verify(vector["token"].as_str().unwrap(), &key, now).unwrap_err().sentence
        };
        assert_eq!(refused("der-signature"), "The signature is DER, as openssl makes it.");
        assert_eq!(refused("expired"), "The token expired 1 s ago.");
        assert_eq!(refused("hs256-with-public-key"), "The token is signed with HS256, not ES256.");
        assert_eq!(refused("alg-none"), "The token is signed with none, not ES256.");
        assert_eq!(refused("no-exp"), "exp is missing, or not a whole number.");
    }

    #[test]
    fn another_key_does_not_fit() {
        let (vectors, key, now) = vectors();
        let token = vectors["tokens"][0]["token"].as_str().unwrap();
        let jwk = serde_json::to_value(Es256Key::from_scalar(&[7; 32]).unwrap().jwk()).unwrap();
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let other = PublicKey { point: point.try_into().unwrap(), ..key };
        assert_eq!(verify(token, &other, now).unwrap_err().sentence, "The signature does not fit the public key.");
    }

    #[test]
    fn only_a_public_key_of_p256_is_one() {
        let (vectors, key, _) = vectors();
        assert_eq!(PublicKey::from_pem(&format!("\n  {}\n", key.pem())).unwrap().point, key.point);
        let private = vectors["private_key_sec1_pem"].as_str().unwrap();
        let cut = key.pem().replace("MFkw", "MFk");
        for pem in ["", "nonsense", private, &cut, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
            assert!(PublicKey::from_pem(pem).is_err(), "{pem}");
        }
    }
}
