use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request};
use jsonwebtoken::{DecodingKey, Validation, decode};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagedoor_protocol::id::ProviderClientId;
use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::oauth::CodeChallenge;
use stagedoor_protocol::provider::{Ask, Callback, Client, ClientAuth, Endpoints, Issuer, MAX_CODE, Moment, RESERVED};
use stagedoor_protocol::secret::{AuthorizationCode, CodeVerifier, Nonce, ProviderSecret, RefreshToken, State};
use stagedoor_protocol::time::UnixSeconds;
use url::Url;

const MOMENT: Moment = Moment { now: UnixSeconds(1_763_769_630), unique: [3; 16] };

fn client(auth: ClientAuth) -> Client {
    Client {
        id: ProviderClientId::parse("s6BhdRkqt3").unwrap(),
        auth,
        redirect_uri: Url::parse("https://app.example.com/zoom/connect/acme/callback").unwrap(),
        scopes: vec!["openid".into(), "email".into()],
        extra: vec![("access_type".into(), "offline".into())],
    }
}

fn endpoints() -> Endpoints {
    let mut endpoints = Endpoints::plain(
        Url::parse("https://acme.example/authorize?tenant=a%20b").unwrap(),
        Url::parse("https://acme.example/token").unwrap(),
    );
    endpoints.revoke = Some(Url::parse("https://acme.example/revoke").unwrap());
    endpoints
}

fn form(request: &Request<Bytes>) -> HashMap<String, String> {
    let pairs: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    let form: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(form.len(), pairs.len(), "a parameter comes twice");
    form
}

fn exchange(auth: ClientAuth) -> (HeaderMap, HashMap<String, String>) {
    let (code, verifier) = (AuthorizationCode::new("4/0AX4+b"), CodeVerifier::new("v"));
    let request = client(auth).code_request(&endpoints(), &code, &verifier, MOMENT);
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "https://acme.example/token"));
    (request.headers().clone(), form(&request))
}

#[test]
fn the_authorize_url_carries_state_s256_challenge_nonce_scopes_and_what_the_provider_wants_besides() {
    let (state, nonce) = (State::new("st"), Nonce::new("no"));
    let challenge = CodeChallenge::s256(&CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
    let ask = Ask { state: &state, challenge: &challenge, nonce: Some(&nonce) };
    let url = client(ClientAuth::None).authorize_url(&endpoints(), &ask);
    assert_eq!(
        url.as_str(),
        "https://acme.example/authorize?tenant=a%20b&response_type=code&client_id=s6BhdRkqt3\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fzoom%2Fconnect%2Facme%2Fcallback&scope=openid+email&state=st\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&nonce=no\
         &access_type=offline"
    );
}

#[test]
fn a_provider_without_openid_gets_no_nonce_and_without_scopes_no_scope() {
    let (state, challenge) = (State::new("st"), CodeChallenge::s256(&CodeVerifier::new("v")));
    let ask = Ask { state: &state, challenge: &challenge, nonce: None };
    let client = Client { scopes: vec![], extra: vec![], ..client(ClientAuth::None) };
    assert!(!client.is_openid());
    let url = client.authorize_url(&endpoints(), &ask);
    let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert!(!names.iter().any(|name| name == "nonce" || name == "scope"), "{names:?}");
    let ours = names.iter().filter(|name| *name != "tenant");
    assert!(ours.clone().all(|name| RESERVED.contains(&name.as_str())), "{names:?}");
}

#[test]
fn id_and_secret_are_form_encoded_before_they_are_joined_for_basic() {
    let (headers, form) = exchange(ClientAuth::Basic(ProviderSecret::new("a+b%c:d é")));
    let credentials = headers["authorization"].to_str().unwrap().strip_prefix("Basic ").unwrap();
    assert_eq!(STANDARD.decode(credentials).unwrap(), b"s6BhdRkqt3:a%2Bb%25c%3Ad+%C3%A9");
    assert!(headers["authorization"].is_sensitive());
    assert!(!form.contains_key("client_id") && !form.contains_key("client_secret"));
    assert_eq!(form["code"], "4/0AX4+b");
    assert_eq!(form["redirect_uri"], "https://app.example.com/zoom/connect/acme/callback");
    assert_eq!((form["grant_type"].as_str(), form["code_verifier"].as_str()), ("authorization_code", "v"));
}

#[test]
fn a_secret_may_travel_in_the_form() {
    let (headers, form) = exchange(ClientAuth::Post(ProviderSecret::new("a+b")));
    assert!(!headers.contains_key("authorization"));
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("s6BhdRkqt3", "a+b"));
}

#[test]
fn a_public_client_only_names_itself() {
    let (headers, form) = exchange(ClientAuth::None);
    assert!(!headers.contains_key("authorization") && !form.contains_key("client_secret"));
    assert_eq!(form["client_id"], "s6BhdRkqt3");
}

