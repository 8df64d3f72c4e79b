use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stagedoor_protocol::secret::ClientSecret;

use super::call::{Call, Params};
use crate::platform::Platform;

/// Whether the app proves who it is: with HTTP Basic, or with `client_id` and `client_secret` as parameters
/// (RFC 6749 section 2.3.1). If both are there, Basic counts.
pub(super) fn is_app(platform: &Platform, call: &Call, params: &Params) -> bool {
    let is = |id: &str, secret: &str| {
        id == platform.config.client_id.as_str() && ClientSecret::new(secret) == platform.config.client_secret
    };
    if call.headers.contains_key(http::header::AUTHORIZATION) {
        let decoded = call.authorization("Basic").and_then(|value| STANDARD.decode(value).ok());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        return text.as_deref().and_then(|text| text.split_once(':')).is_some_and(|(id, secret)| is(id, secret));
    }
    params.get("client_id").zip(params.get("client_secret")).is_some_and(|(id, secret)| is(id, secret))
}
