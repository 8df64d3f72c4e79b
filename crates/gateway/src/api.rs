//! `/api/…`: Zoom's REST API with the user's token, for pages of the app and for its upstream.
//!
//! A page calls with its session. An upstream calls with the assertion that came along with the request it is answering,
//! sent back in the same header: it needs no secret of its own, and what it can do ends with that minute.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use stagedoor_flows::api::{ApiAllow, ApiRefused, Rule};
use stagedoor_flows::assertion::{AssertionError, Assertions};
use stagedoor_flows::fault::Classified;
use stagedoor_flows::port::HttpError;
use stagedoor_flows::session::Sessions;
use stagedoor_flows::tokens::{Fresh, Tokens, TokensError};
use stagedoor_flows::zoom::ZoomError;
use stagedoor_protocol::api::{ApiError, Refusal};
use stagedoor_protocol::id::ZoomUserId;
use url::Url;

use crate::caller::{Caller, Carrier};
use crate::edge::{Called, at_most_one};
use crate::metrics::{Metrics, Outcome};
use crate::notice::Notice;
use crate::origin::{Origin, cross_site};
use crate::proxy::ASSERTION;
use crate::relay::{Api, Bearer, Relay, Verdict};
use crate::session::required;

/// Zoom's API, and who may call what of it.
pub(crate) struct ZoomApi {
    pub(crate) relay: Arc<Relay>,
    pub(crate) tokens: Tokens,
    pub(crate) allow: ApiAllow,
    pub(crate) callers: Callers,
    /// Where the API lies here: `/zoom/api`.
    pub(crate) place: String,
    pub(crate) metrics: Arc<Metrics>,
}

/// Who calls an API through the gateway: a page by its session, an upstream by an assertion that is sent back.
#[derive(Clone)]
pub(crate) struct Callers {
    pub(crate) sessions: Sessions,
    pub(crate) assertions: Assertions,
    pub(crate) origin: Origin,
}

/// The API as one user may call it.
struct AsUser<'a> {
    api: &'a ZoomApi,
    user: ZoomUserId,
}

/// Makes a call.
pub(crate) async fn call(State(this): State<Arc<ZoomApi>>, request: Request) -> Response {
    let (called, answer) = match this.admit(&request) {
        Ok((rule, user)) => {
            let target = request.uri().path_and_query().map_or("", |target| target.as_str());
            let target = target.strip_prefix(this.place.as_str()).unwrap_or_default().to_owned();
            let api = AsUser { api: &this, user };
            // Boxed, so that the future of every other route is not as large as this one.
            (Some(Called(rule.as_str().into())), Box::pin(this.relay.call(&api, &target, request)).await)
        }
        Err(notice) => (None, Err(notice)),
    };
    this.metrics.called(outcome(&answer));
    let mut response = answer.into_response();
    if let Some(called) = called {
        response.extensions_mut().insert(called);
    }
    response
}

impl ZoomApi {
    /// Who calls, and what allows it: decided on the very path that is forwarded.
    fn admit(&self, request: &Request) -> Result<(&Rule, ZoomUserId), Notice> {
        let user = self.callers.user(request.method(), request.headers())?;
        let path = request.uri().path().strip_prefix(self.place.as_str()).unwrap_or_default();
        let rule = self.allow.check(request.method(), path).map_err(|refused| refusal(&refused))?;
        Ok((rule, user.ok_or(ApiRefused::Guest).map_err(|refused| refusal(&refused))?))
    }
}

impl Callers {
    /// The user of a request, if it is not a guest's. An assertion that is sent back decides alone.
    pub(crate) fn user(&self, method: &Method, headers: &HeaderMap) -> Result<Option<ZoomUserId>, Notice> {
        let assertion = at_most_one(headers, &ASSERTION).map_err(|()| unproven(AssertionError::Foreign))?;
        if let Some(assertion) = assertion {
            // A browser does not send it for another site, because nobody here answers its question whether it may.
            if !self.origin.is_not_foreign(headers) {
                return Err(cross_site());
            }
            return self.assertions.verify(assertion.to_str().unwrap_or_default()).map_err(unproven);
        }
        let caller = Caller::of(&self.sessions, headers).ok_or_else(required)?;
        // The cookie comes along from any site. Also what only reads costs the user calls that Zoom counts.
        let is_ours = match caller.carrier {
            Carrier::Bearer => true,
            Carrier::Cookie if matches!(*method, Method::GET | Method::HEAD) => self.origin.is_not_foreign(headers),
            Carrier::Cookie => self.origin.sent(headers),
        };
        if is_ours { Ok(caller.session.user) } else { Err(cross_site()) }
    }
}

impl Api for AsUser<'_> {
    type Token = Fresh;

    fn user(&self) -> &str {
        self.user.as_str()
    }

    fn place(&self) -> &str {
        &self.api.place
    }

    async fn token(&self) -> Result<Fresh, Notice> {
        self.api.tokens.fresh(&self.user).await.map_err(|error| no_token(&error))
    }

    async fn newer(&self, refused: &Fresh) -> Result<Fresh, Notice> {
        self.api.tokens.renewed_after(&self.user, refused).await.map_err(|error| no_token(&error))
    }

    fn bearer(&self, token: &Fresh) -> Bearer {
        Bearer::new(token.access.expose())
    }

    fn base(&self, token: &Fresh) -> Url {
        token.api.clone()
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Verdict {
        /// Zoom's number for a token that may not do this, from before it named scopes.
        const NOT_AUTHORISED: i64 = 4700;
        match Refusal::read(status, body) {
            Refusal::Token => Verdict::TokenRefused,
            Refusal::Scope(scopes) => Verdict::Say(refusal(&ApiRefused::ScopeMissing(scopes))),
            Refusal::Other(Some(NOT_AUTHORISED)) => Verdict::Say(refusal(&ApiRefused::ScopeMissing(Vec::new()))),
            Refusal::Other(_) => Verdict::Answer,
        }
    }

    fn refused(&self) -> Notice {
        refusal(&ApiRefused::TokenRefused)
    }

    fn unavailable(&self, status: StatusCode) -> Notice {
        Notice::of(&ZoomError::Api(ApiError::Unavailable(status.as_u16())))
    }

    fn failed(&self, error: HttpError) -> Notice {
        Notice::of(&ZoomError::Http(error))
    }
}

fn refusal(refused: &ApiRefused) -> Notice {
    let notice = Notice::of(refused);
    if refused.is_healed_by_install() { notice.offering_install() } else { notice }
}

fn no_token(error: &TokensError) -> Notice {
    let notice = Notice::of(error).after(error.retry_after());
    let is_over = matches!(error, TokensError::NotInstalled | TokensError::NeedsReauth { .. });
    if is_over { notice.offering_install() } else { notice }
}

/// Whoever does not prove who it is gets a 401, as without a session.
fn unproven(error: AssertionError) -> Notice {
    Notice::problem(StatusCode::UNAUTHORIZED, error.code(), error.sentence(), error.advice()).because(&error)
}

fn outcome(answer: &Result<Response, Notice>) -> Outcome {
    match answer {
        Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => Outcome::RateLimited,
        Ok(answer) if answer.status().is_client_error() => Outcome::Refused,
        Ok(_) => Outcome::Answered,
        Err(notice) if notice.status.is_server_error() => Outcome::Failed,
        Err(_) => Outcome::Denied,
    }
}
