//! OAuth 2.0 towards Zoom: the authorize URL, the token endpoint, PKCE; requests are built, answers are read.
//!
//! See <https://developers.zoom.us/docs/integrations/oauth/>, RFC 6749 and RFC 7636.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::api::api_origin;
use crate::id::ClientId;
use crate::json::{self, UniqueObject};
use crate::secret::{AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, RefreshToken, State};
use crate::zoom_error::{number_in, zoom_sentence};

/// A PKCE challenge: what the authorize URL carries of a [`CodeVerifier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// The S256 challenge (RFC 7636 section 4.2).
    pub fn s256(verifier: &CodeVerifier) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes())))
    }

    /// The plain challenge (RFC 7636 section 4.2): the verifier itself. For in-client OAuth and nowhere else, because
    /// Zoom compares nothing else there (<https://developers.zoom.us/docs/zoom-apps/authentication/>).
    pub fn plain(verifier: &CodeVerifier) -> Self {
        Self(verifier.expose().to_owned())
    }

    /// The challenge as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a verifier from 32 random bytes: 43 characters of the unreserved set (RFC 7636 section 4.1).
pub fn verifier_from(random: [u8; 32]) -> CodeVerifier {
    CodeVerifier::new(URL_SAFE_NO_PAD.encode(random))
}

/// Makes a state from 32 random bytes.
pub fn state_from(random: [u8; 32]) -> State {
    State::new(URL_SAFE_NO_PAD.encode(random))
}

/// The app as Zoom's authorization server knows it, and where that server is.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub id: ClientId,
    /// The client secret.
    pub secret: ClientSecret,
    /// The one redirect URI that is used, registered in the Marketplace.
    pub redirect_uri: Url,
    /// The origin of Zoom's web, normally `https://zoom.us`.
    pub zoom: Url,
}

impl Client {
    /// The URL that asks the user for consent, with `state` and an S256 challenge.
    ///
    /// There is no `scope`: Zoom takes the scopes of the app's registration.
    pub fn authorize_url(&self, state: &State, challenge: &CodeChallenge) -> Url {
        let mut url = self.at("oauth/authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.id.as_str())
            .append_pair("redirect_uri", self.redirect_uri.as_str())
            .append_pair("state", state.expose())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// The request that exchanges an authorization code (RFC 6749 section 4.1.3). The redirect URI is the one of the
    /// authorize URL; in-client OAuth has no such URL, and may have none.
    pub fn code_request(
        &self,
        code: &AuthorizationCode,
        verifier: &CodeVerifier,
        redirect_uri: Option<&Url>,
    ) -> Request<Bytes> {
        let mut parameters = vec![("grant_type", "authorization_code"), ("code", code.expose())];
        parameters.extend(redirect_uri.map(|uri| ("redirect_uri", uri.as_str())));
        parameters.push(("code_verifier", verifier.expose()));
        self.form("oauth/token", &parameters)
    }

    /// The request that refreshes a grant (RFC 6749 section 6). Zoom's refresh tokens work once.
    pub fn refresh_request(&self, token: &RefreshToken) -> Request<Bytes> {
        self.form("oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", token.expose())])
    }

    /// The request that revokes a grant.
    pub fn revoke_request(&self, token: &AccessToken) -> Request<Bytes> {
        self.form("oauth/revoke", &[("token", token.expose())])
    }

    fn at(&self, path: &str) -> Url {
        self.zoom.join(path).expect("a fixed relative path joins any http URL")
    }

    /// Parameters go into the body: Zoom has begun to refuse them in the query.
    fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Request<Bytes> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        Request::post(self.at(path).as_str())
            .header(AUTHORIZATION, self.basic())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .expect("a URL and fixed headers make a request")
    }

    /// Zoom takes id and secret as they are, not form-encoded first as RFC 6749 section 2.3.1 has it.
    fn basic(&self) -> HeaderValue {
        let credentials = STANDARD.encode(format!("{}:{}", self.id.as_str(), self.secret.expose()));
        let mut value = HeaderValue::try_from(format!("Basic {credentials}")).expect("base64 is a header value");
        value.set_sensitive(true);
        value
    }
}

/// What the token endpoint gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSet {
    /// For calls to Zoom's API.
    pub access: AccessToken,
    /// For the next refresh.
    pub refresh: RefreshToken,
    /// How long the access token lives, counted from the answer.
    pub expires_in: Duration,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// Where the token is good, if Zoom names one of its own hosts. Anything else that it may name is passed over.
    pub api: Option<Url>,
}

