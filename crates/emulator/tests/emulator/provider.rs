//! The bundled third-party provider: strict where a good provider is strict, and wrong where a fault says so.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use stagedoor_protocol::id::ProviderClientId;
use stagedoor_protocol::secret::ProviderSecret;
use url::Url;

use crate::stage::{Answer, Stage, basic};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "canary-provider+secret%1";

async fn stage() -> Stage {
    let stage = Stage::with(
        |_| None,
        |config| {
            config.provider.client_id = ProviderClientId::parse("acme-client").unwrap();
            config.provider.client_secret = ProviderSecret::new(SECRET);
        },
    )
    .await;
    stage.always_allow().await;
    stage
}

impl Stage {
    fn acme_redirect(&self) -> String {
        format!("{}/zoom/connect/acme/callback", self.app)
    }

    fn acme_authorize(&self, changes: &[(&str, Option<&str>)]) -> String {
        let redirect_uri = self.acme_redirect();
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", "acme-client"),
            ("redirect_uri", &redirect_uri),
            ("scope", "openid email notes"),
            ("state", "state-of-the-test"),
            ("nonce", "nonce-of-the-test"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            pairs.extend(value.map(|value| (*name, value)));
        }
        let mut url: Url = format!("{}/authorize", self.at.provider).parse().unwrap();
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }

    async fn acme_code(&self) -> String {
        let answer = self.http.get(&self.acme_authorize(&[])).await;
        answer.location_param("code").expect("the redirect carries a code")
    }

    async fn acme(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("{}{path}", self.at.provider))
            .header(AUTHORIZATION, basic("acme-client", &encoded))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.http.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn acme_exchange(&self, code: &str, verifier: &str) -> Answer {
        let redirect_uri = self.acme_redirect();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", verifier),
        ];
        self.acme("/token", &form).await
    }

    async fn acme_tokens(&self) -> Value {
        let code = self.acme_code().await;
        let answer = self.acme_exchange(&code, VERIFIER).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    async fn acme_api(&self, method: Method, token: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("{}/api/notes", self.at.provider));
        let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        self.http.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test]
