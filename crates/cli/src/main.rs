//! The one binary `stagedoor`: settings, wiring, commands.

use std::process::ExitCode;

use clap::Parser as _;

mod command;
mod console;
mod failure;
mod marketplace;
mod process;
mod sample;
mod settings;

fn main() -> ExitCode {
    match command::Stagedoor::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
