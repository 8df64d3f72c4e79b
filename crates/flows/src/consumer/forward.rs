//! Asks the site itself: a GET of its own "who am I", with the visitor's cookies.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::Value;
use stagedoor_protocol::json::UniqueObject;
use url::Url;

use super::identity::{Identify, Identity, Unidentified, Visitor};
use crate::port::{Clock, Http};
use crate::shared::SharedCalls;

/// The most that is passed on of a visitor's cookies, in bytes. Servers take 8 KiB or more of headers.
const MAX_COOKIES: usize = 8 * 1024;

/// How the site is asked.
#[derive(Clone, Debug)]
pub struct ForwardTerms {
    /// What answers 200 with a JSON object to whoever is signed in, and something else to everybody else.
    pub url: Url,
    /// The cookies that are passed on; `None` for all of them.
    pub cookies: Option<Vec<String>>,
    /// For how long an answer may be given again to the same cookies, in seconds. A sign-out takes as long to show.
    pub cache_seconds: u32,
}

/// Asks the site who a visitor is.
pub struct Forward {
    http: Arc<dyn Http>,
    terms: ForwardTerms,
    calls: SharedCalls<[u8; 32], Result<Arc<Identity>, Unidentified>>,
}

/// What the site answered is not an answer.
#[derive(Debug, thiserror::Error)]
enum NotAnAnswer {
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("its answer is not a JSON object with unique members")]
    Content,
    #[error("the cookies are too long to be passed on")]
    Cookies,
}

impl Forward {
    /// Builds the source. `http` keeps the time and the size of an answer small, and follows no redirect.
    pub fn new(http: Arc<dyn Http>, clock: Arc<dyn Clock>, terms: ForwardTerms) -> Self {
        Self { calls: SharedCalls::new(clock, terms.cache_seconds), http, terms }
    }

    /// The `Cookie` field for the site; `None` where the visitor brings none of its cookies.
    fn cookie(&self, visitor: &Visitor<'_>) -> Result<Option<HeaderValue>, Unidentified> {
        let is_named = |name: &str| self.terms.cookies.as_ref().is_none_or(|names| names.iter().any(|own| own == name));
        let pairs = visitor.cookies().filter(|(name, _)| is_named(name));
        let field = pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        if field.is_empty() {
            return Ok(None);
        }
        let value = HeaderValue::from_str(&field).ok().filter(|_| field.len() <= MAX_COOKIES);
        let mut value = value.ok_or_else(|| Unidentified::unclear(NotAnAnswer::Cookies))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[async_trait::async_trait]
impl Identify for Forward {
    /// Whoever brings no cookie of the site is nobody, and the site is not asked.
    async fn identify(&self, visitor: &Visitor<'_>) -> Result<Identity, Unidentified> {
        let Some(cookie) = self.cookie(visitor)? else { return Err(Unidentified::Nobody) };
        let mut hash = Context::new(&SHA256);
        hash.update(cookie.as_bytes());
        let key = hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        let (http, url) = (Arc::clone(&self.http), self.terms.url.clone());
        let identity = self.calls.ask(key, || ask(http, url, cookie), Result::is_ok).await?;
        Ok(Identity::clone(&identity))
    }
}

/// Nothing of the visitor's request goes along but the cookies.
async fn ask(http: Arc<dyn Http>, url: Url, cookie: HeaderValue) -> Result<Arc<Identity>, Unidentified> {
    let request = Request::get(url.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::COOKIE, cookie)
        .body(Bytes::new())
        .map_err(Unidentified::unclear)?;
    let answer = http.send(request).await.map_err(Unidentified::unclear)?;
    read(&answer).map(Arc::new)
}

fn read(answer: &Response<Bytes>) -> Result<Identity, Unidentified> {
    match answer.status() {
        StatusCode::OK => match serde_json::from_slice(answer.body()) {
            Ok(UniqueObject(Value::Object(fields))) => Ok(Identity { fields, expires: None }),
            _ => Err(Unidentified::unclear(NotAnAnswer::Content)),
        },
        // How sites say it: a refusal, nothing, or the way to the sign-in page.
        status if status.is_redirection() => Err(Unidentified::Nobody),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NO_CONTENT => Err(Unidentified::Nobody),
        status => Err(Unidentified::unclear(NotAnAnswer::Status(status))),
    }
}
