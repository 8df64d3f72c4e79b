//! The emulator through its four listeners: real HTTP, and a small backend that follows Zoom's documentation.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

mod api;
mod authorize;
mod backend;
mod context;
mod control;
mod events;
mod faults;
mod in_client;
mod install;
mod meetings;
mod provider;
mod redaction;
mod sdk;
mod stage;
mod token;
mod web_client;
mod web_view;
mod webhooks;
mod website;
