//! `/connect/{provider}/api/…`: the provider's API with the user's token, by the same way as Zoom's.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode};
use stagedoor_flows::connect::{Connect, ConnectError, Connection, Provider, ProviderError};
use stagedoor_flows::fault::Fault;
use stagedoor_flows::grant::RefreshError;
use stagedoor_flows::port::HttpError;
use stagedoor_flows::tokens::TokensError;
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::provider::TokenError;
use url::Url;

use super::refusal;
use crate::api::Callers;
use crate::notice::Notice;
use crate::relay::{Api, Bearer, Relay, Verdict};

/// The APIs of providers, and who may call them.
pub(crate) struct ProviderApis {
    pub(crate) relay: Arc<Relay>,
    pub(crate) connect: Connect,
    pub(crate) callers: Callers,
    /// Where the providers lie here: `/zoom/connect`.
    pub(crate) place: String,
}

/// The API of one provider, as one user may call it.
struct AsUser<'a> {
    connect: &'a Connect,
    provider: &'a Provider,
    base: &'a Url,
    user: ZoomUserId,
    /// Whose calls are counted together.
    share: String,
    place: String,
}

/// Headers that providers' APIs are known to take, besides the usual ones.
static HEADERS: [HeaderName; 1] = [HeaderName::from_static("x-github-api-version")];

/// Makes a call.
pub(crate) async fn call(
    State(this): State<Arc<ProviderApis>>,
    Path((provider, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (api, target) = match this.admit(&provider, &request) {
        Ok(admitted) => admitted,
        Err(notice) => return notice.into_response(),
    };
    // Boxed, so that the future of every other route is not as large as this one.
    Box::pin(this.relay.call(&api, &target, request)).await.into_response()
}

impl ProviderApis {
    /// Who calls which API, and what of it: the very bytes behind its place, of which nothing is decoded.
    fn admit(&self, provider: &str, request: &Request) -> Result<(AsUser<'_>, String), Notice> {
        let user = self.callers.user(request.method(), request.headers())?;
        let known = self.connect.providers().find(|known| known.name.as_str() == provider);
        let provider = known.ok_or_else(|| refusal(&ConnectError::UnknownProvider))?;
        let base = provider.api.as_ref().ok_or_else(no_api)?;
        let user = user.ok_or_else(not_connected)?;
        let place = format!("{}/{}/api", self.place, provider.name);
        let target = request.uri().path_and_query().and_then(|target| target.as_str().strip_prefix(place.as_str()));
        // The name of a provider needs no escapes.
        let target = target.ok_or_else(|| refusal(&ConnectError::UnknownProvider))?.to_owned();
        let share = format!("{user} {}", provider.name);
        Ok((AsUser { connect: &self.connect, provider, base, user, share, place }, target))
    }
}

impl Api for AsUser<'_> {
    type Token = Arc<Connection>;

    fn user(&self) -> &str {
        &self.share
    }

    fn place(&self) -> &str {
        &self.place
    }

    fn headers(&self) -> &[HeaderName] {
        &HEADERS
    }

    async fn token(&self) -> Result<Arc<Connection>, Notice> {
        self.connect.fresh(&self.user, &self.provider.name).await.map_err(no_token)
    }

    async fn newer(&self, refused: &Arc<Connection>) -> Result<Arc<Connection>, Notice> {
        let renewed = self.connect.renewed_after(&self.user, &self.provider.name, &refused.grant.access);
        renewed.await.map_err(no_token)
    }

    fn bearer(&self, token: &Arc<Connection>) -> Bearer {
        Bearer::new(token.grant.access.expose())
    }

    fn base(&self, _: &Arc<Connection>) -> Url {
        self.base.clone()
    }

    fn judge(&self, status: StatusCode, _: &[u8]) -> Verdict {
        if status == StatusCode::UNAUTHORIZED { Verdict::TokenRefused } else { Verdict::Answer }
    }

    fn refused(&self) -> Notice {
        let sentence = "The service does not accept the token that it gave for this user.";
        Notice::problem(StatusCode::BAD_GATEWAY, "provider_token_refused", sentence, "Connect again.")
    }

    fn unavailable(&self, status: StatusCode) -> Notice {
        Notice::of(&ProviderError::Token(TokenError::Unavailable(status.as_u16())))
    }

    fn failed(&self, error: HttpError) -> Notice {
        Notice::of(&ProviderError::Http(error))
    }
}

fn no_api() -> Notice {
    let sentence = "Calls of this service are not made here.";
    let advice = "Whoever runs the app can set `api` of this provider.";
    Notice::problem(StatusCode::NOT_FOUND, "api_not_allowed", sentence, advice)
}

fn not_connected() -> Notice {
    let sentence = "This user has not connected this service.";
    Notice::problem(StatusCode::CONFLICT, "not_connected", sentence, "Connect it first.")
}

fn no_token(error: RefreshError) -> Notice {
    match error {
        RefreshError::Absent => not_connected(),
        RefreshError::NeedsReauth { .. } => {
            let sentence = "The service does not honour this user's permission any more.";
            Notice::problem(StatusCode::CONFLICT, "needs_reauthorization", sentence, "Connect it again.")
        }
        RefreshError::Issuer { cause, retry_after } => {
            let wrong = cause.get();
            let status = match wrong.fault() {
                Fault::ZoomSlow => StatusCode::GATEWAY_TIMEOUT,
                Fault::ZoomBusy => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_GATEWAY,
            };
            Notice::problem(status, wrong.code(), wrong.sentence(), wrong.advice())
                .because(&cause)
                .after(Some(retry_after))
        }
        error => {
            let error = TokensError::from(error);
            Notice::of(&error).after(error.retry_after())
        }
    }
}
