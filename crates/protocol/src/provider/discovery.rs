//! What an OpenID provider says of itself: its discovery document (OpenID Connect Discovery 1.0, RFC 8414).

use bytes::Bytes;
use http::header::ACCEPT;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{Endpoints, Issuer};
use crate::json;
use crate::jwt::Algorithm;
use crate::loopback::is_loopback;

/// The largest document that is read, in bytes. Real ones have a few thousand.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Why a discovery document is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Not a 200.
    #[error("the provider has no discovery document at its issuer (status {0})")]
    Status(u16),
    /// Not a JSON object with the members that it must have.
    #[error("the discovery document makes no sense")]
    Malformed,
    /// It is of another issuer (OpenID Connect Discovery section 4.3).
    #[error("the discovery document names another issuer")]
    Issuer,
    /// An endpoint that is not https, or http beyond this machine.
    #[error("the discovery document names an endpoint that is not https")]
    Endpoint,
    /// PKCE with S256 is not among what the provider knows.
    #[error("the provider does not know PKCE with S256")]
    Pkce,
    /// Every algorithm for ID tokens is one that is not trusted.
    #[error("the provider signs ID tokens with no algorithm that is trusted")]
    Algorithms,
}

/// The request for the discovery document of an issuer.
pub fn discovery_request(issuer: &str) -> Option<Request<Bytes>> {
    let url = Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).ok()?;
    let request = Request::get(url.as_str()).header(ACCEPT, "application/json").body(Bytes::new());
    is_endpoint(&url, is_loopback(&url)).then(|| request.expect("a URL and fixed headers make a request"))
}

/// Reads the discovery document of `issuer`.
pub fn read_discovery(answer: &Response<Bytes>, issuer: &str) -> Result<Endpoints, DiscoveryError> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        authorization_endpoint: String,
        token_endpoint: String,
        revocation_endpoint: Option<String>,
        jwks_uri: Option<String>,
        id_token_signing_alg_values_supported: Option<Vec<String>>,
        code_challenge_methods_supported: Option<Vec<String>>,
        #[serde(default)]
        authorization_response_iss_parameter_supported: bool,
    }
    if answer.status() != StatusCode::OK {
        return Err(DiscoveryError::Status(answer.status().as_u16()));
    }
    if answer.body().len() > MAX_DOCUMENT {
        return Err(DiscoveryError::Malformed);
    }
    let document: Document = json::read(answer.body()).map_err(|_| DiscoveryError::Malformed)?;
    if document.issuer != issuer {
        return Err(DiscoveryError::Issuer);
    }
    // Providers that know PKCE and do not say so are many; one that says that it knows only `plain` is believed.
    if document.code_challenge_methods_supported.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(DiscoveryError::Pkce);
    }
    let is_here = Url::parse(issuer).is_ok_and(|issuer| is_loopback(&issuer));
    let endpoint =
        |text: String| Url::parse(&text).ok().filter(|url| is_endpoint(url, is_here)).ok_or(DiscoveryError::Endpoint);
    Ok(Endpoints {
        issuer: Some(Issuer {
            identifier: document.issuer,
            is_always_named: document.authorization_response_iss_parameter_supported,
        }),
        authorize: endpoint(document.authorization_endpoint)?,
        token: endpoint(document.token_endpoint)?,
        revoke: document.revocation_endpoint.map(endpoint).transpose()?,
        jwks: document.jwks_uri.map(endpoint).transpose()?,
        algorithms: trusted(document.id_token_signing_alg_values_supported.as_deref())?,
    })
}

/// Every OpenID provider signs with RS256, whether it says so or not (OpenID Connect Core section 15.1).
fn trusted(named: Option<&[String]>) -> Result<Vec<Algorithm>, DiscoveryError> {
    let Some(named) = named else { return Ok(vec![Algorithm::RS256]) };
    let trusted: Vec<_> = named.iter().filter_map(|name| Algorithm::parse(name)).collect();
    if trusted.is_empty() { Err(DiscoveryError::Algorithms) } else { Ok(trusted) }
}

/// An endpoint is https, or http where the issuer is on this machine too; it has neither a fragment (RFC 6749 section
/// 3.1) nor credentials.
fn is_endpoint(url: &Url, is_here: bool) -> bool {
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here && is_loopback(url));
    is_safe && url.has_host() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
}
