//! The real binary, as people and scripts use it: what it prints, what it writes, how it exits.

mod check;
mod context;
mod emulator;
mod init;
mod support;
mod usage;
