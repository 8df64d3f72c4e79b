//! What Stagedoor decides, without I/O of its own.
//!
//! A flow is a struct that owns just the ports it needs ([`port`]) and knows neither HTTP servers nor databases.
//! Handlers in `gateway` extract, call one method of a flow, and encode its answer.

pub mod api;
pub mod assertion;
pub mod authorize;
pub mod cobrowse;
pub mod connect;
pub mod consumer;
pub mod fault;
pub mod grant;
pub mod install;
pub mod installation;
pub mod launch;
pub mod port;
pub mod reseal;
pub mod revocation;
pub mod seal;
pub mod session;
mod shared;
pub mod tokens;
pub mod vault;
pub mod verify;
pub mod webhook;
pub mod zoom;
