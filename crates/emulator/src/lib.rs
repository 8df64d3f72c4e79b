//! A stand-in for the Zoom platform: `zoom.us`, `api.zoom.us`, the Marketplace and the Zoom client.
//!
//! It is strict where Zoom is strict, unkind where Zoom is unkind, and it forgets everything when it stops. It shares
//! wire formats with the rest of Stagedoor (`stagedoor-protocol`) and no decisions, so that the gateway and the
//! emulator agreeing on something proves that it is so.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use stagedoor_emulator::{Config, Emulator};
//! use stagedoor_protocol::{id::ClientId, secret::ClientSecret};
//!
//! let home_url = "http://localhost:3000/".parse()?;
//! let config = Config::new(ClientId::parse("my-client-id")?, ClientSecret::new("my-client-secret"), home_url);
//! let emulator = Emulator::bind(config).await?;
//! println!("open {}", emulator.addresses().zoom);
//! emulator.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod clock;
mod config;
mod control;
mod entropy;
mod fault;
mod guard;
mod jwt;
mod platform;
mod provider;
mod redact;
mod server;
mod webhook;
mod website;
mod webview;
mod world;
mod zoom;

pub use config::{ApiKey, Config, ProviderRegistration, SdkApp, SdkSecret, WebhookSecret, Website};
pub use server::{Addresses, BindError, Emulator};
