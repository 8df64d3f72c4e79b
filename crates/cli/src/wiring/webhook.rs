//! Webhooks: from the settings to the flows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use stagedoor_flows::installation::Installations;
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::vault::Vault;
use stagedoor_flows::webhook::{
    ATTEMPT_SECONDS, Archive, Delivery, Feed, Forward, Removals, Webhooks, forwarding_keys,
};
use stagedoor_gateway::{HttpClient, OutboundLimits, WebhookFlows};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::webhook::forward::SigningKey;

use super::entropy;
use crate::settings::{Secrets, WebhookSettings};

/// The keys that sign what is forwarded, the current one first.
pub(crate) fn webhook_keys(secrets: &Secrets, settings: &WebhookSettings) -> anyhow::Result<Vec<SigningKey>> {
    match &settings.signing {
        Some(key) => Ok(vec![key.clone()]),
        None => Ok(forwarding_keys(&secrets.current, &secrets.previous)?),
    }
}

/// Builds the flows of webhooks.
pub(super) fn flows(
    client_id: ClientId,
    settings: &WebhookSettings,
    secrets: &Secrets,
    (vault, revocations, installations): (&Vault, &Arc<Revocations>, &Installations),
) -> anyhow::Result<WebhookFlows> {
    let (vault, revocations) = (vault.clone(), Arc::clone(revocations));
    let webhooks = Webhooks::new(vault.clone(), Arc::clone(&revocations), settings.secrets.clone(), client_id);
    let archive = Archive::new(vault.clone(), settings.archive);
    let feed = settings.forward.is_none().then(|| Feed::new(archive.clone()));
    let forward = forward(settings, secrets)?;
    let removals = Removals { vault: vault.clone(), installations: installations.clone(), revocations };
    let delivery = Delivery::new(vault, removals, archive.clone(), forward, entropy());
    Ok(WebhookFlows { webhooks, delivery, archive, feed })
}

fn forward(settings: &WebhookSettings, secrets: &Secrets) -> anyhow::Result<Option<Forward>> {
    let Some(url) = settings.forward.clone() else { return Ok(None) };
    let total = Duration::from_secs(ATTEMPT_SECONDS.unsigned_abs());
    let http =
        HttpClient::new(OutboundLimits { total, ..OutboundLimits::default() }).context("TLS cannot be set up")?;
    let keys = webhook_keys(secrets, settings)?.into();
    Ok(Some(Forward { url, keys, http: Arc::new(http), patience_seconds: settings.retry_seconds }))
}
