//! `stagedoor webhooks`: what Zoom has sent, and where it is on its way.

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde::Serialize;
use stagedoor_flows::webhook::{Archive, Found, State};

use super::stored::{self, StoreArgs};
use crate::failure::{Failure, Outcome};
use crate::settings::{Deployment, WebhookSettings};
use crate::{console, process, wiring};

/// List, show or replay webhooks; print the secret that signs what is forwarded
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor webhooks list\n  stagedoor webhooks show evt_0f3c --json\n  stagedoor webhooks replay evt_0f3c\n  stagedoor webhooks secret"
)]
pub(super) struct Webhooks {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(List),
    Show(Show),
    Replay(Replay),
    Secret(Secret),
}

/// List the events that wait, that are kept, or that are dead letters
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stagedoor webhooks list\n  stagedoor webhooks list --dead --json")]
struct List {
    #[command(flatten)]
    args: StoreArgs,
    /// How many of the newest to list.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Only dead letters: what the upstream did not take for so long that nobody tries any more.
    #[arg(long)]
    dead: bool,
}

/// Show an event with its body, as Zoom sent it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stagedoor webhooks show evt_9f86d081884c7d659a2feaa0c55ad015")]
struct Show {
    #[command(flatten)]
    args: StoreArgs,
    /// The id of the event.
    id: String,
}

/// Deliver a dead letter, or a kept event, once more
///
/// It keeps its id, so that a receiver that has taken it before can tell. Needs webhook.forward; serve delivers it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stagedoor webhooks replay evt_9f86d081884c7d659a2feaa0c55ad015")]
struct Replay {
    #[command(flatten)]
    args: StoreArgs,
    /// The id of the event.
    id: String,
}

/// Print the secret with which whatever is forwarded is verified
///
/// It derives from the deployment's secret, unless webhook.signing_secret sets it. Give it to the receiver, and to
/// nobody else.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stagedoor webhooks secret")]
struct Secret {
    #[command(flatten)]
    args: StoreArgs,
}

/// An event without its body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: &'a str,
    event: &'a str,
    received_at: String,
    /// `waiting`, `kept` or `dead`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl Webhooks {
    pub(super) fn run(self) -> Outcome {
        process::block_on(async {
            match self.action {
                Action::List(list) => list.run().await,
                Action::Show(show) => show.run().await,
                Action::Replay(replay) => replay.run().await,
                Action::Secret(secret) => secret.run(),
            }
        })
    }
}

impl List {
    async fn run(self) -> Outcome {
        #[derive(Serialize)]
        struct Listed<'a> {
            events: Vec<Row<'a>>,
        }
        let archive = open(&self.args).await?.1;
        let is_wanted = |event: &Found| !self.dead || matches!(event.state, State::Dead { .. });
        let found = archive.newest(self.limit, is_wanted).await.context("the events cannot be read")?;
        let events: Vec<_> = found.iter().map(Row::of).collect();
        if self.args.json {
            console::say_json(&Listed { events });
        } else if events.is_empty() {
            console::say("There is no event.");
        } else {
            console::say(format_args!("{:<22} {:<36} {:<34} STATE", "RECEIVED", "ID", "EVENT"));
            for row in events {
                console::say(format_args!("{:<22} {:<36} {:<34} {}", row.received_at, row.id, row.event, row.told()));
            }
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Outcome {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            row: Row<'a>,
            body: &'a str,
        }
        let archive = open(&self.args).await?.1;
        let found = archive.find(&self.id).await.context("the events cannot be read")?;
        let found = found.ok_or_else(|| unknown(&self.id))?;
        let row = Row::of(&found);
        if self.args.json {
            console::say_json(&Shown { row, body: &found.body });
            return Ok(());
        }
        console::say(format_args!("id        {}", row.id));
        console::say(format_args!("event     {}", row.event));
        console::say(format_args!("received  {}", row.received_at));
        console::say(format_args!("state     {}\n", row.told()));
        console::say(found.body.lines().map(console::printable).collect::<Vec<_>>().join("\n"));
        Ok(())
    }
}

