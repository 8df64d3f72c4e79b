//! OAuth 2.0 and OpenID Connect towards third-party providers: requests are built, answers are read.
//!
//! RFC 6749 with PKCE (RFC 7636, always S256), revocation (RFC 7009), client assertions (RFC 7523), the issuer of
//! authorization responses (RFC 9207), and OpenID Connect Core 1.0 as far as the code flow needs it.
//!
//! ```
//! use stagedoor_protocol::id::ProviderClientId;
//! use stagedoor_protocol::oauth::{CodeChallenge, state_from, verifier_from};
//! use stagedoor_protocol::provider::{Ask, Client, ClientAuth, Endpoints};
//! use stagedoor_protocol::secret::ProviderSecret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client {
//!     id: ProviderClientId::parse("my-client")?,
//!     auth: ClientAuth::Basic(ProviderSecret::new("my-secret")),
//!     redirect_uri: "https://app.example.com/zoom/connect/acme/callback".parse()?,
//!     scopes: vec!["read".into()],
//!     extra: vec![("prompt".into(), "consent".into())],
//! };
//! let endpoints = Endpoints::plain("https://acme.example/authorize".parse()?, "https://acme.example/token".parse()?);
//!
//! let challenge = CodeChallenge::s256(&verifier_from([7; 32]));
//! let url = client.authorize_url(&endpoints, &Ask { state: &state_from([9; 32]), challenge: &challenge, nonce: None });
//! assert!(url.as_str().contains("code_challenge_method=S256"));
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::id::ProviderClientId;
use crate::jwt::{Algorithm, Es256Key};
use crate::oauth::CodeChallenge;
use crate::secret::{AuthorizationCode, CodeVerifier, Nonce, ProviderSecret, RefreshToken, State};
use crate::time::UnixSeconds;

mod answer;
mod callback;
mod discovery;
mod id_token;

pub use answer::{TokenError, TokenSet, read_revocation, read_tokens};
pub use callback::{Callback, MAX_CODE};
pub use discovery::{DiscoveryError, discovery_request, read_discovery};
pub use id_token::{Expected, IdTokenError, Identity};

/// How long a client assertion is valid, in seconds. It is used at once.
const ASSERTION_SECONDS: i64 = 60;

/// This deployment as a provider knows it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub id: ProviderClientId,
    /// How the token endpoint knows that it is us.
    pub auth: ClientAuth,
    /// The redirect URI, registered at the provider. Each provider has its own (RFC 9700 section 4.4.2.2).
    pub redirect_uri: Url,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// Further parameters of the authorize URL, such as `access_type=offline`. None of them is [reserved](RESERVED).
    pub extra: Vec<(String, String)>,
}

/// Client authentication at the token endpoint (RFC 6749 section 2.3, OpenID Connect Core section 9).
#[derive(Clone)]
pub enum ClientAuth {
    /// `client_secret_basic`: HTTP Basic.
    Basic(ProviderSecret),
    /// `client_secret_post`: in the form.
    Post(ProviderSecret),
    /// `private_key_jwt`: a signed assertion (RFC 7523 section 2.2), ES256.
    PrivateKey(Arc<Es256Key>),
    /// `none`: a public client, for which PKCE stands alone.
    None,
}

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic(_) => "client_secret_basic",
            Self::Post(_) => "client_secret_post",
            Self::PrivateKey(_) => "private_key_jwt",
            Self::None => "none",
        })
    }
}

/// Parameters of the authorize URL that are ours to set.
pub const RESERVED: [&str; 11] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// Where a provider is, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Who it is.
    pub issuer: Option<Issuer>,
    /// The authorization endpoint.
    pub authorize: Url,
    /// The token endpoint.
    pub token: Url,
    /// The revocation endpoint (RFC 7009).
    pub revoke: Option<Url>,
    /// Where the keys of ID tokens are.
    pub jwks: Option<Url>,
    /// The algorithms that ID tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
}

/// Who a provider is, and whether its authorization responses say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// The issuer identifier, a URL that is compared as text.
    pub identifier: String,
    /// Whether every authorization response names it (RFC 9207 section 3).
    pub is_always_named: bool,
}

impl Issuer {
    /// Checks the issuer that an authorization response names (RFC 9207 section 2.4), which keeps a response of one
    /// provider from being taken for another's.
    pub fn accepts(&self, named: Option<&str>) -> bool {
        named.map_or(!self.is_always_named, |named| named == self.identifier)
    }
}

impl Endpoints {
    /// A provider of plain OAuth, without an issuer.
    pub fn plain(authorize: Url, token: Url) -> Self {
        let algorithms = vec![Algorithm::RS256];
        Self { issuer: None, authorize, token, revoke: None, jwks: None, algorithms }
    }
}

