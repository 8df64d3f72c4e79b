//! The gateway from outside: through its router, and through real sockets where the wire matters.

mod support;

mod admin;
mod boot;
mod client;
mod context;
mod files;
mod gate;
mod hostile;
mod install;
mod launch;
mod pages;
mod proxy;
mod secrets;
mod session;
mod stop;
