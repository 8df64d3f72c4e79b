//! Zoom as the flows see it: one app, its OAuth endpoints and its API, over the `Http` port.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use stagedoor_protocol::api::{Api, ApiError, Profile};
use stagedoor_protocol::deeplink::{Action, DeepLink, DeepLinkHosts};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::loopback::is_loopback;
use stagedoor_protocol::oauth::{self, Client, TokenError, TokenSet};
use stagedoor_protocol::secret::{AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, RefreshToken};
use stagedoor_protocol::zoom_error::zoom_sentence;
use url::Url;

use crate::fault::{Classified, Fault};
use crate::grant::{ANSWER, Grant};
use crate::port::{Http, HttpError};

/// What identifies the app at Zoom, and where Zoom is.
#[derive(Clone, Debug)]
pub struct ZoomApp {
    /// The client id.
    pub client_id: ClientId,
    /// The client secret.
    pub client_secret: ClientSecret,
    /// The redirect URI, registered in the Marketplace.
    pub redirect_uri: Url,
    /// The origin of Zoom's web, normally `https://zoom.us`.
    pub host: Url,
    /// The origin of Zoom's API, normally `https://api.zoom.us`.
    pub api_host: Url,
}

/// Zoom, callable.
#[derive(Clone)]
pub struct Zoom {
    pub(crate) client: Client,
    api: Api,
    http: Arc<dyn Http>,
}

/// Why a call to Zoom gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ZoomError {
    /// No answer.
    #[error("Zoom could not be asked")]
    Http(#[from] HttpError),
    /// The token endpoint refused.
    #[error("no tokens")]
    Token(#[from] TokenError),
    /// The API refused.
    #[error("no answer of the API")]
    Api(#[from] ApiError),
}

impl Zoom {
    /// Builds the view of one app on Zoom.
    pub fn new(app: ZoomApp, http: Arc<dyn Http>) -> Self {
        let ZoomApp { client_id, client_secret, redirect_uri, host, api_host } = app;
        let hosts = DeepLinkHosts::new(host.clone());
        let client = Client { id: client_id, secret: client_secret, redirect_uri, zoom: host };
        Self { client, api: Api { origin: api_host, hosts }, http }
    }

    /// Exchanges an authorization code. Not repeated on failure: a code works once.
    pub async fn exchange(
        &self,
        code: &AuthorizationCode,
        verifier: &CodeVerifier,
        redirect_uri: Option<&Url>,
    ) -> Result<TokenSet, ZoomError> {
        let answer = self.http.send(self.client.code_request(code, verifier, redirect_uri)).await?;
        Ok(oauth::read_tokens(&answer)?)
    }

    /// Sends a refresh token, once. Zoom's work once, so what an error means for it is for the caller to decide.
    pub async fn refresh(&self, token: &RefreshToken) -> Result<TokenSet, ZoomError> {
        let mut request = self.client.refresh_request(token);
        request.extensions_mut().insert(ANSWER);
        Ok(oauth::read_tokens(&self.http.send(request).await?)?)
    }

    /// Where a grant's calls go: to the host that came with its token, or to the configured one. A configured emulator
    /// is never left for Zoom.
    pub fn api_of(&self, grant: &Grant) -> Url {
        let named = grant.api.as_ref().filter(|_| !is_loopback(&self.api.origin));
        named.unwrap_or(&self.api.origin).clone()
    }

    /// Asks who the user of a token is. Asked once more where the connection fails or Zoom has a problem of its own;
    /// not after a timeout, for which the user has waited long enough.
    pub async fn me(&self, token: &AccessToken) -> Result<Profile, ZoomError> {
        let answer = self.send_twice(|| self.api.me_request(token)).await?;
        Ok(Api::read_me(&answer)?)
    }

    /// Asks for a deep link that opens the app with `action`.
    pub async fn deep_link(&self, token: &AccessToken, action: &Action) -> Result<DeepLink, ZoomError> {
        let answer = self.http.send(self.api.deep_link_request(token, action)).await?;
        Ok(self.api.read_deep_link(&answer)?)
    }

    /// Checks a deep link that was stored, as if it came from Zoom now.
    pub(crate) fn accept_link(&self, link: &str) -> Option<DeepLink> {
        self.api.hosts.accept(link)
    }

    /// Revokes a grant at Zoom.
    pub async fn revoke(&self, token: &AccessToken) -> Result<(), ZoomError> {
        let answer = self.http.send(self.client.revoke_request(token)).await?;
        if answer.status().is_success() { Ok(()) } else { Err(ZoomError::Token(refusal(&answer))) }
    }

    async fn send_twice(&self, request: impl Fn() -> Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match self.http.send(request()).await {
            Ok(answer) if !answer.status().is_server_error() => Ok(answer),
            Err(HttpError::Timeout { host }) => Err(HttpError::Timeout { host }),
            _ => self.http.send(request()).await,
        }
    }
}

fn refusal(answer: &Response<Bytes>) -> TokenError {
    oauth::read_tokens(answer).err().unwrap_or(TokenError::Malformed)
}

impl ZoomError {
    /// Whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Http(_)
                | Self::Token(TokenError::RateLimited { .. } | TokenError::Unavailable(_))
                | Self::Api(ApiError::RateLimited | ApiError::Unavailable(_))
        )
    }
}

