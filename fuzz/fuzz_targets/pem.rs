//! A private key from a file or a variable.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stagedoor_protocol::jwt::{Es256Key, PrivateKeyPem};

fuzz_target!(|text: &str| {
    match Es256Key::from_pem(&PrivateKeyPem::new(text)) {
        Ok(key) => {
            // Whatever was believed is one key: its file holds it again, and what it signs has 64 bytes of signature.
            let again = Es256Key::from_pem(&key.to_pem()).expect("a written key reads");
            assert_eq!(again.jwk(), key.jwk());
            assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
            assert_eq!(key.sign(&serde_json::json!({})).rsplit('.').next().map(str::len), Some(86));
        }
        Err(error) => assert!(error.to_string().starts_with("it ")),
    }
});
