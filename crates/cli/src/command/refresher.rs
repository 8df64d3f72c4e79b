//! `stagedoor refresher`: the process beside `serve` that does its refreshes, so that what Zoom has answered is stored also
//! where `serve` is killed meanwhile. `serve` starts it; nobody else has a reason to.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use stagedoor_gateway::{Errands, Flights};
use tokio::net::unix::pipe;

use super::SettingsArgs;
use crate::failure::{Failure, Outcome};
use crate::process::{self, LogFormat};
use crate::settings::{self, Deployment, Environment};
use crate::wiring::{self, Keeping};

/// Do refreshes for a gateway, as long as standard input is open and until all are done
#[derive(Debug, Args)]
pub(super) struct Refresher {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The fingerprint of the gateway's settings, so that nothing is done with others.
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: String,
}

/// How long it is kept with nothing to do.
const IDLE: Duration = Duration::from_mins(5);

/// What carries the refreshes of a gateway with these settings.
pub(super) fn flights(deployment: &Deployment, settings: &SettingsArgs) -> Result<Flights, Failure> {
    if !deployment.outlive {
        return Ok(Flights::new());
    }
    let mut arguments = vec!["refresher".into(), "--fingerprint".into(), deployment.fingerprint()?.into()];
    arguments.extend(settings.arguments());
    let command = move || {
        let mut command = Command::new(program());
        command.args(&arguments);
        command
    };
    Ok(Flights::outliving(command, IDLE))
}

/// The program that runs, also where an upgrade has moved another one into its place.
fn program() -> PathBuf {
    let here = std::env::current_exe().ok().filter(|path| path.exists());
    here.unwrap_or_else(|| "/proc/self/exe".into())
}

impl Refresher {
    pub(super) fn run(self) -> Outcome {
        let deployment: Deployment = settings::read(&self.settings.flags(), Environment::of_process())?;
        process::log(deployment.log_level, LogFormat::fitting());
        if deployment.fingerprint()? != self.fingerprint {
            return Err(anyhow!("the settings are others than those of the gateway; restart it to take them up").into());
        }
        process::block_on(run(deployment))
    }
}

async fn run(deployment: Deployment) -> Outcome {
    let ended = process::asked_to_end()?;
    let settings = deployment.zoom.as_ref().context("without a Zoom App there is nothing to refresh")?;
    let input = pipe::Receiver::from_owned_fd(own(std::io::stdin())?).context("standard input is not a pipe")?;
    let output = pipe::Sender::from_owned_fd(own(std::io::stdout())?).context("standard output is not a pipe")?;
    let store = wiring::existing_store(&deployment.store).await?;
    let Keeping { vault, zoom, .. } = Keeping::new(&deployment, store)?;
    let errands = Arc::new(Errands::new(output));
    let zoom = zoom.context("without a Zoom App there is nothing to refresh")?;
    let flows = zoom.tokens(settings, &vault, Arc::clone(&errands) as _)?;
    errands.run(flows, input, ended).await;
    tracing::debug!("ended");
    Ok(())
}

fn own(stream: impl AsFd) -> anyhow::Result<OwnedFd> {
    stream.as_fd().try_clone_to_owned().context("a standard stream is closed")
}
