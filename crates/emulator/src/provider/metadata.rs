//! What the provider says of itself: its discovery document and its keys.

use http::StatusCode;
use serde_json::json;

use super::{Ploy, at, instead, issuer, ploy};
use crate::platform::Platform;
use crate::world::docs::OPENID;
use crate::world::journal::{Lane, Note};
use crate::zoom::{Answer, Call};

pub(super) fn discovery(platform: &Platform, _: &Call) -> Answer {
    let mut world = platform.world();
    let flow = world.journal.provider_calls(platform.now());
    let note = Note::new(flow, (Lane::Backend, Lane::Provider), "Where are your endpoints?", OPENID)
        .says("Your backend reads the provider's discovery document, and keeps it for a while.");
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    let lies = ploy(&mut world, |ploy| ploy == Ploy::MetadataIssuer).is_some();
    let issuer = if lies { "https://evil.example" } else { issuer(platform) };
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": at(platform, "/authorize"),
        "token_endpoint": at(platform, "/token"),
        "userinfo_endpoint": at(platform, "/userinfo"),
        "jwks_uri": at(platform, "/jwks"),
        "revocation_endpoint": at(platform, "/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": super::authorize::SCOPES,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    Answer::json(StatusCode::OK, &document, note)
}

pub(super) fn keys(platform: &Platform, _: &Call) -> Answer {
    let mut world = platform.world();
    let flow = world.journal.provider_calls(platform.now());
    let note = Note::new(flow, (Lane::Backend, Lane::Provider), "Which keys do you sign with?", OPENID)
        .says("Your backend reads the keys with which it checks ID tokens, and keeps them for a while.");
    if let Some(answer) = instead(&mut world, &note) {
        return answer;
    }
    Answer::json(StatusCode::OK, &json!({"keys": [world.provider.key.jwk()]}), note)
}
