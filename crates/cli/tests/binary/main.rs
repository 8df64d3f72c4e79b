//! The real binary, as people and scripts use it: what it prints, what it writes, how it exits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod check;
mod context;
mod dev;
mod doctor;
mod emulator;
mod init;
mod keys;
mod migrate;
#[path = "../../../store/tests/servers/port.rs"]
mod port;
mod refresher;
mod running;
mod serve;
#[expect(dead_code, reason = "each test program uses a part")]
#[path = "../../../store/tests/servers/mod.rs"]
mod servers;
mod support;
mod token;
mod tokens;
mod trigger;
mod usage;
mod webhooks;
