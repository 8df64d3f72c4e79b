//! What the commands share that look into the store.

use clap::Args;

use super::SettingsArgs;
use crate::failure::Failure;
use crate::settings::{self, Deployment, Environment};
use crate::wiring::{self, Keeping};

/// Which deployment's store, and how what lies there is printed.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl StoreArgs {
    pub(super) fn deployment(&self) -> Result<Deployment, Failure> {
        Ok(settings::read::<Deployment>(&self.settings.flags(), Environment::of_process())?)
    }
}

/// Opens what is there: looking must not make a new, empty store.
pub(super) async fn open(deployment: &Deployment) -> Result<Keeping, Failure> {
    let store = wiring::existing_store(&deployment.store).await?;
    Ok(Keeping::new(deployment, store)?)
}
