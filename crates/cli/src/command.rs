//! The commands: what can be asked of the binary.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::failure::Outcome;
use crate::settings::Flags;

mod check;
mod context;
mod dev;
mod doctor;
mod emulator;
mod generate;
mod init;
mod input;
mod installations;
mod keys;
mod migrate;
mod refresher;
mod serve;
mod stored;
mod token;
mod trigger;
mod webhooks;

/// The backend of a Zoom App: install, launch, sessions and security headers in front of your app.
#[derive(Debug, Parser)]
#[command(name = "stagedoor", version, arg_required_else_help = true, after_help = START)]
pub(crate) struct Stagedoor {
    #[command(subcommand)]
    command: Command,
}

const START: &str = "Start here:
  stagedoor dev             everything on this machine, with an emulated Zoom
  stagedoor init my-app     a directory with settings and a starter app
  stagedoor check           what is missing before stagedoor serve
  stagedoor doctor          what Zoom would find wrong with a deployment that runs";

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Dev),
    Serve(serve::Serve),
    Emulator(Box<emulator::Emulator>),
    Trigger(trigger::Trigger),
    Init(init::Init),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Context(context::Context),
    Installations(installations::Installations),
    Keys(keys::Keys),
    Token(token::Token),
    Migrate(migrate::Migrate),
    Webhooks(webhooks::Webhooks),
    #[command(hide = true)]
    Refresher(refresher::Refresher),
}

impl Stagedoor {
    /// Does what was asked.
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            Command::Dev(dev) => dev.run(),
            Command::Serve(serve) => serve.run(),
            Command::Emulator(emulator) => emulator.run(),
            Command::Trigger(trigger) => trigger.run(),
            Command::Init(init) => init.run(),
            Command::Check(check) => check.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Context(context) => context.run(),
            Command::Installations(installations) => installations.run(),
            Command::Keys(keys) => keys.run(),
            Command::Token(token) => token.run(),
            Command::Migrate(migrate) => migrate.run(),
            Command::Webhooks(webhooks) => webhooks.run(),
            Command::Refresher(refresher) => refresher.run(),
        }
    }
}

/// Where settings come from, besides the environment.
#[derive(Debug, Args)]
struct SettingsArgs {
    /// The settings file [default: stagedoor.toml, if there is one].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one setting, over file and environment; not for secrets. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingsArgs {
    fn flags(&self) -> Flags {
        let config = self.config.clone().unwrap_or_else(|| "stagedoor.toml".into());
        Flags { config, is_named: self.config.is_some(), set: self.set.clone() }
    }

    /// The same once more, for another command. No secret is among them.
    fn arguments(&self) -> Vec<OsString> {
        let config = self.config.iter().flat_map(|config| ["--config".into(), config.into()]);
        let set = self.set.iter().flat_map(|set| ["--set".into(), set.into()]);
        config.chain(set).collect()
    }
}
