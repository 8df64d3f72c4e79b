use bytes::Bytes;
use stagedoor_protocol::time::UnixSeconds;
use stagedoor_protocol::webhook::forward::{ID, InvalidSecret, SIGNATURE, SigningKey, TIMESTAMP, request};
use url::Url;

/// The example of the Standard Webhooks specification's reference libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{"test": 2432232314}"#;

fn send(keys: &[SigningKey]) -> http::Request<Bytes> {
    let url = Url::parse("http://127.0.0.1:8000/hooks/zoom?a=b").unwrap();
    request(&url, keys, ("msg_p5jXN8AQM9LWM0D4loKWxJek", Bytes::from(BODY)), UnixSeconds(1_614_265_330))
}

#[test]
fn the_signature_is_that_of_the_reference_libraries() {
    let request = send(&[SECRET.parse().unwrap()]);
    assert_eq!(request.headers()[SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(request.headers()[ID], "msg_p5jXN8AQM9LWM0D4loKWxJek");
    assert_eq!(request.headers()[TIMESTAMP], "1614265330");
}

#[test]
fn the_body_is_passed_on_byte_by_byte() {
    let request = send(&[SECRET.parse().unwrap()]);
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(request.uri(), "http://127.0.0.1:8000/hooks/zoom?a=b");
    assert_eq!(request.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(request.body(), BODY);
}

#[test]
fn while_a_key_is_being_changed_both_sign() {
    let (new, old) = (SigningKey::new(&[1; 32]), SECRET.parse::<SigningKey>().unwrap());
    let both = send(&[new.clone(), old.clone()]).headers()[SIGNATURE].to_str().unwrap().to_owned();
    let alone = |key: SigningKey| send(&[key]).headers()[SIGNATURE].to_str().unwrap().to_owned();
    assert_eq!(both, format!("{} {}", alone(new), alone(old)));
}

#[test]
fn a_key_comes_back_from_its_text() {
    let key = SigningKey::new(&[7; 32]);
    assert_eq!(key.secret().expose().parse::<SigningKey>(), Ok(key));
}

#[test]
fn what_is_no_signing_secret_is_refused() {
    let long = format!("whsec_{}", "AAAA".repeat(22));
    for bad in [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ",
        "whsec_Mf KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &long,
    ] {
        assert_eq!(bad.parse::<SigningKey>(), Err(InvalidSecret), "{bad}");
    }
}

#[test]
fn a_key_is_never_printed() {
    assert_eq!(format!("{:?}", SigningKey::new(&[7; 32])), "SigningKey(…)");
}
