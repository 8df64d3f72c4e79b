//! The wire formats of Zoom and of third-party providers, without I/O.
//!
//! Everything here is a function of its arguments: no network, no clock, no entropy. Callers pass bytes and `now`.

pub mod api;
pub mod cobrowse;
pub mod consumer;
pub mod context;
pub mod deeplink;
pub mod id;
pub mod json;
pub mod jwt;
pub mod loopback;
pub mod oauth;
pub mod provider;
pub mod secret;
pub mod time;
pub mod webhook;
pub mod zoom_error;