#[test]
fn a_private_key_signs_an_assertion_that_lives_a_minute() {
    let key = Arc::new(Es256Key::from_scalar(&[7; 32]).unwrap());
    let (_, form) = exchange(ClientAuth::PrivateKey(Arc::clone(&key)));
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let jwk = serde_json::from_value(serde_json::to_value(key.jwk()).unwrap()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let assertion = &form["client_assertion"];
    let claims = decode::<Value>(assertion, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap().claims;
    assert_eq!(
        claims,
        json!({
            "iss": "s6BhdRkqt3", "sub": "s6BhdRkqt3", "aud": "https://acme.example/token",
            "jti": "AwMDAwMDAwMDAwMDAwMDAw", "iat": 1_763_769_630, "exp": 1_763_769_690,
        })
    );
}

#[test]
fn an_assertion_is_for_the_issuer_where_there_is_one() {
    let key = ClientAuth::PrivateKey(Arc::new(Es256Key::from_scalar(&[7; 32]).unwrap()));
    let known = Endpoints { issuer: Some(acme(true)), ..endpoints() };
    let request = client(key).refresh_request(&known, &RefreshToken::new("r"), MOMENT);
    let payload = form(&request)["client_assertion"].split('.').nth(1).unwrap().to_owned();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap()["aud"], "https://acme.example");
}

#[test]
fn a_refresh_and_a_revocation_carry_the_token_and_what_it_is() {
    let client = client(ClientAuth::Post(ProviderSecret::new("s")));
    let refresh = form(&client.refresh_request(&endpoints(), &RefreshToken::new("r"), MOMENT));
    assert_eq!((refresh["grant_type"].as_str(), refresh["refresh_token"].as_str()), ("refresh_token", "r"));
    let revoke = client.revoke_request(&endpoints(), ("r", "refresh_token"), MOMENT).unwrap();
    assert_eq!(revoke.uri(), "https://acme.example/revoke");
    assert_eq!(form(&revoke)["token_type_hint"], "refresh_token");
    let cannot = Endpoints { revoke: None, ..endpoints() };
    assert!(client.revoke_request(&cannot, ("r", "refresh_token"), MOMENT).is_none());
}

#[test]
fn the_issuer_of_a_response_is_compared_as_text_and_may_only_be_missing_where_it_is_not_promised() {
    for named in ["https://evil.example", "https://acme.example/", "https://ACME.example", ""] {
        assert!(!acme(false).accepts(Some(named)), "{named}");
    }
    assert!(acme(true).accepts(Some("https://acme.example")));
    assert!(acme(false).accepts(None));
    assert!(!acme(true).accepts(None), "absent is not a match");
}

fn acme(is_always_named: bool) -> Issuer {
    Issuer { identifier: "https://acme.example".into(), is_always_named }
}

#[test]
fn a_callback_is_read_with_codes_of_any_length_that_providers_use() {
    for length in [1, 20, 300, 4_000, MAX_CODE] {
        let code = "c".repeat(length);
        let query = format!("code={code}&state=st&iss=https%3A%2F%2Facme.example&session_state=x");
        let callback = Callback::read(&query).unwrap();
        assert_eq!(callback.code, Some(AuthorizationCode::new(code)));
        assert_eq!(callback.state, Some(State::new("st")));
        assert_eq!(callback.issuer.as_deref(), Some("https://acme.example"));
    }
    let google = Callback::read("state=st&code=4%2F0AX4XfWh%20x").unwrap();
    assert_eq!(google.code, Some(AuthorizationCode::new("4/0AX4XfWh x")));
}

#[test]
fn mn_31_a_callback_with_something_twice_or_something_odd_is_not_read() {
    let long = format!("code={}", "c".repeat(MAX_CODE + 1));
    let states = format!("state={}", "s".repeat(513));
    for query in [
        "code=a&code=b",
        "code=a&code=a",
        "state=a&state=b",
        "iss=a&iss=b",
        "error=a&error=b",
        "code=",
        "state=",
        "iss=",
        "code=%00",
        "code=a%0d%0ab",
        "code=%C3%A9",
        "state=%7F",
        &long,
        &states,
    ] {
        assert_eq!(Callback::read(query), None, "{query}");
    }
    assert_eq!(Callback::read(""), Some(Callback::default()));
}

proptest! {
    #[test]
    fn a_callback_never_panics_and_shows_nothing_of_itself(query in ".{0,200}") {
        if let Some(callback) = Callback::read(&query) {
            prop_assert_eq!(format!("{callback:?}"), "Callback(…)");
        }
    }

    #[test]
    fn any_credentials_make_a_header(id in "[!-~]{1,64}", secret in "\\PC{0,64}") {
        let mut client = client(ClientAuth::Basic(ProviderSecret::new(&*secret)));
        client.id = ProviderClientId::parse(&*id).unwrap();
        let request = client.refresh_request(&endpoints(), &RefreshToken::new("r"), MOMENT);
        let header = request.headers()["authorization"].to_str().unwrap();
        let decoded = String::from_utf8(STANDARD.decode(&header[6..]).unwrap()).unwrap();
        let (sent, hidden) = decoded.split_once(':').unwrap();
        let read = |text: &str| url::form_urlencoded::parse(format!("x={text}").as_bytes()).next().unwrap().1.into_owned();
        prop_assert_eq!((read(sent), read(hidden)), (id, secret));
    }
}
