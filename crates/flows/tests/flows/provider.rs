//! A third-party provider as the flows call it: strict OpenID with S256, codes that work once, rotating refresh tokens,
//! and lies that tests switch on.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use stagedoor_flows::port::{Http, HttpError};
use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::oauth::CodeChallenge;
use stagedoor_protocol::provider::Callback;
use stagedoor_protocol::secret::{AuthorizationCode, CodeVerifier, State as OauthState};
use url::Url;

pub(crate) const ISSUER: &str = "https://acme.example";

/// What the provider does instead of what is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    WrongIssuer,
    WrongAudience,
    WrongNonce,
    AlgNone,
    Expired,
    OtherKey,
    NoIdToken,
    HugeIdToken,
    /// It does not rotate: the answer to a refresh names no refresh token, and the old one stays good.
    KeepsRefresh,
    OtherIssuerInMetadata,
    NoKeys,
    Html,
    Down,
    Slow,
    Refuses(&'static str),
}

#[derive(Default)]
pub(crate) struct FakeProvider(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    lies: Vec<Lie>,
    codes: HashMap<String, Consent>,
    live: Vec<String>,
    given: u32,
    calls: Vec<String>,
    /// Which of the provider's keys signs.
    key: u8,
}

struct Consent {
    challenge: String,
    nonce: Option<String>,
    redirect_uri: String,
}

impl FakeProvider {
    /// The user consents on the page at `location`, and the provider sends the browser back; the code has so many
    /// characters.
    pub(crate) fn consent(&self, location: &Url, length: usize) -> Back {
        let query: HashMap<String, String> = location.query_pairs().into_owned().collect();
        assert_eq!((query["code_challenge_method"].as_str(), query["response_type"].as_str()), ("S256", "code"));
        let consent = Consent {
            challenge: query["code_challenge"].clone(),
            nonce: query.get("nonce").cloned(),
            redirect_uri: query["redirect_uri"].clone(),
        };
        let mut inner = self.0.lock().unwrap();
        inner.given += 1;
        let code = format!("{:c<length$}", format!("canary-code-{}-", inner.given));
        inner.codes.insert(code.clone(), consent);
        Back { code: Some(code), state: query["state"].clone(), issuer: Some(ISSUER.into()), error: None }
    }

    pub(crate) fn lies(&self, lies: impl IntoIterator<Item = Lie>) {
        self.0.lock().unwrap().lies = lies.into_iter().collect();
    }

    pub(crate) fn calls(&self, path: &str) -> usize {
        self.0.lock().unwrap().calls.iter().filter(|called| *called == path).count()
    }

    /// The provider signs with a new key from now on.
    pub(crate) fn change_key(&self) {
        self.0.lock().unwrap().key += 1;
    }

    /// How many tokens are good.
    pub(crate) fn live(&self) -> usize {
        self.0.lock().unwrap().live.len()
    }
}

/// What the browser comes back with. Anybody can change it on the way.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    pub(crate) code: Option<String>,
    pub(crate) state: String,
    pub(crate) issuer: Option<String>,
    pub(crate) error: Option<String>,
}

impl Back {
    pub(crate) fn callback(&self) -> Callback {
        Callback {
            code: self.code.as_deref().map(AuthorizationCode::new),
            state: Some(OauthState::new(&*self.state)),
            issuer: self.issuer.clone(),
            error: self.error.clone(),
        }
    }
}

#[async_trait::async_trait]
impl Http for FakeProvider {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut inner = self.0.lock().unwrap();
        inner.calls.push(request.uri().path().to_owned());
        let host = request.uri().host().unwrap().to_owned();
        for lie in &inner.lies {
            match lie {
                Lie::Down => return Err(HttpError::Connect { host, source: "refused".into() }),
                Lie::Slow => return Err(HttpError::Timeout { host }),
                Lie::Html => return Ok(reply(200, "<html>Hello</html>")),
                _ => {}
            }
        }
        Ok(inner.answer(&request))
    }
}

