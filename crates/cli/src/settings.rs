//! Settings: read once, understood completely or refused completely, and turned into what the crates want.
//!
//! Raw values ([`source`]) become a [`Section`] through [`reader`], which reports every problem at once. No other
//! part of the program reads settings from the environment.

mod address;
mod cobrowse;
mod connect;
mod consumer;
mod deployment;
mod dotenv;
mod file;
mod keys;
mod parse;
mod problem;
mod reader;
mod secret;
mod source;
mod starter;
mod store;
mod table;
mod webhook;

pub(crate) use address::parse_origin;
pub(crate) use cobrowse::{CobrowseSettings, SdkApp};
pub(crate) use connect::Providers;
pub(crate) use consumer::{
    ConsumerKeys, ConsumerKeysIfAny, ConsumerLife, ConsumerSettings, IdentitySettings, SessionKeys,
};
pub(crate) use deployment::{Credentials, Deployment, Draft, LogLevel, Secrets, ZoomDeployment};
pub(crate) use problem::Problems;
pub(crate) use source::{Environment, Flags};
pub(crate) use starter::starter_file;
pub(crate) use store::StoreUrl;
pub(crate) use webhook::WebhookSettings;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use reader::Reader;
use source::Sources;

/// A part of the settings that some command needs.
pub(crate) trait Section: Sized {
    /// Takes the part; `None` where something of it is missing or wrong, which the reader then knows.
    ///
    /// Reads everything before it gives up on anything, so that all problems are found.
    fn read(reader: &mut Reader) -> Option<Self>;
}

/// Reads the part of the settings that a command needs, or says everything that is wrong with it.
pub(crate) fn read<S: Section>(flags: &Flags, environment: Environment) -> Result<S, Problems> {
    let mut reader = Reader::new(Sources::read(flags, environment));
    let section = S::read(&mut reader);
    reader.finish(section)
}
