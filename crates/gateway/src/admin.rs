//! The admin listener: liveness, readiness, metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;
use stagedoor_flows::vault::Vault;

use crate::metrics::Metrics;

/// How long the store may take to say that it can be written to.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What the admin routes look at.
pub(crate) struct Admin {
    pub(crate) vault: Vault,
    pub(crate) metrics: Arc<Metrics>,
    /// Set when the gateway stops.
    pub(crate) stopping: Arc<AtomicBool>,
    /// Set once the revocations have been read.
    pub(crate) revocations_known: Arc<AtomicBool>,
}

/// The admin routes.
pub(crate) fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let store = match tokio::time::timeout(STORE_PATIENCE, admin.vault.ready()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the store is not ready");
            "unavailable"
        }
        Err(_) => "slow",
    };
    let stopping = admin.stopping.load(Ordering::Relaxed);
    let known = admin.revocations_known.load(Ordering::Relaxed);
    let is_ready = store == "ok" && known && !stopping;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if is_ready { "ready" } else { "not_ready" },
        "store": store,
        "revocations": if known { "ok" } else { "unread" },
        "stopping": stopping,
    });
    (status, Json(body)).into_response()
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPEN_METRICS)], admin.metrics.text()).into_response()
}
