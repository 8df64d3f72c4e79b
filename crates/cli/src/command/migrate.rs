//! `stagedoor migrate`: everything of one store into another.

use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use stagedoor_flows::port::Clock as _;
use stagedoor_gateway::SystemClock;
use stagedoor_store::copy::copy;

use super::{SettingsArgs, input};
use crate::failure::{Failure, Outcome};
use crate::settings::{self, Environment, StoreUrl};
use crate::{console, process, wiring};

/// Copy everything from one store into another, for example from SQLite into PostgreSQL
///
/// Stop every gateway first: what one of them writes meanwhile may be missing in the new store. The records are copied
/// sealed, as they are, and compared afterwards, so the secret must stay the same. The new store must be empty. A copy
/// that was interrupted goes on when the same command is run again; until it is complete, no gateway starts on the new
/// store. The old store is left as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor migrate --to @new-store-url.txt\n  stagedoor migrate --from sqlite:stagedoor.db --to postgres://stagedoor@%2Frun%2Fpostgresql/stagedoor"
)]
pub(super) struct Migrate {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The store to copy into: its URL, or @FILE or - (standard input) where it holds a password.
    #[arg(long, value_name = "URL")]
    to: String,
    /// The store to copy [default: the setting store.url].
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub(super) fn run(self) -> Outcome {
        let from = match &self.from {
            Some(argument) => store_url("--from", argument)?,
            None => settings::read(&self.settings.flags(), Environment::of_process())?,
        };
        let to = store_url("--to", &self.to)?;
        if from == to {
            return Err(Failure::Usage("both stores are the same".into()));
        }
        process::block_on(self.migrate(&from, &to))
    }

    async fn migrate(&self, from: &StoreUrl, to: &StoreUrl) -> Outcome {
        #[derive(Serialize)]
        struct Shelf<'a> {
            name: &'a str,
            records: u64,
        }
        #[derive(Serialize)]
        struct Copied<'a> {
            records: u64,
            shelves: Vec<Shelf<'a>>,
        }
        let old = wiring::existing_store(from).await.context("the store to copy from cannot be opened")?;
        let new = wiring::store_to_fill(to).await.context("the store to copy into cannot be opened")?;
        console::note(format_args!("Copying from {from} to {to}. Every gateway must be stopped until this is done."));
        let copied = copy(&old, &new, || SystemClock.now()).await.map_err(anyhow::Error::from)?;
        let shelves: Vec<_> = copied.shelves.iter().map(|(name, records)| Shelf { name, records: *records }).collect();
        let records = shelves.iter().map(|shelf| shelf.records).sum();
        if self.json {
            console::say_json(&Copied { records, shelves });
            return Ok(());
        }
        console::say(format_args!("Copied and compared {records} records:"));
        for Shelf { name, records } in &shelves {
            console::say(format_args!("  {records:>10}  {name}"));
        }
        console::say("Now set store.url to the new store, and start the gateways.");
        Ok(())
    }
}

/// Understands an argument that names a store. A password on the command line could be read by others.
fn store_url(flag: &str, argument: &str) -> Result<StoreUrl, Failure> {
    if StoreUrl::holds_password(argument) {
        return Err(Failure::Usage(format!(
            "{flag} has a password, which others on this machine can read; put the URL into a file and write {flag} @FILE"
        )));
    }
    let text = input::value(Some(argument))?;
    StoreUrl::parse(&text, Path::new(""))
        .map_err(|wrong| Failure::Usage(format!("{flag}: {}; {}", wrong.what, wrong.fix)))
}
