//! The control API: what tests and the page tell the emulator. JSON in, JSON out, strict.

mod app;
mod context;
pub(crate) mod error;
mod events;
mod faults;
pub(crate) mod json;
mod sdk;
mod settings;
pub(crate) mod state;
mod webhooks;
mod website;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use self::error::ControlError;
use crate::guard::{Names, only_ours};
use crate::platform::Platform;

/// The control port.
pub(crate) fn router(platform: &Arc<Platform>) -> Router {
    let names = Names::of(&platform.addresses.control);
    Router::new()
        .nest("/control", calls(platform, &names))
        .fallback(async || ControlError::not_found("There is no such call; all of them begin with /control/."))
        .layer(from_fn_with_state(names, only_ours))
}

/// The same calls for the page, under its own port.
pub(crate) fn for_page(platform: &Arc<Platform>, names: &Names) -> Router {
    calls(platform, names)
}

fn calls(platform: &Arc<Platform>, names: &Names) -> Router {
    Router::new()
        .route("/state", get(state::read))
        .route("/user", put(settings::user))
        .route("/users", post(settings::add_user))
        .route("/where", put(settings::place))
        .route("/consent", put(settings::consent))
        .route("/clock", put(settings::clock))
        .route("/tokens", put(settings::tokens))
        .route("/scopes", put(settings::scopes))
        .route("/limits", put(settings::limits))
        .route("/sdk", put(settings::sdk))
        .route("/cookies", put(settings::cookies))
        .route("/faults", get(faults::catalogue).put(faults::switch))
        .route("/add", post(app::add))
        .route("/launch", post(app::launch))
        .route("/uninstall", post(app::uninstall))
        .route("/context", post(context::mint))
        .route("/engagement", put(sdk::engagement::put))
        .route("/sdk-call", post(sdk::call))
        .route("/sdk-consent", post(sdk::consent::answer))
        .route("/website", put(website::change_settings))
        .route("/webhook", put(webhooks::subscribe))
        .route("/webhook/validate", post(webhooks::validate))
        .route("/webhook/events", get(webhooks::catalogue))
        .route("/trigger", post(webhooks::trigger))
        .route("/deliveries", get(webhooks::list).delete(webhooks::forget))
        .route("/deliveries/{id}", get(webhooks::show))
        .route("/redeliver", post(webhooks::redeliver))
        .route("/requests", get(events::requests).delete(events::forget_requests))
        .route("/steps", get(events::steps).delete(events::forget_steps))
        .route("/events", get(events::watch))
        .route("/reset", post(settings::reset))
        .fallback(async || ControlError::not_found("There is no such call."))
        .method_not_allowed_fallback(async || {
            ControlError::new(StatusCode::METHOD_NOT_ALLOWED, "This call has another method.")
        })
        .layer(from_fn_with_state(names.clone(), not_from_elsewhere))
        .with_state(Arc::clone(platform))
}

/// Refuses what a browser sends for a page of another origin.
async fn not_from_elsewhere(State(names): State<Names>, request: Request, next: Next) -> Response {
    if !names.not_from_elsewhere(request.headers()) {
        let sentence = format!("Only pages of {} may call this.", names.origin());
        return ControlError::new(StatusCode::FORBIDDEN, sentence).into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