impl Replay {
    async fn run(self) -> Outcome {
        #[derive(Serialize)]
        struct Done<'a> {
            id: &'a str,
            state: &'static str,
        }
        let (webhook, archive) = open(&self.args).await?;
        if webhook.forward.is_none() {
            return Err(anyhow!("there is nowhere to deliver it to: webhook.forward is not set").into());
        }
        let replayed = archive.replay(&self.id).await;
        replayed.map_err(|error| anyhow::Error::from(error).context(format!("{} is not replayed", self.id)))?;
        if self.args.json {
            console::say_json(&Done { id: &self.id, state: "waiting" });
        } else {
            console::say(format_args!("{} waits in the inbox; serve delivers it.", self.id));
        }
        Ok(())
    }
}

impl Secret {
    fn run(self) -> Outcome {
        #[derive(Serialize)]
        struct Keys<'a> {
            secret: &'a str,
        }
        let deployment = self.args.deployment()?;
        let webhook = taken(&deployment)?;
        let keys = wiring::webhook_keys(&deployment.secrets, webhook)?;
        let secret = keys[0].secret();
        if self.args.json {
            console::say_json(&Keys { secret: secret.expose() });
        } else {
            console::say(secret.expose());
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    fn of(found: &'a Found) -> Self {
        let (state, attempts, next_attempt_at, reason) = match &found.state {
            State::Waiting { attempts: 0, .. } => ("waiting", Some(0), None, None),
            State::Waiting { attempts, due } => ("waiting", Some(*attempts), Some(console::instant(*due)), None),
            State::Kept => ("kept", None, None, None),
            State::Dead { attempts, reason } => ("dead", Some(*attempts), None, Some(reason.as_str())),
        };
        let received_at = console::instant(found.received);
        Self {
            id: found.id.as_str(),
            event: found.name.as_str(),
            received_at,
            state,
            attempts,
            next_attempt_at,
            reason,
        }
    }

    /// The state as a person reads it.
    fn told(&self) -> String {
        match (self.attempts, &self.next_attempt_at, self.reason) {
            (Some(attempts), Some(next), _) => format!("waiting, tried {}, again at {next}", times(attempts)),
            (Some(0), _, Some(reason)) => format!("dead: {reason}"),
            (Some(attempts), _, Some(reason)) => format!("dead, tried {}: {reason}", times(attempts)),
            _ => self.state.into(),
        }
    }
}

fn times(attempts: u32) -> String {
    if attempts == 1 { "once".into() } else { format!("{attempts} times") }
}

async fn open(args: &StoreArgs) -> Result<(WebhookSettings, Archive), Failure> {
    let mut deployment = args.deployment()?;
    taken(&deployment)?;
    let vault = stored::open(&deployment).await?.vault;
    let webhook = deployment.zoom.take().and_then(|zoom| zoom.webhook).ok_or_else(no_webhooks)?;
    let archive = Archive::new(vault, webhook.archive);
    Ok((webhook, archive))
}

fn taken(deployment: &Deployment) -> Result<&WebhookSettings, Failure> {
    deployment.zoom.as_ref().and_then(|zoom| zoom.webhook.as_ref()).ok_or_else(no_webhooks)
}

fn no_webhooks() -> Failure {
    anyhow!("webhooks are not taken: zoom.webhook_secrets is not set").into()
}

fn unknown(id: &str) -> Failure {
    anyhow!("there is no event {}", console::printable(id)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &'static str, attempts: u32, next: Option<&str>, reason: Option<&str>) -> String {
        let (attempts, next_attempt_at) = (Some(attempts), next.map(str::to_owned));
        Row { id: "", event: "", received_at: String::new(), state, attempts, next_attempt_at, reason }.told()
    }

    #[test]
    fn how_an_event_stands_is_told_in_a_sentence() {
        assert_eq!(told("waiting", 0, None, None), "waiting");
        assert_eq!(told("waiting", 1, Some("noon"), None), "waiting, tried once, again at noon");
        assert_eq!(told("waiting", 2, Some("noon"), None), "waiting, tried 2 times, again at noon");
        assert_eq!(told("dead", 0, None, Some("it is off")), "dead: it is off");
        assert_eq!(told("dead", 1, None, Some("it is off")), "dead, tried once: it is off");
    }
}
