//! What a provider's token and revocation endpoints answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::json::UniqueObject;
use crate::secret::{AccessToken, IdToken, RefreshToken};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest token that is believed, in bytes: a header carries no more.
const MAX_TOKEN: usize = 8 * 1024;

/// The longest ID token that is believed, in bytes.
const MAX_ID_TOKEN: usize = 16 * 1024;

/// The longest life of an access token that is believed, in seconds: ten years.
const MAX_LIFE: u64 = 315_360_000;

/// The longest wait that is believed, in seconds.
const MAX_WAIT: u64 = 86_400;

/// What a token endpoint gives (RFC 6749 section 5.1).
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// For calls to the provider's API.
    pub access: AccessToken,
    /// For the next refresh; absent where the provider gives none, or keeps the old one alive.
    pub refresh: Option<RefreshToken>,
    /// How long the access token lives, counted from the answer; absent where the provider does not say.
    pub expires_in: Option<Duration>,
    /// The granted scopes; absent where they are those that were asked for.
    pub scopes: Option<Vec<String>>,
    /// Who the user is, to be checked.
    pub id_token: Option<IdToken>,
}

/// Why there are no tokens. Each variant says who has to do what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// `invalid_grant`: the code or refresh token is unknown, used, expired or revoked.
    #[error("the provider does not accept this code or refresh token any more")]
    InvalidGrant,
    /// `invalid_client`: the provider does not know client id and secret.
    #[error("the provider does not know this client")]
    InvalidClient,
    /// Any other refusal.
    #[error("the provider refused the request (status {0})")]
    Refused(u16),
    /// 429: too many requests.
    #[error("the provider asks for fewer requests")]
    RateLimited {
        /// How long it asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    #[error("the provider has a problem of its own (status {0})")]
    Unavailable(u16),
    /// Neither a success nor a refusal, or one that lacks or bends something.
    #[error("the provider's answer makes no sense")]
    Malformed,
}

/// Reads an answer of the token endpoint.
pub fn read_tokens(answer: &Response<Bytes>) -> Result<TokenSet, TokenError> {
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(failure(answer));
    }
    let members = members(answer).ok_or(TokenError::Malformed)?;
    // GitHub refuses with a 200.
    if let Some(error) = members.get("error") {
        return Err(error.as_str().map_or(TokenError::Malformed, |error| refusal(error, status)));
    }
    read_success(&members)
}

/// Reads an answer of the revocation endpoint. A token that the provider does not know is revoked (RFC 7009 section 2.2).
pub fn read_revocation(answer: &Response<Bytes>) -> Result<(), TokenError> {
    if answer.status().is_success() { Ok(()) } else { Err(failure(answer)) }
}

fn failure(answer: &Response<Bytes>) -> TokenError {
    let status = answer.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return TokenError::RateLimited { retry_after: retry_after(answer) };
    }
    if status.is_server_error() {
        return TokenError::Unavailable(status.as_u16());
    }
    if !status.is_client_error() {
        return TokenError::Malformed;
    }
    let members = members(answer);
    let error = members.as_ref().and_then(|members| members.get("error")).and_then(Value::as_str);
    error.map_or(TokenError::Malformed, |error| refusal(error, status))
}

/// Only the code of a refusal counts (RFC 6749 section 5.2); its description goes nowhere.
fn refusal(error: &str, status: StatusCode) -> TokenError {
    match error {
        // The latter two are GitHub's words for it.
        "invalid_grant" | "bad_verification_code" | "bad_refresh_token" => TokenError::InvalidGrant,
        "invalid_client" | "incorrect_client_credentials" => TokenError::InvalidClient,
        _ => TokenError::Refused(status.as_u16()),
    }
}

/// The members of an answer: of a JSON object, or of a form, which GitHub prefers. None of them comes twice.
fn members(answer: &Response<Bytes>) -> Option<Map<String, Value>> {
    if answer.body().len() > MAX_ANSWER {
        return None;
    }
    if !is_form(answer) {
        return match serde_json::from_slice(answer.body()).ok()? {
            UniqueObject(Value::Object(members)) => Some(members),
            UniqueObject(_) => None,
        };
    }
    let mut members = Map::new();
    for (name, value) in url::form_urlencoded::parse(answer.body()) {
        let value = if name == "expires_in" { digits(&value)?.into() } else { value.into_owned().into() };
        if members.insert(name.into_owned(), value).is_some() {
            return None;
        }
    }
    Some(members)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_form(answer: &Response<Bytes>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn read_success(members: &Map<String, Value>) -> Result<TokenSet, TokenError> {
    let kind = text(members, "token_type")?.ok_or(TokenError::Malformed)?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Malformed);
    }
    let token = |name, longest| text(members, name)?.map(|text| graphic(text, longest)).transpose();
    Ok(TokenSet {
        access: token("access_token", MAX_TOKEN)?.map(AccessToken::new).ok_or(TokenError::Malformed)?,
        refresh: token("refresh_token", MAX_TOKEN)?.map(RefreshToken::new),
        expires_in: life(members.get("expires_in"))?,
        scopes: text(members, "scope")?.map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect()),
        id_token: token("id_token", MAX_ID_TOKEN)?.map(IdToken::new),
    })
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, TokenError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Malformed),
    }
}

/// Tokens are visible ASCII; nothing else fits into a header.
fn graphic(text: &str, longest: usize) -> Result<String, TokenError> {
    let is_token = (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token { Ok(text.to_owned()) } else { Err(TokenError::Malformed) }
}

fn life(value: Option<&Value>) -> Result<Option<Duration>, TokenError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let seconds = value.as_u64().filter(|seconds| (1..=MAX_LIFE).contains(seconds));
            seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or(TokenError::Malformed)
        }
    }
}

fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    digits(value).filter(|seconds| *seconds <= MAX_WAIT).map(Duration::from_secs)
}
