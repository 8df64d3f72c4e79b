//! The wire formats, through their public surface: vectors made elsewhere, tables of Zoom's answers, and properties.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api;
mod cobrowse;
mod cobrowse_request;
mod consumer;
mod context;
mod context_properties;
mod deep_link;
mod json;
mod jwt;
mod jwt_verify;
mod oauth;
mod pem;
mod provider;
mod provider_answers;
mod provider_id_token;
mod secrets;
mod token_answer;
mod webhook;
mod webhook_forward;
mod webhook_properties;
