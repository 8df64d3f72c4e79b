//! The one binary `stagedoor`: settings, wiring, commands.

use std::process::ExitCode;

use clap::Parser as _;

mod command;
mod console;
mod doctor;
mod endpoints;
mod failure;
mod json_lines;
mod marketplace;
mod private_file;
mod process;
mod sample;
mod settings;
mod wiring;

fn main() -> ExitCode {
    match command::Stagedoor::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
