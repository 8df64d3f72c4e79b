//! Zoom's wire formats, without I/O.
//!
//! Everything here is a function of its arguments: no network, no clock, no entropy. Callers pass bytes and `now`.

pub mod id;
pub mod secret;
pub mod time;
