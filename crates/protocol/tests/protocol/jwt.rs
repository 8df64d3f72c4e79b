use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::jwt::{Es256Key, InvalidKey};

/// The key of RFC 7515 appendix A.3.1.
fn key() -> Es256Key {
    let scalar = URL_SAFE_NO_PAD.decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI").unwrap();
    Es256Key::from_scalar(&scalar.try_into().unwrap()).unwrap()
}

fn published(key: &Es256Key) -> Jwk {
    serde_json::from_value(serde_json::to_value(key.jwk()).unwrap()).unwrap()
}

fn verify(token: &str, key: &Es256Key) -> Result<Value, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    decode::<Value>(token, &DecodingKey::from_jwk(&published(key))?, &validation).map(|data| data.claims)
}

#[test]
fn the_public_half_is_the_one_of_the_rfc() {
    assert_eq!(
        serde_json::to_value(key().jwk()).unwrap(),
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            // Computed with Node's crypto from x and y as RFC 7638 section 3 says.
            "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    );
    assert_eq!(published(&key()).thumbprint(ThumbprintHash::SHA256).unwrap(), key().jwk().kid());
}

#[test]
fn another_library_verifies_a_token_with_the_published_key() {
    let token = key().sign(&json!({"sub": "me", "exp": 1}));
    assert_eq!(verify(&token, &key()).unwrap(), json!({"sub": "me", "exp": 1}));
    let header = decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::ES256, Some(key().jwk().kid())));
}

#[test]
fn another_key_does_not_verify_it() {
    let other = Es256Key::from_scalar(&[7; 32]).unwrap();
    assert!(verify(&key().sign(&json!({})), &other).is_err());
    assert_ne!(other.jwk().kid(), key().jwk().kid());
}

#[test]
fn a_signature_is_two_numbers_of_32_bytes_and_fresh_each_time() {
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let (one, two) = (key().sign(&json!({})), key().sign(&json!({})));
    for token in [&one, &two] {
        assert_eq!(URL_SAFE_NO_PAD.decode(signature(token)).unwrap().len(), 64);
    }
    assert_ne!(signature(&one), signature(&two));
}

#[test]
fn a_number_outside_the_group_is_no_key() {
    // The order of P-256 (SEC 2 section 2.4.2): valid are 1 to order − 1.
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut last = order;
    last[31] -= 1;
    let mut one = [0; 32];
    one[31] = 1;
    assert!(Es256Key::from_scalar(&one).is_ok() && Es256Key::from_scalar(&last).is_ok());
    for bad in [[0; 32], order, [0xff; 32]] {
        assert_eq!(Es256Key::from_scalar(&bad).unwrap_err(), InvalidKey);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_key_and_payload_verifies_and_no_changed_character_does(
        mut scalar in any::<[u8; 32]>(),
        sub in ".{0,40}",
        at in any::<prop::sample::Index>(),
    ) {
        scalar[0] &= 0x7f;
        scalar[31] |= 1;
        let key = Es256Key::from_scalar(&scalar).unwrap();
        let token = key.sign(&json!({"sub": sub}));
        prop_assert_eq!(&verify(&token, &key).unwrap()["sub"], &json!(sub));
        let at = at.index(token.len());
        let other = if token[at..].starts_with('A') { "B" } else { "A" };
        let mut changed = token.clone();
        changed.replace_range(at..=at, other);
        prop_assert!(verify(&changed, &key).is_err());
    }
}
