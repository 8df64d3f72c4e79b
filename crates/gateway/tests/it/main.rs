//! The gateway from outside: through its router, and through real sockets where the wire matters.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]
#![expect(clippy::large_futures, reason = "a house is large, and a test has one")]

mod support;
mod tokens;

mod admin;
mod api;
mod authorize;
mod boot;
mod client;
mod cobrowse;
mod connect;
mod consumer;
mod context;
mod events;
mod files;
mod gate;
mod hostile;
mod install;
mod launch;
mod outliving;
mod pages;
mod proxy;
mod rotation;
mod secrets;
mod session;
mod stop;
mod webhook;
