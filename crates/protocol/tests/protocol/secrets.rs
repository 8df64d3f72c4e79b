use std::fmt::Debug;

use bytes::Bytes;
use http::Response;
use serde_json::json;
use stagedoor_protocol::context::{Claims, ContextKey, open_and_verify};
use stagedoor_protocol::deeplink::{Action, DeepLinkHosts};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::oauth::{Client, read_tokens};
use stagedoor_protocol::provider;
use stagedoor_protocol::secret::{
    AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, IdToken, Nonce, ProviderSecret, RefreshToken, State,
    equal,
};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

const CANARY: &str = "canary";

fn assert_silent(value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.to_lowercase().contains(CANARY), "{text}");
    }
}

#[test]
fn mn_12_no_secret_is_printed_by_debug() {
    assert_silent(&ClientSecret::new(CANARY));
    assert_silent(&AccessToken::new(CANARY));
    assert_silent(&RefreshToken::new(CANARY));
    assert_silent(&AuthorizationCode::new(CANARY));
    assert_silent(&State::new(CANARY));
    assert_silent(&CodeVerifier::new(CANARY));
    assert_silent(&ProviderSecret::new(CANARY));
    assert_silent(&IdToken::new(CANARY));
    assert_silent(&Nonce::new(CANARY));
    for auth in [provider::ClientAuth::Basic, provider::ClientAuth::Post] {
        assert_silent(&auth(ProviderSecret::new(CANARY)));
    }
    assert_silent(&Action::parse(CANARY).unwrap());
    assert_silent(&ContextKey::new(&ClientSecret::new(CANARY)));
    assert_silent(&Es256Key::from_scalar(b"canary canary canary canary cana").unwrap());
}

#[test]
fn mn_12_nothing_that_holds_a_secret_prints_it() {
    let zoom = Url::parse("https://zoom.us").unwrap();
    assert_silent(&Client {
        id: ClientId::parse("id").unwrap(),
        secret: ClientSecret::new(CANARY),
        redirect_uri: zoom.clone(),
        zoom: zoom.clone(),
    });
    let tokens = json!({"access_token": CANARY, "refresh_token": CANARY, "token_type": "bearer", "expires_in": 1});
    assert_silent(&read_tokens(&Response::new(Bytes::from(tokens.to_string()))).unwrap());
    let odd = json!({"access_token": CANARY, "refresh_token": CANARY, "token_type": CANARY, "expires_in": 1});
    assert_silent(&read_tokens(&Response::new(Bytes::from(odd.to_string()))));
    let tokens = json!({"access_token": CANARY, "refresh_token": CANARY, "id_token": CANARY, "token_type": "bearer"});
    assert_silent(&provider::read_tokens(&Response::new(Bytes::from(tokens.to_string()))).unwrap());
    let refused = json!({"error": CANARY, "error_description": CANARY});
    assert_silent(&provider::read_tokens(&Response::new(Bytes::from(refused.to_string()))));
    assert_silent(&provider::Callback::read(&format!("code={CANARY}&state={CANARY}&error={CANARY}")));
    assert_silent(&DeepLinkHosts::new(zoom).accept("https://zoom.us/launch/canary"));
}

#[test]
fn mn_12_the_action_of_a_context_is_not_printed() {
    let claims = json!({"typ": "panel", "act": CANARY, "aud": "id", "iss": "marketplace.zoom.us", "ts": 0, "exp": 9});
    let text = claims.to_string();
    assert_silent(&Claims::parse(text.as_bytes()).unwrap());
    let key = ContextKey::new(&ClientSecret::new("secret"));
    let sealed = key.seal(text.as_bytes(), [0; 12]);
    let context = open_and_verify(&[key], &sealed, &ClientId::parse("id").unwrap(), UnixMillis(0)).unwrap();
    assert_eq!(context.action.as_deref(), Some(CANARY));
    assert_silent(&context);
}

#[test]
fn mn_16_one_secret_type_does_not_stand_in_for_another() {
    // Equality exists within a type only; across types this does not compile, which the doctest of `secret` shows.
    assert_eq!(AccessToken::new("a"), AccessToken::new("a"));
    assert_ne!(AccessToken::new("a"), AccessToken::new("b"));
    assert_ne!(AccessToken::new(""), AccessToken::new("a"));
}

#[test]
fn bytes_are_equal_when_all_of_them_are() {
    assert!(equal(b"", b"") && equal(b"ab", b"ab"));
    assert!(!equal(b"ab", b"ac") && !equal(b"ab", b"abc") && !equal(b"", b"a"));
}