/// What one authorization request carries.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Binds the response to the attempt.
    pub state: &'a State,
    /// The S256 challenge of the attempt's verifier.
    pub challenge: &'a CodeChallenge,
    /// Binds the ID token to the attempt; only OpenID providers know it.
    pub nonce: Option<&'a Nonce>,
}

/// What a client assertion needs besides the key: the time, and 16 random bytes that make it unique.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now.
    pub now: UnixSeconds,
    /// For `jti`.
    pub unique: [u8; 16],
}

impl Client {
    /// Whether an ID token is asked for.
    pub fn is_openid(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "openid")
    }

    /// The URL that asks the user for consent. What the endpoint's own query holds stays (RFC 6749 section 3.1).
    pub fn authorize_url(&self, endpoints: &Endpoints, ask: &Ask<'_>) -> Url {
        let mut url = endpoints.authorize.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.id.as_str())
            .append_pair("redirect_uri", self.redirect_uri.as_str());
        if !self.scopes.is_empty() {
            query.append_pair("scope", &self.scopes.join(" "));
        }
        query
            .append_pair("state", ask.state.expose())
            .append_pair("code_challenge", ask.challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        if let Some(nonce) = ask.nonce {
            query.append_pair("nonce", nonce.expose());
        }
        query.extend_pairs(&self.extra);
        drop(query);
        url
    }

    /// The request that exchanges an authorization code (RFC 6749 section 4.1.3).
    pub fn code_request(
        &self,
        endpoints: &Endpoints,
        code: &AuthorizationCode,
        verifier: &CodeVerifier,
        moment: Moment,
    ) -> Request<Bytes> {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", verifier.expose()),
        ];
        self.request(endpoints, &endpoints.token, &parameters, moment)
    }

    /// The request that refreshes a grant (RFC 6749 section 6).
    pub fn refresh_request(&self, endpoints: &Endpoints, token: &RefreshToken, moment: Moment) -> Request<Bytes> {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", token.expose())];
        self.request(endpoints, &endpoints.token, &parameters, moment)
    }

    /// The request that revokes a token (RFC 7009 section 2.1), where the provider can. `hint` says of which kind the
    /// token is: `refresh_token` or `access_token`.
    pub fn revoke_request(
        &self,
        endpoints: &Endpoints,
        (token, hint): (&str, &str),
        moment: Moment,
    ) -> Option<Request<Bytes>> {
        let parameters = [("token", token), ("token_type_hint", hint)];
        endpoints.revoke.as_ref().map(|revoke| self.request(endpoints, revoke, &parameters, moment))
    }

    fn request(&self, endpoints: &Endpoints, to: &Url, parameters: &[(&str, &str)], moment: Moment) -> Request<Bytes> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(parameters);
        let mut request = Request::post(to.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match &self.auth {
            ClientAuth::Basic(secret) => request = request.header(AUTHORIZATION, self.basic(secret)),
            ClientAuth::Post(secret) => {
                form.append_pair("client_id", self.id.as_str()).append_pair("client_secret", secret.expose());
            }
            ClientAuth::PrivateKey(key) => {
                form.append_pair("client_id", self.id.as_str())
                    .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                    .append_pair("client_assertion", &self.assertion(key, endpoints, moment));
            }
            ClientAuth::None => {
                form.append_pair("client_id", self.id.as_str());
            }
        }
        request.body(Bytes::from(form.finish())).expect("a URL and fixed headers make a request")
    }

    /// Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1); many clients forget it, and then
    /// a secret with a `+` or `%` does not work.
    fn basic(&self, secret: &ProviderSecret) -> HeaderValue {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let credentials = STANDARD.encode(format!("{}:{}", encoded(self.id.as_str()), encoded(secret.expose())));
        let mut value = HeaderValue::try_from(format!("Basic {credentials}")).expect("base64 is a header value");
        value.set_sensitive(true);
        value
    }

    /// The audience is the issuer where there is one: an assertion for a token endpoint could be asked for by another
    /// provider that gives that endpoint as its own.
    fn assertion(&self, key: &Es256Key, endpoints: &Endpoints, Moment { now, unique }: Moment) -> String {
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a str,
            sub: &'a str,
            aud: &'a str,
            jti: String,
            iat: i64,
            exp: i64,
        }
        let (id, UnixSeconds(now)) = (self.id.as_str(), now);
        key.sign(&Claims {
            iss: id,
            sub: id,
            aud: endpoints.issuer.as_ref().map_or(endpoints.token.as_str(), |issuer| &issuer.identifier),
            jti: URL_SAFE_NO_PAD.encode(unique),
            iat: now,
            exp: now + ASSERTION_SECONDS,
        })
    }
}