impl Inner {
    fn lies(&self, lie: Lie) -> bool {
        self.lies.contains(&lie)
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        match request.uri().path() {
            "/.well-known/openid-configuration" => {
                let issuer = if self.lies(Lie::OtherIssuerInMetadata) { "https://evil.example" } else { ISSUER };
                reply(
                    200,
                    json!({
                        "issuer": issuer, "authorization_endpoint": format!("{ISSUER}/authorize"),
                        "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys"),
                        "revocation_endpoint": format!("{ISSUER}/revoke"),
                        "id_token_signing_alg_values_supported": ["ES256"],
                        "authorization_response_iss_parameter_supported": true,
                    })
                    .to_string(),
                )
            }
            "/keys" if self.lies(Lie::NoKeys) => reply(200, json!({"keys": []}).to_string()),
            "/keys" => reply(200, json!({"keys": [key(self.key).jwk()]}).to_string()),
            "/token" => self.token(request),
            "/revoke" => {
                let token = form(request)["token"].clone();
                self.live.retain(|live| *live != token);
                reply(200, "")
            }
            other => panic!("nobody should call {other}"),
        }
    }

    fn token(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let refused = self.lies.iter().find_map(|lie| if let Lie::Refuses(error) = lie { Some(*error) } else { None });
        if let Some(error) = refused {
            return reply(400, json!({"error": error}).to_string());
        }
        assert!(request.headers()["authorization"].to_str().unwrap().starts_with("Basic "));
        let form = form(request);
        if form["grant_type"] == "refresh_token" {
            let Some(at) = self.live.iter().position(|live| *live == form["refresh_token"]) else { return dead() };
            if self.lies(Lie::KeepsRefresh) {
                self.given += 1;
                let access = format!("canary-provider-access-{}", self.given);
                let tokens = json!({"access_token": access, "token_type": "Bearer", "expires_in": 3600});
                return reply(200, tokens.to_string());
            }
            self.live.remove(at);
            return reply(200, self.tokens().to_string());
        }
        let Some(consent) = self.codes.remove(&form["code"]) else { return dead() };
        let verifier = CodeVerifier::new(&*form["code_verifier"]);
        if CodeChallenge::s256(&verifier).as_str() != consent.challenge || form["redirect_uri"] != consent.redirect_uri
        {
            return dead();
        }
        let mut tokens = self.tokens();
        if let Some(nonce) = consent.nonce.filter(|_| !self.lies(Lie::NoIdToken)) {
            tokens["id_token"] = self.id_token(&nonce).into();
        }
        reply(200, tokens.to_string())
    }

    fn tokens(&mut self) -> Value {
        self.given += 1;
        let refresh = format!("canary-provider-refresh-{}", self.given);
        self.live.push(refresh.clone());
        json!({
            "access_token": format!("canary-provider-access-{}", self.given), "token_type": "Bearer",
            "refresh_token": refresh, "expires_in": 3600, "scope": "openid email",
        })
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = crate::world::START.to_seconds().0;
        let mut claims = json!({
            "iss": ISSUER, "sub": "ada-at-acme", "aud": "our-client", "nonce": nonce, "iat": now, "exp": now + 300,
            "email": "ada@acme.example",
        });
        if self.lies(Lie::WrongIssuer) {
            claims["iss"] = "https://evil.example".into();
        }
        if self.lies(Lie::WrongAudience) {
            claims["aud"] = "another-client".into();
        }
        if self.lies(Lie::WrongNonce) {
            claims["nonce"] = "another-nonce".into();
        }
        if self.lies(Lie::Expired) {
            claims["exp"] = (now - 3_600).into();
        }
        if self.lies(Lie::HugeIdToken) {
            claims["padding"] = "x".repeat(20_000).into();
        }
        if self.lies(Lie::AlgNone) {
            let part = |value: Value| {
                use base64::Engine as _;
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
            };
            return format!("{}.{}.", part(json!({"alg": "none"})), part(claims));
        }
        key(if self.lies(Lie::OtherKey) { 99 } else { self.key }).sign(&claims)
    }
}

fn key(number: u8) -> Es256Key {
    Es256Key::from_scalar(&[number + 1; 32]).unwrap()
}

fn form(request: &Request<Bytes>) -> HashMap<String, String> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

fn dead() -> Response<Bytes> {
    reply(400, json!({"error": "invalid_grant", "error_description": "<script>alert(1)</script>"}).to_string())
}

fn reply(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}
