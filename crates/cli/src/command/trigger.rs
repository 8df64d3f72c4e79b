//! `stagedoor trigger`: has a running emulator send a webhook.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use clap::Args;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stagedoor_flows::port::Http as _;
use stagedoor_gateway::{HttpClient, OutboundLimits};
use url::Url;

use super::input;
use crate::failure::{Failure, Outcome};
use crate::{console, process};

/// Have the emulator send a webhook, signed as Zoom signs it
///
/// Speaks to an emulator that runs, and waits for the first attempt. Exit status 1 if the event was not delivered.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor trigger --list\n  stagedoor trigger meeting.started\n  stagedoor trigger meeting.started --set payload.object.topic='Feuer 🚒'\n  stagedoor trigger phone.callee_ringing --payload @payload.json"
)]
pub(super) struct Trigger {
    /// The event, such as meeting.started.
    #[arg(required_unless_present = "list")]
    event: Option<String>,
    /// Sets what a path of the body leads to; JSON, or else a text. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// The payload, JSON, instead of the catalogue's; @FILE for a file, - for standard input.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    payload: Option<String>,
    /// Where the emulator is.
    #[arg(long, value_name = "URL", default_value = "http://localhost:4000")]
    emulator: Url,
    /// Print the events of the catalogue.
    #[arg(long, conflicts_with_all = ["event", "set", "payload"])]
    list: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One event of the catalogue.
#[derive(Deserialize)]
struct Entry {
    event: String,
    product: String,
    sentence: String,
}

/// A delivery, as far as it is told here.
#[derive(Deserialize)]
struct Delivery {
    event: String,
    state: String,
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    sentence: String,
    took_ms: i64,
}

impl Trigger {
    pub(super) fn run(self) -> Outcome {
        let order = self.order()?;
        process::block_on(async move {
            match order {
                None => self.list().await,
                Some(order) => self.send(&order).await,
            }
        })
    }

    /// What is asked of the emulator; none to list the catalogue.
    fn order(&self) -> Result<Option<Value>, Failure> {
        let Some(event) = &self.event else { return Ok(None) };
        let mut set = Map::new();
        for assignment in &self.set {
            let (path, value) = assignment
                .split_once('=')
                .ok_or_else(|| Failure::Usage(format!("--set {assignment}: write PATH=VALUE")))?;
            set.insert(path.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)));
        }
        let mut order = json!({"event": event, "set": set, "wait": true});
        if let Some(argument) = &self.payload {
            let text = input::value(Some(argument))?;
            let payload: Value = serde_json::from_str(&text)
                .map_err(|error| Failure::Usage(format!("--payload is not JSON: {error}")))?;
            order["payload"] = payload;
        }
        Ok(Some(order))
    }

    async fn list(&self) -> Outcome {
        let catalogue = self.call(Method::GET, "webhook/events", Bytes::new()).await?;
        if self.json {
            console::say_json(&catalogue);
            return Ok(());
        }
        let entries: Vec<Entry> = serde_json::from_value(catalogue).context("the emulator is of another version")?;
        let mut product = String::new();
        for entry in entries {
            if entry.product != product {
                let line = if product.is_empty() { "" } else { "\n" };
                console::say(format_args!("{line}{}", entry.product));
                product.clone_from(&entry.product);
            }
            console::say(format_args!("  {:<58} {}", entry.event, entry.sentence));
        }
        Ok(())
    }

    async fn send(&self, order: &Value) -> Outcome {
        let answer = self.call(Method::POST, "trigger", order.to_string().into()).await?;
        let delivery: Delivery = Deserialize::deserialize(&answer).context("the emulator is of another version")?;
        if self.json {
            console::say_json(&answer);
        } else {
            console::say(delivery.told());
        }
        let is_fine = ["delivered", "refused", "held"].contains(&delivery.state.as_str());
        if is_fine { Ok(()) } else { Err(Failure::Told) }
    }

    /// One call of the control API.
    async fn call(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
        let origin = self.emulator.origin().ascii_serialization();
        let client = HttpClient::new(OutboundLimits::default()).context("TLS cannot be set up")?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{origin}/control/{path}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .context("--emulator is not an address such as http://localhost:4000")?;
        let unreachable = || format!("no emulator answers at {origin}; start one, or name its address with --emulator");
        let answer = client.send(request).await.with_context(unreachable)?;
        let json: Value = serde_json::from_slice(answer.body()).with_context(unreachable)?;
        match json["error"].as_str().filter(|_| !answer.status().is_success()) {
            Some(sentence) => Err(anyhow!("{}", sentence.trim_end_matches('.'))),
            None => Ok(json),
        }
    }
}

impl Delivery {
    fn told(&self) -> String {
        match self.attempts.last() {
            Some(attempt) => format!("{}: {} ({} ms)", self.event, attempt.sentence, attempt.took_ms),
            None if self.state == "held" => {
                format!("{}: held back until the next event was sent; a fault is on.", self.event)
            }
            None if self.state == "not_sent" => {
                format!("{}: not sent; the webhook URL has not passed validation.", self.event)
            }
            None => format!("{}: not over yet; the emulator's page shows what comes of it.", self.event),
        }
    }
}
