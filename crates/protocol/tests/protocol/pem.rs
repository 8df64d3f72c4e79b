use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;
use stagedoor_protocol::jwt::{Es256Key, PemError, PrivateKeyPem};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/consumer-tokens.json")).unwrap()
}

fn vector(name: &str) -> String {
    vectors()[name].as_str().unwrap().to_owned()
}

fn read(pem: &str) -> Result<Es256Key, PemError> {
    Es256Key::from_pem(&PrivateKeyPem::new(pem))
}

#[test]
fn both_forms_of_openssl_hold_the_same_key() {
    for form in ["private_key_sec1_pem", "private_key_pkcs8_pem"] {
        let key = read(&vector(form)).unwrap();
        assert_eq!(key.public_pem(), vector("public_key_spki_pem"), "{form}");
        assert_eq!(key.to_pem().expose(), vector("private_key_sec1_pem"), "{form}");
    }
}

#[test]
fn parameters_other_text_and_windows_line_ends_are_passed_over() {
    let key = vector("private_key_sec1_pem");
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for text in [
        format!("{parameters}{key}"),
        format!("the key of the desk\n{key}and nothing else\n"),
        key.replace('\n', "\r\n"),
        key.trim_end().to_owned(),
    ] {
        assert_eq!(read(&text).unwrap().public_pem(), vector("public_key_spki_pem"), "{text}");
    }
}

#[test]
fn what_is_no_private_key_of_p_256_is_refused_with_its_reason() {
    let (key, public) = (vector("private_key_sec1_pem"), vector("public_key_spki_pem"));
    // openssl ecparam -name secp384r1 -genkey -noout; the same with secp256k1; openssl genpkey -algorithm ed25519
    let p384 = "-----BEGIN EC PRIVATE KEY-----\n\
                MIGkAgEBBDBqy4WnFNe0deqv+pfD6ULkbhrWxgE7NCkuMJwmIpw2i3TbEDZHnWow\n\
                JjHrYNhDKyKgBwYFK4EEACKhZANiAAT+eznBhIA3cJEWg4QrfOSOqpU0Kmf5PBjg\n\
                mYdj0kTKYdQ3Hx6YFqrn8mWtYs6rOKXwpeAQiyW3c2u3SzoQqkIAI6wD9o2C0TPO\n\
                GVdKwTSwddX7Om4OJPcE992jXWEAjGM=\n\
                -----END EC PRIVATE KEY-----\n";
    let koblitz = "-----BEGIN EC PRIVATE KEY-----\n\
                MHQCAQEEIKiRpgQFyB4hb2g7iAaD7A129BdZfR3UL3R7+1uyHSgvoAcGBSuBBAAK\n\
                oUQDQgAEeKsgMqQDw37EnnsP9oyW4Zf5eRdRZtf/0IcjF2QMFFgJko3sSFHK+Afw\n\
                D3hVrAmwmHKltO1CNMnWKHoVM3fZjw==\n\
                -----END EC PRIVATE KEY-----\n";
    let ed25519 = "-----BEGIN PRIVATE KEY-----\n\
                MC4CAQAwBQYDK2VwBCIEIJMAWZC3mYvYtsDjzm8udb7MtdpDmfRh2cBv5cO/VCI3\n\
                -----END PRIVATE KEY-----\n";
    let rsa = "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKo=\n-----END RSA PRIVATE KEY-----\n";
    for (text, expected) in [
        ("", PemError::NoKey),
        ("a key", PemError::NoKey),
        (&public, PemError::Public),
        (
            &key.replace("EC PRIVATE KEY-----\nMHc", "EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMHc"),
            PemError::Encrypted,
        ),
        (&key.replace("EC PRIVATE", "ENCRYPTED PRIVATE"), PemError::Encrypted),
        (&format!("{key}{key}"), PemError::Several),
        (&format!("{key}{}", vector("private_key_pkcs8_pem")), PemError::Several),
        (&key.replace("-----END EC PRIVATE KEY-----", ""), PemError::Damaged),
        (&key.replace("MHcC", "MH!C"), PemError::Damaged),
        (p384, PemError::NotP256),
        (koblitz, PemError::NotP256),
        (rsa, PemError::NotP256),
        (ed25519, PemError::NotP256),
        (&key.replace("MHcC", "MHcD"), PemError::NotP256),
        (&"x".repeat(70_000), PemError::NoKey),
    ] {
        assert_eq!(read(text).unwrap_err(), expected, "{}", &text[..text.len().min(200)]);
    }
}

#[test]
fn a_key_whose_halves_do_not_belong_together_is_refused() {
    for form in ["private_key_sec1_pem", "private_key_pkcs8_pem"] {
        let pem = vector(form);
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = STANDARD.decode(body).unwrap();
        let last = der.len() - 1;
        der[last] ^= 1;
        let label = if form.contains("sec1") { "EC PRIVATE KEY" } else { "PRIVATE KEY" };
        let changed = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
        assert_eq!(read(&changed).unwrap_err(), PemError::NotP256, "{form}");
    }
}

#[test]
fn mn_12_neither_a_key_nor_its_file_is_printed() {
    let pem = PrivateKeyPem::new(vector("private_key_sec1_pem"));
    assert_eq!(format!("{pem:?}"), "PrivateKeyPem(…)");
    let key = Es256Key::from_pem(&pem).unwrap();
    assert_eq!(format!("{key:?}"), format!("Es256Key({})", key.jwk().kid()));
}

proptest! {
    #[test]
    fn any_key_survives_its_file(mut scalar in any::<[u8; 32]>()) {
        scalar[0] &= 0x7f;
        scalar[31] |= 1;
        let key = Es256Key::from_scalar(&scalar).unwrap();
        let again = Es256Key::from_pem(&key.to_pem()).unwrap();
        prop_assert_eq!(again.jwk(), key.jwk());
        prop_assert!(key.to_pem() == again.to_pem());
    }

    #[test]
    fn no_text_is_a_key_by_accident(text in "(-----BEGIN (EC )?PRIVATE KEY-----\n)?[A-Za-z0-9+/=\n]{0,200}(\n-----END (EC )?PRIVATE KEY-----\n)?") {
        prop_assert!(read(&text).is_err());
    }
}
