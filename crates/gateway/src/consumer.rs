//! `/consumer-auth`: who the visitor of a website is, for the chat of Contact Center and Virtual Agent on its pages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get};
use http::HeaderMap;
use serde::Serialize;
use stagedoor_flows::consumer::{Consumer, ConsumerError, Unidentified, Visitor};

use crate::cookie;
use crate::cors::{Cors, Credentials, Sender, origin_not_allowed};
use crate::headers::NO_STORE;
use crate::notice::Notice;

/// The flow, and who may ask.
struct Asked {
    consumer: Consumer,
    cors: Cors,
}

/// Zoom's two documents name the member differently.
#[derive(Serialize)]
struct TokenJson<'a> {
    #[serde(rename = "loginUserIdJwt")]
    login_user_id_jwt: &'a str,
    token: &'a str,
}

/// The route.
pub(crate) fn route(consumer: Consumer, config: &crate::Config) -> MethodRouter {
    let origins: Vec<_> = config.consumer_origins.iter().map(|url| url.origin().ascii_serialization()).collect();
    let cors = Cors::new(origins.iter().map(String::as_str), &config.public_url, "GET", Credentials::Allow);
    let refused = async |State(asked): State<Arc<Asked>>, headers: HeaderMap| asked.cors.refuse_method(&headers);
    get(issue)
        .options(async |State(asked): State<Arc<Asked>>, headers: HeaderMap| asked.cors.preflight(&headers))
        .on(MethodFilter::HEAD, refused)
        .fallback(refused)
        .with_state(Arc::new(Asked { consumer, cors }))
}

async fn issue(State(asked): State<Arc<Asked>>, headers: HeaderMap) -> Response {
    let Asked { consumer, cors } = &*asked;
    let sender = cors.sender(&headers);
    if sender == Sender::Foreign {
        return cors.mark(sender, origin_not_allowed());
    }
    match consumer.issue(&Visitor::new(cookie::theirs(&headers))).await {
        Ok(token) => {
            let token = token.expose();
            cors.mark(sender, (NO_STORE, Json(TokenJson { login_user_id_jwt: token, token })))
        }
        Err(error) => cors.mark(sender, nobody(&error)),
    }
}

/// Visitors who are not signed in come every day, so nothing is logged of them but the access.
fn nobody(error: &ConsumerError) -> Notice {
    match error {
        ConsumerError::Unidentified(Unidentified::Nobody) => Notice::of(error).without_cause(),
        _ => Notice::of(error),
    }
}
