//! A small third-party provider, so that an app that connects to one needs none: strict OpenID Connect (S256 only,
//! rotating refresh tokens, `iss` in responses), a consent page, a small API, and faults. It is no part of Zoom; it comes
//! along so that the thirteen steps can be seen without an account anywhere.

mod api;
mod authorize;
mod consent;
mod metadata;
mod refusal;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::StatusCode;
use url::Url;

use crate::fault::{Effect, Endpoint, Twist};
use crate::guard::{Names, only_ours};
use crate::platform::Platform;
use crate::world::World;
use crate::world::journal::Note;
use crate::zoom::{self, Answer, Side, site};

/// What the provider does differently from what is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ploy {
    /// Metadata of another issuer.
    MetadataIssuer,
    /// A code of so many characters.
    Code(usize),
    /// A response that names another issuer, or none.
    ResponseIssuer(Option<&'static str>),
    /// A refusal with a script in its description.
    ScriptedRefusal,
    /// An ID token that is not to be believed.
    IdToken(Forgery),
    /// A token answer of more than a mebibyte.
    Oversized,
}

/// What is wrong with an ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Issuer,
    Audience,
    Nonce,
    AlgNone,
    Expired,
    OtherKey,
}

/// The listener of the provider.
pub(crate) fn router(platform: &Arc<Platform>) -> Router {
    let names = Names::of(&platform.addresses.provider);
    let on = |endpoint: zoom::Answers| {
        move |State(platform): State<Arc<Platform>>, request: Request| {
            zoom::serve(platform, Side::Provider, endpoint, request)
        }
    };
    Router::new()
        .route("/.well-known/openid-configuration", get(on(metadata::discovery)))
        .route("/jwks", get(on(metadata::keys)))
        .route("/authorize", get(on(authorize::authorize)))
        .route("/consent", post(on(consent::consent)))
        .route("/token", post(on(token::token)))
        .route("/revoke", post(on(token::revoke)))
        .route("/userinfo", get(on(api::userinfo)))
        .route("/api/{*call}", any(on(api::notes)))
        .route("/assets/{file}", get(asset))
        .fallback(async || (StatusCode::NOT_FOUND, "The provider has no such page."))
        .with_state(Arc::clone(platform))
        .layer(from_fn_with_state(names, only_ours))
}

/// The styles of its page.
async fn asset(State(platform): State<Arc<Platform>>, Path(file): Path<String>) -> Response {
    let mut response = site::find(&file).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    platform.page_policy.apply(response.headers_mut());
    response
}

/// The provider's issuer identifier, which is its origin.
fn issuer(platform: &Platform) -> &str {
    &platform.addresses.provider
}

/// An endpoint's address.
fn at(platform: &Platform, path: &str) -> String {
    format!("{}{path}", issuer(platform))
}

/// Where the browser goes back to, with what is said there and by whom (RFC 9207).
fn back(redirect_uri: &Url, pairs: &[(&str, &str)], issuer: Option<&str>) -> Url {
    let mut url = redirect_uri.clone();
    url.query_pairs_mut().extend_pairs(pairs).extend_pairs(issuer.map(|issuer| ("iss", issuer)));
    url
}

/// The ploy that is on, if it is one of these; it counts as one time.
fn ploy(world: &mut World, is_meant: impl Fn(Ploy) -> bool) -> Option<Ploy> {
    let meant = |effect| matches!(effect, Effect::Twisted(Twist::Provider(ploy)) if is_meant(ploy));
    match world.faults.strike_when(Endpoint::Provider, meant)?.twist() {
        Some(Twist::Provider(ploy)) => Some(ploy),
        _ => None,
    }
}

/// What a fault answers instead of anything: the provider is down or does not answer.
fn instead(world: &mut World, note: &Note) -> Option<Answer> {
    let fault = world.faults.strike_when(Endpoint::Provider, |effect| !matches!(effect, Effect::Twisted(_)))?;
    Answer::instead(fault, note)
}
