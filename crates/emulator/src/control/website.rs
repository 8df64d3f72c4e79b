//! What Zoom's admin page and the website's own pages are told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::error::ControlError;
use super::json::Body;
use super::settings::{change, check_text};
use crate::jwt::consumer::PublicKey;
use crate::platform::Platform;
use crate::server::is_plain_http;
use crate::world::website::{Rule, Way};

/// The longest table of variables.
const MAX_RULES: usize = 50;

/// What shall be different; what is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    auth_endpoint: Option<String>,
    /// PEM; an empty text takes the key away.
    public_key: Option<String>,
    variables: Option<Vec<Rule>>,
    way: Option<Way>,
}

pub(super) async fn change_settings(
    State(platform): State<Arc<Platform>>,
    Body(wanted): Body<Change>,
) -> Result<Json<Value>, ControlError> {
    let endpoint = wanted.auth_endpoint.map(|text| {
        let url = Url::parse(&text).ok().filter(is_plain_http);
        url.ok_or_else(|| ControlError::bad("The authentication endpoint must be an http:// address."))
    });
    let endpoint = endpoint.transpose()?;
    let read = |pem: &str| (!pem.trim().is_empty()).then(|| PublicKey::from_pem(pem)).transpose();
    let key = wanted.public_key.as_deref().map(read).transpose();
    let key = key.map_err(|wrong| ControlError::bad(format!("This is no public key. {wrong}")))?;
    let rules = wanted.variables;
    if rules.as_ref().is_some_and(|rules| rules.len() > MAX_RULES) {
        return Err(ControlError::bad("The table has 50 rows at most."));
    }
    for Rule { field, variable } in rules.iter().flatten() {
        check_text("field", field)?;
        check_text("variable", variable)?;
    }
    change(&platform, |world| {
        let website = &mut world.website;
        website.auth_endpoint = endpoint.unwrap_or_else(|| website.auth_endpoint.clone());
        website.public_key = key.unwrap_or_else(|| website.public_key.take());
        website.way = wanted.way.unwrap_or(website.way);
        website.rules = rules.unwrap_or_else(|| std::mem::take(&mut website.rules));
        Ok(())
    })
}