async fn a_sign_in_gives_a_code_with_state_and_issuer_and_the_code_gives_tokens() {
    let stage = stage().await;
    let answer = stage.http.get(&stage.acme_authorize(&[])).await;
    assert_eq!(answer.location_param("state").as_deref(), Some("state-of-the-test"));
    assert_eq!(answer.location_param("iss").as_deref(), Some(&*stage.at.provider));
    let code = answer.location_param("code").unwrap();
    let tokens = stage.acme_exchange(&code, VERIFIER).await.json();
    let claims = claims(&tokens["id_token"]);
    assert_eq!(text(&claims, "iss"), stage.at.provider);
    assert_eq!((text(&claims, "aud"), text(&claims, "nonce")), ("acme-client", "nonce-of-the-test"));
    assert_eq!(text(&claims, "email"), "ada@acme.example");
    let notes = stage.acme_api(Method::POST, text(&tokens, "access_token"), json!({"text": "hello"})).await;
    assert_eq!((notes.status, notes.json()), (StatusCode::CREATED, json!({"notes": ["hello"]})));
    assert_eq!(stage.acme_api(Method::GET, "made-up", json!(null)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_a_strict_provider_wants_is_wanted() {
    let stage = stage().await;
    for changes in [
        [("client_id", Some("another"))],
        [("redirect_uri", Some("http://localhost:1/elsewhere"))],
        [("redirect_uri", None)],
    ] {
        let answer = stage.http.get(&stage.acme_authorize(&changes)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "nobody is sent anywhere: {changes:?}");
    }
    for (changes, error) in [
        ([("response_type", Some("token"))], "unsupported_response_type"),
        ([("state", None)], "invalid_request"),
        ([("code_challenge", None)], "invalid_request"),
        ([("code_challenge_method", Some("plain"))], "invalid_request"),
        ([("code_challenge_method", None)], "invalid_request"),
        ([("scope", Some("openid everything"))], "invalid_scope"),
    ] {
        let answer = stage.http.get(&stage.acme_authorize(&changes)).await;
        assert_eq!(answer.location_param("error").as_deref(), Some(error), "{changes:?}");
        assert!(answer.location_param("code").is_none());
    }
}

#[tokio::test]
async fn a_code_works_once_for_a_minute_and_with_its_verifier() {
    let stage = stage().await;
    let code = stage.acme_code().await;
    assert_eq!(text(&stage.acme_exchange(&code, &"x".repeat(43)).await.json(), "error"), "invalid_grant");
    assert_eq!(stage.acme_exchange(&code, VERIFIER).await.status, StatusCode::BAD_REQUEST, "a wrong try uses it up");
    let code = stage.acme_code().await;
    let tokens = stage.acme_exchange(&code, VERIFIER).await.json();
    stage.acme_exchange(&code, VERIFIER).await;
    let notes = stage.acme_api(Method::GET, text(&tokens, "access_token"), json!(null)).await;
    assert_eq!(notes.status, StatusCode::UNAUTHORIZED, "a code that comes twice ends what came of it");
    let code = stage.acme_code().await;
    stage.put("clock", json!({"advance_ms": 60_000})).await;
    assert_eq!(stage.acme_exchange(&code, VERIFIER).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_one_that_comes_twice_ends_the_grant() {
    let stage = stage().await;
    let tokens = stage.acme_tokens().await;
    let refresh =
        async |token: &str| stage.acme("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
    let old = text(&tokens, "refresh_token");
    let newer = refresh(old).await.json();
    assert_ne!(newer["refresh_token"], tokens["refresh_token"]);
    assert!(newer.get("id_token").is_none());
    assert_eq!(refresh(old).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(refresh(text(&newer, "refresh_token")).await.status, StatusCode::BAD_REQUEST, "the grant is over");
}

#[tokio::test]
async fn a_revoked_token_is_dead_and_another_client_gets_nothing() {
    let stage = stage().await;
    let tokens = stage.acme_tokens().await;
    assert_eq!(stage.acme("/revoke", &[("token", text(&tokens, "refresh_token"))]).await.status, StatusCode::OK);
    let notes = stage.acme_api(Method::GET, text(&tokens, "access_token"), json!(null)).await;
    assert_eq!(notes.status, StatusCode::UNAUTHORIZED);
    let stranger = Request::post(format!("{}/token", stage.at.provider))
        .header(AUTHORIZATION, basic("acme-client", "guessed"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("grant_type=refresh_token&refresh_token=x"));
    let answer = stage.http.send(stranger.unwrap()).await;
    assert_eq!((answer.status, text(&answer.json(), "error")), (StatusCode::UNAUTHORIZED, "invalid_client"));
}

#[tokio::test]
async fn the_user_decides_on_a_page_once() {
    let stage = stage().await;
    stage.put("consent", json!({"mode": "ask"})).await;
    let page = stage.http.browse(&stage.acme_authorize(&[])).await;
    assert!(page.text().contains("Sign in to Acme") && page.text().contains("grace@acme.example"));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    let request = page.text().split("name=\"request\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let decide = async |origin: &str| {
        let body = format!("request={request}&account=acme-1906&decision=allow");
        let form = Request::post(format!("{}/consent", stage.at.provider))
            .header("origin", origin)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        stage.http.send(form.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(decide("https://evil.example").await.status, StatusCode::BAD_REQUEST);
    let code = decide(&stage.at.provider).await.location_param("code").unwrap();
    let tokens = stage.acme_exchange(&code, VERIFIER).await.json();
    assert_eq!(text(&claims(&tokens["id_token"]), "sub"), "acme-1906");
    assert_eq!(decide(&stage.at.provider).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_fault_does_what_its_name_says() {
    let stage = stage().await;
    let fault = async |name: &str| drop(stage.put("faults", json!({"provider": {"id": name, "times": 1}})).await);
    for (name, length) in [("code_20", 20), ("code_300", 300), ("code_4000", 4_000)] {
        fault(name).await;
        assert_eq!(stage.acme_code().await.len(), length);
    }
    for (name, claim, odd) in [("wrong_iss", "iss", "https://evil.example"), ("wrong_aud", "aud", "another-client")] {
        fault(name).await;
        assert_eq!(text(&claims(&stage.acme_tokens().await["id_token"]), claim), odd);
    }
    fault("alg_none").await;
    assert!(stage.acme_tokens().await["id_token"].as_str().unwrap().ends_with('.'));
    fault("response_iss").await;
    let answer = stage.http.get(&stage.acme_authorize(&[])).await;
    assert_eq!(answer.location_param("iss").as_deref(), Some("https://evil.example"));
    fault("no_iss").await;
    assert_eq!(stage.http.get(&stage.acme_authorize(&[])).await.location_param("iss"), None);
    fault("metadata_iss").await;
    let discovery = format!("{}/.well-known/openid-configuration", stage.at.provider);
    assert_eq!(text(&stage.http.get(&discovery).await.json(), "issuer"), "https://evil.example");
    assert_eq!(text(&stage.http.get(&discovery).await.json(), "issuer"), stage.at.provider);
    fault("down").await;
    assert_eq!(stage.http.get(&discovery).await.status, StatusCode::SERVICE_UNAVAILABLE);
    stage.put("consent", json!({"mode": "deny"})).await;
    fault("script").await;
    let denied = stage.http.get(&stage.acme_authorize(&[])).await;
    assert_eq!(denied.location_param("error").as_deref(), Some("access_denied"));
    assert!(denied.location_param("error_description").unwrap().contains("<script>"));
}

#[tokio::test]
async fn the_diagram_tells_the_thirteen_steps_with_their_numbers_and_no_secret() {
    let stage = stage().await;
    let zoom = stage.tokens().await;
    let launched = stage.post("launch", json!({})).await;
    let open = json!({"view": launched["view"], "api": "openUrl", "data": {"url": stage.acme_authorize(&[])}});
    stage.post("sdk-call", open).await;
    let code = stage.acme_code().await;
    let action = json!({"action": "handle.state-of-the-test"});
    let link = stage.deep_link(text(&zoom, "access_token"), action).await.json();
    let followed = stage.http.get(text(&link, "deeplink")).await;
    let view = followed.location_param("view").unwrap();
    let cookie = stage.bind(&format!("{}/~emulator/launch/{view}", stage.at.web_view)).await;
    stage.document(&cookie, "/").await;
    let tokens = stage.acme_exchange(&code, VERIFIER).await.json();

    let steps = stage.steps().await;
    let numbers: Vec<_> = steps.iter().filter_map(|step| step["number"].as_str()).collect();
    assert_eq!(numbers, ["1", "2–3", "4", "5", "6", "7–8", "9", "10", "11", "12", "13"]);
    let of_flow: Vec<_> = steps.iter().filter(|step| step["kind"] == "connect").collect();
    assert_eq!(of_flow.len(), numbers.len(), "one flow, and nothing else in it");
    let told = stage.read("steps").await.to_string() + &stage.read("requests").await.to_string();
    for secret in
        [&code, SECRET, text(&tokens, "access_token"), text(&tokens, "refresh_token"), text(&tokens, "id_token")]
    {
        assert!(!told.contains(secret));
    }
    assert!(!told.contains("state-of-the-test") && !told.contains("nonce-of-the-test") && !told.contains(VERIFIER));
}
