//! `stagedoor serve`: the gateway for production.

use clap::Args;
use stagedoor_gateway::{ConfigError, Flights};

use super::{SettingsArgs, refresher};
use crate::failure::{Failure, Outcome};
use crate::process::{self, LogFormat};
use crate::settings::{self, Deployment, Environment};
use crate::wiring::{self, Bound};

/// Run the gateway
///
/// Needs no file: the environment alone is enough. Logs to standard error, as JSON where that is not a terminal. Ends
/// in order on SIGTERM and Ctrl-C: it finishes what is in flight.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor serve\n  stagedoor serve --config /etc/stagedoor.toml --set listen=0.0.0.0:8080\n  PUBLIC_URL=https://app.example.com APP_UPSTREAM=http://127.0.0.1:8000 … stagedoor serve"
)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let deployment: Deployment = settings::read(&self.settings.flags(), Environment::of_process())?;
        process::log(deployment.log_level, LogFormat::fitting());
        for caveat in &deployment.caveats {
            tracing::warn!("{caveat}");
        }
        let flights = refresher::flights(&deployment, &self.settings)?;
        process::block_on(serve(deployment, flights))
    }
}

async fn serve(deployment: Deployment, flights: Flights) -> Outcome {
    let ended = process::asked_to_end()?;
    let store = if deployment.keeps_nothing() { wiring::no_store() } else { wiring::store(&deployment.store).await? };
    let public_url = deployment.gateway.public_url.to_string();
    let bound = Bound::new(deployment, store, flights).await.map_err(blame)?;
    let (public, admin) = bound.addresses()?;
    tracing::info!(%public, %admin, public_url, "listening");
    bound.serve(ended).await?;
    tracing::info!("ended");
    Ok(())
}

/// What the gateway does not accept is a wrong setting, like those that were found before.
fn blame(error: anyhow::Error) -> Failure {
    match error.downcast::<ConfigError>() {
        Ok(error) => Failure::Usage(format!("{:#}", anyhow::Error::from(error))),
        Err(error) => Failure::Failed(error),
    }
}
