//! `stagedoor installations`: who has added the app. Never prints a token.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde::Serialize;
use stagedoor_flows::installation::{Installation, Installations as Flow};
use stagedoor_flows::port::Clock as _;
use stagedoor_gateway::SystemClock;
use stagedoor_protocol::id::ZoomUserId;
use stagedoor_protocol::time::UnixMillis;

use super::stored::{self, StoreArgs};
use crate::failure::{Failure, Outcome};
use crate::{console, process};

/// List, show or revoke installations; no token is ever printed
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor installations list\n  stagedoor installations show 7lVvQmTkRwGfQmX2yq1BzA --json\n  stagedoor installations revoke 7lVvQmTkRwGfQmX2yq1BzA --yes"
)]
pub(super) struct Installations {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(List),
    Show(Show),
    Revoke(Revoke),
}

/// List who has added the app, since when, and until when it can act for them
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stagedoor installations list\n  stagedoor installations list --json")]
struct List {
    #[command(flatten)]
    args: StoreArgs,
}

/// Show the installation of one user
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stagedoor installations show 7lVvQmTkRwGfQmX2yq1BzA --json")]
struct Show {
    #[command(flatten)]
    args: StoreArgs,
    /// The Zoom user id.
    user: String,
}

/// End an installation: the user's sessions end, what is stored is erased, and Zoom is told
///
/// What is kept here is erased even where Zoom cannot be reached; the grant at Zoom then ends by itself. Works while
/// serve runs; sessions end there within half a minute.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stagedoor installations revoke 7lVvQmTkRwGfQmX2yq1BzA --yes")]
struct Revoke {
    #[command(flatten)]
    args: StoreArgs,
    /// The Zoom user id.
    user: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// An installation without its tokens.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    user: String,
    name: Option<String>,
    scopes: Vec<String>,
    installed_at: String,
    refreshed_at: String,
    usable_until: String,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_reauthorization: Option<NeedsReauthorization>,
}

/// Since when and why a user has to add the app again.
#[derive(Serialize)]
struct NeedsReauthorization {
    since: String,
    reason: &'static str,
}

impl Installations {
    pub(super) fn run(self) -> Outcome {
        process::block_on(async {
            match self.action {
                Action::List(list) => list.run().await,
                Action::Show(show) => show.run().await,
                Action::Revoke(revoke) => revoke.run().await,
            }
        })
    }
}

