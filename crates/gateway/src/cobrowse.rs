//! `/cobrowse/token`: tokens for customers, agents and servers.

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use stagedoor_flows::assertion::Assertions;
use stagedoor_flows::cobrowse::{ApiKey, Asker, Cobrowse, CobrowseError, Issued, Receipt};
use stagedoor_flows::session::Sessions;
use stagedoor_protocol::cobrowse::MAX_REQUEST;
use stagedoor_protocol::id::ZoomUserId;

use crate::caller::{Caller, Carrier, bearer};
use crate::config::Network;
use crate::cors::{Cors, Credentials, Sender};
use crate::edge::{Arrival, RequestId, at_most_one};
use crate::headers::{NO_STORE, private_json};
use crate::notice::Notice;
use crate::origin::Origin;
use crate::proxy::{ASSERTION, client_address};
use crate::{Config, ZoomFlows, body};

/// The flow, and what says who asks.
pub(crate) struct CobrowseTokens {
    cobrowse: Cobrowse,
    cors: Cors,
    own: Origin,
    trusted: Vec<Network>,
    zoom: Option<Zoom>,
}

/// Who a Zoom user is, where there is a Zoom App.
pub(crate) struct Zoom {
    sessions: Sessions,
    assertions: Assertions,
}

impl Zoom {
    pub(crate) fn of(flows: &ZoomFlows) -> Self {
        Self { sessions: flows.sessions.clone(), assertions: flows.assertions.clone() }
    }
}

/// Whether a request is one that Zoom's sample answers at the root, and not the app's.
pub(crate) fn is_of_the_sample(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let asks_for_post = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).is_some_and(|asked| asked == "POST");
    path == "/" && (method == Method::POST || (method == Method::OPTIONS && asks_for_post))
}

impl CobrowseTokens {
    pub(crate) fn new(cobrowse: Cobrowse, zoom: Option<Zoom>, config: &Config) -> Self {
        let origins = cobrowse.origins().iter().map(String::as_str);
        let cors = Cors::new(origins, &config.public_url, "POST", Credentials::Omit);
        let own = Origin::new(&config.public_url);
        Self { cobrowse, cors, own, trusted: config.trusted_proxies.clone(), zoom }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request, arrival: &Arrival) -> Response {
        let (Parts { method, headers, .. }, body) = request.into_parts();
        match method {
            Method::POST => {
                let sender = self.cors.sender(&headers);
                self.cors.mark(sender, self.issue(arrival, sender, &headers, body).await)
            }
            Method::OPTIONS => self.cors.preflight(&headers),
            _ => self.cors.refuse_method(&headers),
        }
    }

    async fn issue(
        &self,
        arrival: &Arrival,
        sender: Sender<'_>,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Notice> {
        let body = body::json(headers, body, MAX_REQUEST).await?;
        let proof = self.proof(headers)?;
        let asker = Asker {
            api_key: proof.api_key.as_ref(),
            user: proof.user.as_ref(),
            origin: origin(sender, headers),
            address: client_address(&self.trusted, arrival.peer, headers),
        };
        match self.cobrowse.issue(asker, &body) {
            Ok(Issued { token, receipt }) => {
                write_down(&receipt, arrival.id);
                // By hand: a token has nothing to escape, and looking for it takes longer than signing it.
                Ok(private_json([r#"{"token":""#, token.expose(), r#""}"#].concat()))
            }
            Err(error) => Ok(refuse(&error)),
        }
    }

    /// What says who asks. A cookie comes along from any site, so it counts only on a request of our own pages; a bearer
    /// or an assertion is sent on purpose, and where it is wrong, nothing else is looked at.
    fn proof(&self, headers: &HeaderMap) -> Result<Proof, Notice> {
        if let Some(zoom) = &self.zoom {
            if headers.contains_key(ASSERTION) {
                let assertion = at_most_one(headers, &ASSERTION).ok().flatten().and_then(|value| value.to_str().ok());
                let user = zoom.assertions.verify(assertion.unwrap_or_default()).map_err(|error| Notice::of(&error))?;
                return Ok(Proof { api_key: None, user });
            }
            if let Some(Caller { session, carrier }) = Caller::of(&zoom.sessions, headers)
                && (carrier == Carrier::Bearer
                    || (self.own.sent(headers) && !headers.contains_key(header::AUTHORIZATION)))
            {
                return Ok(Proof { api_key: None, user: session.user });
            }
        }
        let is_sent = headers.contains_key(header::AUTHORIZATION);
        let api_key = is_sent.then(|| ApiKey::new(bearer(headers).unwrap_or_default()));
        Ok(Proof { api_key, user: None })
    }
}

struct Proof {
    api_key: Option<ApiKey>,
    user: Option<ZoomUserId>,
}

/// The origin of the page, as the flow compares it with its list. Two are as good as a foreign one. A page of the app
/// has none: what it may have, its session says.
fn origin<'a>(sender: Sender<'_>, headers: &'a HeaderMap) -> Option<&'a str> {
    match sender {
        Sender::Silent | Sender::Own => None,
        Sender::Listed(_) | Sender::Foreign => at_most_one(headers, &header::ORIGIN)
            .map_or(Some(""), |origin| origin.map(|origin| origin.to_str().unwrap_or_default())),
    }
}

/// Mistakes in a request are named in the shape of Zoom's sample, everything else is a problem.
fn refuse(error: &CobrowseError) -> Response {
    match error {
        CobrowseError::Invalid(invalid) => (StatusCode::BAD_REQUEST, NO_STORE, Json(invalid)).into_response(),
        CobrowseError::TooMany { wait } => {
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            ([(header::RETRY_AFTER, seconds)], Notice::of(error)).into_response()
        }
        CobrowseError::Unknown => {
            ([(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))], Notice::of(error)).into_response()
        }
        CobrowseError::Origin | CobrowseError::NotAnAgent | CobrowseError::Role => Notice::of(error).into_response(),
    }
}

/// The audit line of a token. The token is not in it.
fn write_down(receipt: &Receipt, request: RequestId) {
    tracing::info!(
        target: "audit",
        request = request.as_str(),
        caller = receipt.caller,
        role = receipt.role.number(),
        user_id = receipt.user_id.as_str(),
        expires = receipt.expires.0,
        "cobrowse token issued"
    );
}