impl Classified for ZoomError {
    fn fault(&self) -> Fault {
        match self {
            Self::Http(HttpError::Timeout { .. }) => Fault::ZoomSlow,
            Self::Token(TokenError::InvalidGrant(_)) => Fault::Stale,
            Self::Token(TokenError::InvalidClient(_) | TokenError::Refused(_)) | Self::Api(ApiError::Scope) => {
                Fault::Operator
            }
            _ if self.is_busy() => Fault::ZoomBusy,
            _ => Fault::Zoom,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Http(HttpError::Timeout { .. }) => "zoom_timeout",
            Self::Http(HttpError::Connect { .. }) => "zoom_unreachable",
            Self::Http(_) | Self::Token(TokenError::Malformed) | Self::Api(ApiError::Malformed) => "zoom_bad_answer",
            Self::Token(TokenError::InvalidGrant(_)) => "code_refused",
            Self::Token(TokenError::InvalidClient(_)) => "client_refused",
            Self::Token(TokenError::Refused(_)) | Self::Api(ApiError::Refused { .. }) => "zoom_refused",
            Self::Token(TokenError::RateLimited { .. }) | Self::Api(ApiError::RateLimited) => "zoom_rate_limited",
            Self::Token(TokenError::Unavailable(_)) | Self::Api(ApiError::Unavailable(_)) => "zoom_unavailable",
            Self::Api(ApiError::Token) => "token_refused",
            Self::Api(ApiError::Scope) => "scope_missing",
            Self::Api(ApiError::ForeignLink) => "deep_link_refused",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Http(HttpError::Timeout { .. }) => "Zoom did not answer in time.".into(),
            Self::Http(HttpError::Connect { .. }) => "Zoom cannot be reached from here.".into(),
            Self::Token(TokenError::InvalidGrant(None)) => {
                "Zoom does not accept this authorization any more: it works once, for five minutes.".into()
            }
            Self::Token(TokenError::InvalidClient(None)) => {
                "Zoom does not know the client id and secret of this app.".into()
            }
            Self::Token(error) if error.zoom_code().is_some() => format!("{}.", capitalised(&error.to_string())),
            Self::Token(TokenError::Refused(_)) => "Zoom refused to give tokens to this app.".into(),
            Self::Api(ApiError::Scope) => "Zoom did not grant a scope that this app needs.".into(),
            Self::Api(ApiError::Refused { code, .. }) => refused_call(*code),
            Self::Api(ApiError::Token) => "Zoom does not accept the token it has just given.".into(),
            Self::Api(ApiError::ForeignLink) => {
                "Zoom's answer would lead away from Zoom, so it was not followed.".into()
            }
            _ if self.is_busy() => "Zoom is busy or has a problem of its own.".into(),
            _ => "Zoom's answer makes no sense to this app.".into(),
        }
    }

    fn advice(&self) -> &'static str {
        match self.fault() {
            Fault::Stale => "Add the app again.",
            Fault::Operator => "Tell the people who run this app: its Zoom settings need their attention.",
            _ => "Try again in a minute.",
        }
    }
}

impl ZoomError {
    fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Token(TokenError::RateLimited { .. } | TokenError::Unavailable(_))
                | Self::Api(ApiError::RateLimited | ApiError::Unavailable(_))
        )
    }
}

fn refused_call(code: Option<i64>) -> String {
    let sentence = code.and_then(|code| u32::try_from(code).ok()).and_then(zoom_sentence);
    sentence.map_or_else(|| "Zoom refused this call.".into(), |sentence| format!("Zoom refused this call: {sentence}."))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
