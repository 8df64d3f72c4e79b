//! The emulator through its three listeners: real HTTP, and a small backend that follows Zoom's documentation.

mod backend;
mod install;
mod stage;
