//! What a third-party provider sends: the query of a callback, tokens, its discovery document, keys and ID tokens.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use stagedoor_protocol::id::ProviderClientId;
use stagedoor_protocol::jwt::{Algorithm, Es256Key, VerifyingKeys};
use stagedoor_protocol::provider::{
    Callback, Expected, MAX_CODE, TokenError, read_discovery, read_revocation, read_tokens,
};
use stagedoor_protocol::secret::{IdToken, Nonce};
use stagedoor_protocol::time::UnixSeconds;

const ISSUER: &str = "https://acme.example";
const STATUSES: [u16; 8] = [200, 200, 200, 204, 302, 400, 429, 503];
const NOW: i64 = 1_763_769_630;

static KEY: LazyLock<Es256Key> = LazyLock::new(|| Es256Key::from_scalar(&[7; 32]).expect("a scalar of the group"));
static KEYS: LazyLock<VerifyingKeys> = LazyLock::new(|| {
    let set = json!({"keys": [KEY.jwk()]}).to_string();
    VerifyingKeys::read_set(set.as_bytes()).expect("a set of keys")
});

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let kind = if first & 8 == 0 { "application/json" } else { "application/x-www-form-urlencoded" };
    let answer = Response::builder().status(STATUSES[usize::from(first & 7)]).header(CONTENT_TYPE, kind);
    let answer = answer.body(Bytes::copy_from_slice(body)).expect("an answer");
    answers(&answer);

    let Ok(text) = std::str::from_utf8(body) else { return };
    if let Some(callback) = Callback::read(text) {
        let code = callback.code.as_ref().map_or("c", |code| code.expose());
        assert!((1..=MAX_CODE).contains(&code.len()) && code.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }
    let _ = verify(text);
    if let Ok(claims) = serde_json::from_str::<Value>(text)
        && verify(&KEY.sign(&claims)).is_ok()
    {
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(claims["nonce"], "n");
        assert!(claims["aud"] == "us" || claims["aud"].as_array().is_some_and(|several| several.contains(&"us".into())));
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > NOW - 60));
    }
});

fn verify(token: &str) -> Result<(), ()> {
    let expected = Expected {
        issuer: ISSUER,
        client_id: &ProviderClientId::parse("us").expect("an id"),
        nonce: &Nonce::new("n"),
        algorithms: &[Algorithm::ES256],
        now: UnixSeconds(NOW),
    };
    let token = IdToken::new(token);
    let identity = expected.read(&token).and_then(|token| expected.verify(&token, &KEYS)).map_err(drop)?;
    assert!(!identity.subject.is_empty() && !identity.label.chars().any(char::is_control));
    Ok(())
}

fn answers(answer: &Response<Bytes>) {
    match read_tokens(answer) {
        Ok(tokens) => {
            assert_eq!(answer.status(), 200);
            assert!(tokens.access.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Err(TokenError::InvalidGrant) => assert!(answer.status() == 200 || answer.status().is_client_error()),
        Err(_) => {}
    }
    let _ = (read_revocation(answer), VerifyingKeys::read_set(answer.body()));
    if let Ok(endpoints) = read_discovery(answer, ISSUER) {
        assert!(endpoints.issuer.is_some_and(|issuer| issuer.identifier == ISSUER));
        assert!(!endpoints.algorithms.is_empty());
        let all = [Some(endpoints.authorize), Some(endpoints.token), endpoints.revoke, endpoints.jwks];
        assert!(all.into_iter().flatten().all(|endpoint| endpoint.scheme() == "https"));
    }
}
