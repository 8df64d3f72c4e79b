//! `/consumer-auth`: who the visitor of a website is, for the chat of Contact Center and Virtual Agent on its pages.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method};
use stagedoor_flows::consumer::{Consumer, ConsumerError, Unidentified, Visitor};

use crate::Config;
use crate::cookie;
use crate::cors::{Cors, Credentials, Sender, origin_not_allowed};
use crate::headers::private_json;
use crate::notice::Notice;

/// The flow, and who may ask.
pub(crate) struct ConsumerTokens {
    consumer: Consumer,
    cors: Cors,
}

impl ConsumerTokens {
    pub(crate) fn new(consumer: Consumer, config: &Config) -> Self {
        let origins: Vec<_> = config.consumer_origins.iter().map(|url| url.origin().ascii_serialization()).collect();
        let cors = Cors::new(origins.iter().map(String::as_str), &config.public_url, "GET", Credentials::Allow);
        Self { consumer, cors }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        let (request, _) = request.into_parts();
        match request.method {
            Method::GET => self.issue(&request.headers).await,
            Method::OPTIONS => self.cors.preflight(&request.headers),
            _ => self.cors.refuse_method(&request.headers),
        }
    }

    async fn issue(&self, headers: &HeaderMap) -> Response {
        let sender = self.cors.sender(headers);
        if sender == Sender::Foreign {
            return self.cors.mark(sender, origin_not_allowed());
        }
        match self.consumer.issue(&Visitor::new(cookie::theirs(headers))).await {
            Ok(token) => self.cors.mark(sender, private_json(json(token.expose()))),
            Err(error) => self.cors.mark(sender, nobody(&error)),
        }
    }
}

/// Zoom's two documents name the member differently. By hand: a token has nothing to escape, and looking for it takes
/// longer than everything else here but the signature.
fn json(token: &str) -> String {
    [r#"{"loginUserIdJwt":""#, token, r#"","token":""#, token, r#""}"#].concat()
}

/// Visitors who are not signed in come every day, so nothing is logged of them but the access.
fn nobody(error: &ConsumerError) -> Notice {
    match error {
        ConsumerError::Unidentified(Unidentified::Nobody) => Notice::of(error).without_cause(),
        _ => Notice::of(error),
    }
}
