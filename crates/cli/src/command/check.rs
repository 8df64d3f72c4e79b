//! `stagedoor check`: every problem of the settings, or what to enter in the Marketplace.

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::SettingsArgs;
use crate::console;
use crate::endpoints::Endpoints;
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
            Err(problems) => self.wrong(problems),
        }
    }

    fn fine(&self, deployment: &Deployment) -> Outcome {
        let registration = deployment.zoom.as_ref().map(|zoom| &zoom.registration);
        let manifest = registration.map(Registration::manifest);
        if self.manifest {
            let manifest = manifest.ok_or_else(|| anyhow!("these settings have no Zoom App (zoom.client_id)"))?;
            console::say_json(&manifest);
            return Ok(());
        }
        let marketplace = registration.map(Marketplace::of);
        let endpoints = Endpoints::of(deployment)?;
        let caveats = &deployment.caveats;
        if self.json {
            console::say_json(&Fine { ok: true, marketplace, manifest, endpoints, caveats });
            return Ok(());
        }
        match &marketplace {
            Some(marketplace) => say_marketplace(marketplace),
            None => console::say("The settings are fine."),
        }
        for paragraph in endpoints.paragraphs() {
            console::say(format_args!("\n{paragraph}"));
        }
        for caveat in caveats {
            console::say(format_args!("\n{caveat}."));
        }
        Ok(())
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

/// What is fine, as JSON.
#[derive(Serialize)]
struct Fine<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marketplace: Option<Marketplace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Value>,
    #[serde(flatten)]
    endpoints: Endpoints,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    caveats: &'a [String],
}

fn say_marketplace(marketplace: &Marketplace) {
    console::say("The settings are fine. In the Marketplace, the app needs:\n");
    for (name, values) in marketplace.rows() {
        for (row, value) in values.iter().enumerate() {
            console::say(format_args!("  {:<20} {value}", if row == 0 { name } else { "" }));
        }
    }
    console::say("\nstagedoor check --manifest prints an app manifest with all of this.");
}
