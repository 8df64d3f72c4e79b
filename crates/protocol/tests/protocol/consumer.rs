use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::consumer::{ClaimName, ClaimValue, ConsumerKey, InvalidName, InvalidValue, MAX_TEXT};
use stagedoor_protocol::jwt::{Es256Key, PrivateKeyPem};
use stagedoor_protocol::time::UnixSeconds;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/consumer-tokens.json")).unwrap()
}

fn es256() -> Es256Key {
    Es256Key::from_pem(&PrivateKeyPem::new(vectors()["private_key_sec1_pem"].as_str().unwrap())).unwrap()
}

fn claims(object: &Value) -> Vec<(ClaimName, ClaimValue)> {
    let claim =
        |(name, value): (&String, &Value)| Some((ClaimName::parse(name).ok()?, ClaimValue::parse(value).unwrap()?));
    object.as_object().unwrap().iter().filter_map(claim).collect()
}

/// Verifies with another library, by the vectors' clock.
fn verify(token: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let jwk = serde_json::from_value(serde_json::to_value(es256().jwk()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    let claims = decode::<Value>(token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation)?.claims;
    if claims["exp"].as_i64() <= vectors()["now"].as_i64() {
        return Err(jsonwebtoken::errors::ErrorKind::ExpiredSignature.into());
    }
    Ok(claims)
}

fn part(token: &str, at: usize) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_token_has_the_header_of_zooms_page_and_the_key_id() {
    let token = ConsumerKey::from(es256()).sign(&[], UnixSeconds(1));
    let kid = es256().jwk().kid().to_owned();
    assert_eq!(part(token.expose(), 0), format!(r#"{{"alg":"ES256","cty":"text/plain","kid":"{kid}"}}"#));
}

#[test]
fn a_token_says_what_another_library_s_token_says() {
    for vector in vectors()["tokens"].as_array().unwrap() {
        assert_eq!(verify(vector["token"].as_str().unwrap()).is_ok(), vector["valid"] == true, "{vector}");
        if vector["valid"] == false {
            continue;
        }
        let payload = &vector["payload"];
        let token = ConsumerKey::from(es256()).sign(&claims(payload), UnixSeconds(payload["exp"].as_i64().unwrap()));
        let mut expected = payload.clone();
        // A claim about the token, which is not issued.
        expected.as_object_mut().unwrap().remove("iat");
        assert_eq!(verify(token.expose()).unwrap(), expected, "{vector}");
    }
}

#[test]
fn a_claim_is_text_a_number_or_a_flag() {
    let given = json!({"email": "a@b.c", "age": 7, "score": -1.5, "vip": true, "none": null});
    let token = ConsumerKey::from(es256()).sign(&claims(&given), UnixSeconds(1_763_769_900));
    let expected = json!({"exp": 1_763_769_900, "email": "a@b.c", "age": 7, "score": -1.5, "vip": true});
    assert_eq!(verify(token.expose()).unwrap(), expected);
    for shape in [json!({}), json!([]), json!(["a"])] {
        assert_eq!(ClaimValue::parse(&shape), Err(InvalidValue::Shape));
    }
}

#[test]
fn mn_31_a_number_that_would_be_rounded_is_refused() {
    let read = |text: &str| ClaimValue::parse(&serde_json::from_str(text).unwrap());
    for text in ["123456789012345678901", "-9223372036854775809", "1e300", "9007199254740994.0"] {
        assert_eq!(read(text), Err(InvalidValue::Rounded), "{text}");
    }
    for text in ["18446744073709551615", "-9223372036854775808", "9007199254740992.0", "0.1", "-0.0"] {
        assert!(read(text).is_ok(), "{text}");
    }
}

#[test]
fn a_text_has_at_most_1024_characters_and_none_that_controls() {
    let long = |count| ClaimValue::parse(&Value::from("é".repeat(count)));
    assert!(long(MAX_TEXT).is_ok());
    assert_eq!(long(MAX_TEXT + 1), Err(InvalidValue::TooLong));
    for text in ["a\nb", "\0", "\u{7f}", "\u{85}", "\u{202e}gnp.exe", "\u{2028}", "\u{2066}"] {
        assert_eq!(ClaimValue::parse(&Value::from(text)), Err(InvalidValue::Control), "{text:?}");
    }
    for text in ["", "Zoë 日本 🎉", "<b>\"quoted\"</b>"] {
        assert!(ClaimValue::parse(&Value::from(text)).is_ok(), "{text:?}");
    }
}

#[test]
fn what_is_about_the_token_is_no_claim_about_a_person() {
    for name in ["exp", "iat", "nbf", "iss", "aud", "jti"] {
        assert_eq!(ClaimName::parse(name), Err(InvalidName::Reserved), "{name}");
    }
    for name in ["", "a b", "a\"b", "naïve", "a\n", &"x".repeat(65)] {
        assert_eq!(ClaimName::parse(name), Err(InvalidName::Malformed), "{name:?}");
    }
    for name in ["email", "sub", "firstName", "first_name", "https://example.com/id", "x-1", &"x".repeat(64)] {
        assert!(ClaimName::parse(name).is_ok(), "{name}");
    }
}

proptest! {
    #[test]
    fn every_signed_token_verifies_and_says_what_was_signed(text in "[^\\p{C}\\p{Zl}\\p{Zp}]{0,60}", number: i64, flag: bool) {
        let given = json!({"text": text, "number": number, "flag": flag});
        let token = ConsumerKey::from(es256()).sign(&claims(&given), UnixSeconds(1_763_769_900));
        let mut said = verify(token.expose()).unwrap();
        said.as_object_mut().unwrap().remove("exp");
        prop_assert_eq!(said, given);
    }
}
