use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use proptest::prelude::*;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::oauth::{Client, CodeChallenge, state_from, verifier_from};
use stagedoor_protocol::secret::{AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, RefreshToken, State};
use url::Url;

fn client() -> Client {
    Client {
        id: ClientId::parse("client-id").unwrap(),
        secret: ClientSecret::new("client/secret+with=signs&é"),
        redirect_uri: Url::parse("https://app.example.com/zoom/callback?a=b c").unwrap(),
        zoom: Url::parse("https://zoom.us").unwrap(),
    }
}

fn body(request: &Request<Bytes>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[test]
fn the_authorize_url_carries_state_and_an_s256_challenge_and_no_scope() {
    let challenge = CodeChallenge::s256(&CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
    assert_eq!(
        client().authorize_url(&State::new("a state&more"), &challenge).as_str(),
        "https://zoom.us/oauth/authorize?response_type=code&client_id=client-id\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fzoom%2Fcallback%3Fa%3Db%2520c&state=a+state%26more\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
}

#[test]
fn a_code_is_exchanged_with_everything_in_the_body() {
    let request = client().code_request(
        &AuthorizationCode::new("co/de&x=1"),
        &CodeVerifier::new("verifier"),
        Some(&client().redirect_uri),
    );
    assert_eq!((request.method(), request.uri().to_string()), (&Method::POST, "https://zoom.us/oauth/token".into()));
    assert_eq!(
        body(&request),
        pairs([
            ("grant_type", "authorization_code"),
            ("code", "co/de&x=1"),
            ("redirect_uri", "https://app.example.com/zoom/callback?a=b%20c"),
            ("code_verifier", "verifier"),
        ])
    );
}

#[test]
fn a_grant_is_refreshed_and_revoked_with_everything_in_the_body() {
    let refresh = client().refresh_request(&RefreshToken::new("r"));
    assert_eq!(refresh.uri(), "https://zoom.us/oauth/token");
    assert_eq!(body(&refresh), pairs([("grant_type", "refresh_token"), ("refresh_token", "r")]));
    let revoke = client().revoke_request(&AccessToken::new("t"));
    assert_eq!(revoke.uri(), "https://zoom.us/oauth/revoke");
    assert_eq!(body(&revoke), pairs([("token", "t")]));
}

#[test]
fn the_app_authenticates_with_its_id_and_secret_as_they_are() {
    let request = client().refresh_request(&RefreshToken::new("r"));
    let headers = request.headers();
    let basic = headers["authorization"].to_str().unwrap().strip_prefix("Basic ").unwrap();
    assert_eq!(STANDARD.decode(basic).unwrap(), "client-id:client/secret+with=signs&é".as_bytes());
    assert!(headers["authorization"].is_sensitive());
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers.len(), 3);
}

#[test]
fn a_challenge_is_the_one_of_the_vectors() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/pkce.json")).unwrap();
    let pairs = vectors["s256"].as_array().unwrap();
    assert_eq!(pairs.len(), 2);
    for pair in pairs {
        let verifier = CodeVerifier::new(pair["verifier"].as_str().unwrap());
        assert_eq!(CodeChallenge::s256(&verifier).as_str(), pair["challenge"].as_str().unwrap());
    }
}

#[test]
fn the_octets_of_the_rfc_make_its_verifier() {
    // RFC 7636 appendix B.
    let octets = [
        116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
        240, 91, 88, 5, 88, 83, 132, 141, 121,
    ];
    assert_eq!(verifier_from(octets).expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

proptest! {
    #[test]
    fn mn_09_a_verifier_is_always_one_of_the_rfc(random in any::<[u8; 32]>()) {
        let verifier = verifier_from(random);
        let text = verifier.expose();
        prop_assert!((43..=128).contains(&text.len()));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{}", text);
        let challenge = CodeChallenge::s256(&verifier);
        prop_assert_eq!(challenge.as_str().len(), 43);
        prop_assert_ne!(challenge.as_str(), text);
        let state = state_from(random);
        prop_assert_eq!(state.expose().len(), 43);
    }

    #[test]
    fn no_value_leaves_its_parameter(state in ".{0,40}", code in ".{0,40}", verifier in ".{0,40}") {
        let challenge = CodeChallenge::s256(&CodeVerifier::new(verifier.clone()));
        let url = client().authorize_url(&State::new(state.clone()), &challenge);
        let read: Vec<_> = url.query_pairs().into_owned().collect();
        prop_assert_eq!(read.len(), 6);
        prop_assert_eq!(&read[3], &("state".to_owned(), state));
        let request = client().code_request(&AuthorizationCode::new(code.clone()), &CodeVerifier::new(verifier.clone()), Some(&client().redirect_uri));
        let read = body(&request);
        prop_assert_eq!(read.len(), 4);
        prop_assert_eq!((&read[1].1, &read[3].1), (&code, &verifier));
    }
}

#[test]
fn a_code_without_a_redirect_uri_is_exchanged_without_one() {
    let request = client().code_request(&AuthorizationCode::new("code"), &CodeVerifier::new("verifier"), None);
    assert_eq!(&request.body()[..], b"grant_type=authorization_code&code=code&code_verifier=verifier");
}

#[test]
fn a_plain_challenge_is_the_verifier() {
    let verifier = verifier_from([7; 32]);
    assert_eq!(CodeChallenge::plain(&verifier).as_str(), verifier.expose());
    assert_ne!(CodeChallenge::plain(&verifier), CodeChallenge::s256(&verifier));
}