impl List {
    async fn run(self) -> Outcome {
        #[derive(Serialize)]
        struct Listed {
            installations: Vec<Row>,
        }
        let now = SystemClock.now();
        let mut installed = open(&self.args).await?.list().await.context("the installations cannot be read")?;
        installed.sort_by(|a, b| (a.installed, &a.user).cmp(&(b.installed, &b.user)));
        let rows: Vec<_> = installed.iter().map(|installation| Row::of(installation, now)).collect();
        if self.args.json {
            console::say_json(&Listed { installations: rows });
        } else if rows.is_empty() {
            console::say("Nobody has added the app.");
        } else {
            console::say(format_args!("{:<24} {:<24} {:<22} CAN ACT UNTIL", "USER", "NAME", "ADDED"));
            for row in rows {
                let name = row.name.as_deref().map(console::printable).unwrap_or_default();
                let until = row.until();
                console::say(format_args!("{:<24} {name:<24} {:<22} {until}", row.user, row.installed_at));
            }
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Outcome {
        let user = parse(&self.user)?;
        let found = open(&self.args).await?.of(&user).await.context("the installation cannot be read")?;
        let installation = found.ok_or_else(|| nobody(&user))?;
        let row = Row::of(&installation, SystemClock.now());
        if self.args.json {
            console::say_json(&row);
            return Ok(());
        }
        console::say(format_args!("user           {}", row.user));
        console::say(format_args!(
            "name           {}",
            row.name.as_deref().map_or_else(|| "(none)".into(), console::printable)
        ));
        console::say(format_args!("scopes         {}", console::printable(&row.scopes.join(" "))));
        console::say(format_args!("added          {}", row.installed_at));
        console::say(format_args!("tokens from    {}", row.refreshed_at));
        console::say(format_args!("can act until  {}", row.until()));
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Outcome {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Done<'a> {
            user: &'a str,
            erased: u64,
            revoked_at_zoom: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        }
        let user = parse(&self.user)?;
        let installations = open(&self.args).await?;
        if !self.yes {
            confirm(&user)?;
        }
        let revoked = installations.revoke(&user).await.context("nothing is certain to be erased; try again")?;
        let revoked = revoked.ok_or_else(|| nobody(&user))?;
        let reason = revoked.at_zoom.err().map(|error| format!("{:#}", anyhow::Error::from(error)));
        if self.args.json {
            let revoked_at_zoom = reason.is_none();
            console::say_json(&Done { user: user.as_str(), erased: revoked.erased, revoked_at_zoom, reason });
            return Ok(());
        }
        console::say(format_args!("Revoked: the sessions of {user} end, and {} records are erased.", revoked.erased));
        match reason {
            None => console::say("Zoom has taken the grant back."),
            Some(reason) => console::note(format_args!(
                "Zoom was not told ({reason}), so the grant ends there by itself, or when the user removes the app."
            )),
        }
        Ok(())
    }
}

impl Row {
    /// Until when the app can act for the user, or since when and why it cannot.
    fn until(&self) -> String {
        match &self.needs_reauthorization {
            Some(needs) => format!("needs re-authorisation since {} ({})", needs.since, needs.reason),
            None if self.usable => self.usable_until.clone(),
            None => format!("{} (over)", self.usable_until),
        }
    }

    fn of(installation: &Installation, now: UnixMillis) -> Self {
        Self {
            user: installation.user.to_string(),
            name: installation.name.clone(),
            scopes: installation.grant.scopes.clone(),
            installed_at: console::instant(installation.installed),
            refreshed_at: console::instant(installation.grant.refreshed),
            usable_until: console::instant(installation.usable_until()),
            usable: installation.is_usable(now),
            needs_reauthorization: installation
                .grant
                .ended()
                .map(|(since, reason)| NeedsReauthorization { since: console::instant(since), reason: reason.name() }),
        }
    }
}

async fn open(args: &StoreArgs) -> Result<Flow, Failure> {
    let keeping = stored::open(&args.deployment()?).await?;
    let zoom = keeping.zoom.context("these settings have no Zoom App (zoom.client_id)")?;
    Ok(zoom.installations)
}

fn parse(user: &str) -> Result<ZoomUserId, Failure> {
    ZoomUserId::parse(user).map_err(|error| Failure::Usage(format!("a Zoom user id {error}")))
}

fn nobody(user: &ZoomUserId) -> Failure {
    anyhow!("{user} has not added the app").into()
}

fn confirm(user: &ZoomUserId) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("nobody can be asked here; add --yes to revoke".into()));
    }
    console::note(format_args!("End the installation of {user}, and erase everything that is kept of it? Type yes:"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    if answer.trim() == "yes" { Ok(()) } else { Err(anyhow!("nothing was revoked").into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(standing: &serde_json::Value) -> Row {
        let installation: Installation = serde_json::from_value(json!({
            "user": "ada", "name": "Ada", "access": "canary", "refresh": "canary", "access_expires": 3_600_000,
            "scopes": [], "installed": 0, "refreshed": 0, "standing": standing,
        }))
        .unwrap();
        Row::of(&installation, UnixMillis(1_000))
    }

    #[test]
    fn who_has_to_add_the_app_again_is_told_since_when_and_why() {
        let over = row(&json!({"NeedsReauth": {"since": 60_000, "reason": "AnswerLost"}}));
        assert_eq!(over.until(), "needs re-authorisation since 1970-01-01T00:01:00Z (answer_lost)");
        let told = serde_json::to_value(&over).unwrap();
        assert_eq!(told["needsReauthorization"], json!({"since": "1970-01-01T00:01:00Z", "reason": "answer_lost"}));
        assert_eq!(told["usable"], false);
    }

    #[test]
    fn a_grant_that_lives_or_rests_can_act() {
        let past = json!({"doubts": 1, "failures": 2});
        for standing in [json!("Live"), json!({"Resting": {"since": 0, "until": 1, "past": past}})] {
            let row = row(&standing);
            assert_eq!((row.until().as_str(), row.usable), ("1970-04-01T00:00:00Z", true));
            assert!(!serde_json::to_string(&row).unwrap().contains("eauthorization"));
        }
    }
}
