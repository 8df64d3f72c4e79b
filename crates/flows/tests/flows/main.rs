//! The flows, through their public surface: on the store of memory, with a scripted Zoom, a settable clock and seeded
//! entropy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod api;
mod assertion;
mod authorize;
mod carried;
mod cobrowse;
mod connect;
mod consumer;
mod consumer_forward;
mod consumer_jwt;
mod install;
mod install_answers;
mod install_faults;
mod install_walk;
mod installations;
mod launch;
mod provider;
mod reseal;
mod return_path;
mod revocation;
mod seal;
mod secrets;
mod session;
mod site;
mod tokens;
mod tokens_crash;
mod tokens_due;
mod tokens_in_use;
mod tokens_outliving;
mod tokens_walk;
mod vault;
mod watched;
mod webhook;
mod webhook_archive;
mod webhook_delivery;
mod webhook_faults;
mod webhook_post;
mod webhook_removal;
mod world;
mod zoom;
