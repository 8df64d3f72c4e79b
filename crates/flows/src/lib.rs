//! What Stagedoor decides, without I/O of its own.
//!
//! A flow is a struct that owns just the ports it needs ([`port`]) and knows neither HTTP servers nor databases.
//! Handlers in `gateway` extract, call one method of a flow, and encode its answer.

pub mod port;