/// Why there are no tokens. Each variant says who has to do what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// `invalid_grant`: the code or refresh token is unknown, used, expired or superseded.
    #[error("Zoom does not accept this code or refresh token any more{}", said(*.0))]
    InvalidGrant(Option<u32>),
    /// `invalid_client`: Zoom answers 400, RFC 6749 section 5.2 would be 401; both are read.
    #[error("Zoom does not know this client id and secret{}", said(*.0))]
    InvalidClient(Option<u32>),
    /// Any other refusal: the request was wrong in Zoom's eyes.
    #[error("Zoom refused the request{}", said(*.0))]
    Refused(Option<u32>),
    /// 429: too many requests.
    #[error("Zoom asks for fewer requests")]
    RateLimited {
        /// How long Zoom asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    #[error("Zoom has a problem of its own (status {0})")]
    Unavailable(u16),
    /// A success without the members that a success has, an answer that is not a JSON object, or one that is neither
    /// a success nor a refusal.
    #[error("Zoom's answer makes no sense")]
    Malformed,
}

impl TokenError {
    /// The number that Zoom gave, for example 4709.
    pub fn zoom_code(&self) -> Option<u32> {
        match self {
            Self::InvalidGrant(code) | Self::InvalidClient(code) | Self::Refused(code) => *code,
            _ => None,
        }
    }
}

fn said(code: Option<u32>) -> String {
    code.and_then(zoom_sentence).map(|sentence| format!(": {sentence}")).unwrap_or_default()
}

/// The longest life of an access token, and the longest wait, that is believed, in seconds. Zoom's tokens live an hour.
const MAX_SECONDS: u64 = 86_400;

/// The longest token that is believed, in bytes. Zoom's have less than 1,000; a header carries no more than this.
const MAX_TOKEN: usize = 8 * 1024;

/// Reads an answer of the token endpoint.
pub fn read_tokens(answer: &Response<Bytes>) -> Result<TokenSet, TokenError> {
    let status = answer.status();
    if status == StatusCode::OK {
        return read_success(answer.body()).ok_or(TokenError::Malformed);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(TokenError::RateLimited { retry_after: retry_after(answer) });
    }
    if status.is_server_error() {
        return Err(TokenError::Unavailable(status.as_u16()));
    }
    if status.is_client_error() {
        return Err(read_refusal(answer.body()));
    }
    Err(TokenError::Malformed)
}

fn read_success(body: &[u8]) -> Option<TokenSet> {
    #[derive(Deserialize)]
    struct Success {
        access_token: String,
        refresh_token: String,
        token_type: String,
        expires_in: u64,
        #[serde(default)]
        scope: String,
        /// Of any type: what Zoom adds must not cost the tokens beside it.
        #[serde(default)]
        api_url: Value,
    }
    let success: Success = json::read(body).ok()?;
    let is_token =
        |token: &str| (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    let believable = success.token_type.eq_ignore_ascii_case("bearer")
        && is_token(&success.access_token)
        && is_token(&success.refresh_token)
        && (1..=MAX_SECONDS).contains(&success.expires_in);
    believable.then(|| TokenSet {
        access: AccessToken::new(success.access_token),
        refresh: RefreshToken::new(success.refresh_token),
        expires_in: Duration::from_secs(success.expires_in),
        scopes: success.scope.split_ascii_whitespace().map(str::to_owned).collect(),
        api: success.api_url.as_str().and_then(api_origin),
    })
}

/// Only `error` decides what a refusal is. The rest is for people, so it may be missing or odd.
fn read_refusal(body: &[u8]) -> TokenError {
    let Ok(UniqueObject(refusal)) = serde_json::from_slice(body) else {
        return TokenError::Malformed;
    };
    let text = |member: &str| refusal[member].as_str().unwrap_or_default();
    let number = |member: &str| refusal[member].as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number("code").or_else(|| number("errorCode")).or_else(|| number_in(text("reason")));
    match text("error") {
        "invalid_grant" => TokenError::InvalidGrant(number),
        // Until 2021 a bad code was an `invalid_request`.
        "invalid_request" if text("reason").starts_with("Invalid authorization code") => {
            TokenError::InvalidGrant(number)
        }
        "invalid_client" => TokenError::InvalidClient(number),
        _ => TokenError::Refused(number),
    }
}

/// `Retry-After` in seconds; Zoom's daily limits give a date, which is not read.
fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    seconds.filter(|seconds| *seconds <= MAX_SECONDS).map(Duration::from_secs)
}
