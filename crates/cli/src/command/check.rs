//! `stagedoor check`: every problem of the settings, or what to enter in the Marketplace.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::SettingsArgs;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::marketplace::{Marketplace, Registration};
use crate::settings::{self, Deployment, Environment, Problems};

/// Check the settings, and print the URLs to paste into the Marketplace
///
/// Reports every problem at once, each with its key, where it came from and the fix. Nothing is called or changed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor check\n  stagedoor check --config production.toml --json\n  stagedoor check --manifest > zoom-manifest.json"
)]
pub(super) struct Check {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the app manifest to upload in the Marketplace.
    #[arg(long, conflicts_with = "json")]
    manifest: bool,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        match settings::read::<Deployment>(&self.settings.flags(), Environment::of_process()) {
            Ok(deployment) => self.fine(&deployment),
            Err(problems) => return self.wrong(problems),
        }
        Ok(())
    }

    fn fine(&self, deployment: &Deployment) {
        match &deployment.zoom {
            Some(zoom) => self.fine_app(&zoom.registration),
            None if self.json => console::say_json(&serde_json::json!({ "ok": true })),
            None => console::say("The settings are fine."),
        }
    }

    fn fine_app(&self, registration: &Registration) {
        #[derive(Serialize)]
        struct Fine<'a> {
            ok: bool,
            marketplace: &'a Marketplace,
            manifest: Value,
        }
        let marketplace = Marketplace::of(registration);
        if self.manifest {
            return console::say_json(&registration.manifest());
        }
        if self.json {
            return console::say_json(&Fine { ok: true, marketplace: &marketplace, manifest: registration.manifest() });
        }
        console::say("The settings are fine. In the Marketplace, the app needs:\n");
        for (name, values) in marketplace.rows() {
            for (row, value) in values.iter().enumerate() {
                console::say(format_args!("  {:<20} {value}", if row == 0 { name } else { "" }));
            }
        }
        console::say("\nstagedoor check --manifest prints an app manifest with all of this.");
    }

    fn wrong(&self, problems: Problems) -> Outcome {
        #[derive(Serialize)]
        struct Bad<'a> {
            ok: bool,
            problems: &'a Problems,
        }
        if !self.json {
            return Err(Failure::Settings(problems));
        }
        console::say_json(&Bad { ok: false, problems: &problems });
        Err(Failure::ToldSettings)
    }
}
