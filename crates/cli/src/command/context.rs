//! `stagedoor context open|seal`: app contexts, opened and explained, or made.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};
use stagedoor_flows::port::{Clock as _, Entropy as _};
use stagedoor_gateway::{SystemClock, SystemEntropy};
use stagedoor_protocol::context::{ContextError, ContextKey, ISSUER, open_and_verify};
use stagedoor_protocol::json::UniqueObject;
use stagedoor_protocol::time::UnixMillis;

use super::{SettingsArgs, input};
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::settings::{self, Credentials, Environment};

/// Open and explain an app context, or make one
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor context open DAABAgME…\n  echo '{\"typ\":\"panel\",\"uid\":\"someone\"}' | stagedoor context seal | stagedoor context open --json"
)]
pub(super) struct Context {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Open(Open),
    Seal(Seal),
}

/// Open an app context with the client id and secret of the settings, and say why it fails where it does
///
/// Exit status 1 where the context would be refused.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor context open DAABAgME…\n  pbpaste | stagedoor context open --json --now 1763769630000"
)]
struct Open {
    #[command(flatten)]
    common: Common,
    /// The context; @FILE for a file, - or nothing for standard input.
    context: Option<String>,
}

/// Make an app context from claims as JSON
///
/// aud, iss, ts and exp are filled in where they are missing: the client id of the settings, marketplace.zoom.us, now,
/// and two minutes later. Everything else is sealed as it is given.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor context seal '{\"typ\":\"panel\",\"uid\":\"someone\"}'\n  stagedoor context seal --now 1763769600000 @claims.json"
)]
struct Seal {
    #[command(flatten)]
    common: Common,
    /// The claims, a JSON object; @FILE for a file, - or nothing for standard input.
    claims: Option<String>,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The time to check or seal with, in milliseconds since 1970 [default: now].
    #[arg(long, value_name = "MILLIS")]
    now: Option<i64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How long Zoom's contexts live, in milliseconds.
const LIFE_MS: i64 = 120_000;

impl Context {
    pub(super) fn run(self) -> Outcome {
        match self.action {
            Action::Open(open) => open.run(),
            Action::Seal(seal) => seal.run(),
        }
    }
}

impl Common {
    fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(settings::read(&self.settings.flags(), Environment::of_process())?)
    }

    fn now(&self) -> UnixMillis {
        self.now.map_or_else(|| SystemClock.now(), UnixMillis)
    }
}

impl Open {
    fn run(self) -> Outcome {
        let credentials = self.common.credentials()?;
        let encoded = input::value(self.context.as_deref())?;
        let now = self.common.now();
        match open(&credentials, &encoded, now) {
            Ok(claims) => self.accepted(&claims, now),
            Err(error) => return self.refused(&credentials, &encoded, &error, now),
        }
        Ok(())
    }

    fn accepted(&self, claims: &Map<String, Value>, now: UnixMillis) {
        #[derive(Serialize)]
        struct Accepted<'a> {
            ok: bool,
            claims: &'a Map<String, Value>,
        }
        if self.common.json {
            return console::say_json(&Accepted { ok: true, claims });
        }
        console::say("This context is valid: Zoom made it for this app.\n");
        console::say(table(claims, now));
    }

    fn refused(&self, credentials: &Credentials, encoded: &str, error: &ContextError, now: UnixMillis) -> Outcome {
        #[derive(Serialize)]
        struct Refused {
            ok: bool,
            code: &'static str,
            detail: String,
        }
        if self.common.json {
            console::say_json(&Refused { ok: false, code: error.code(), detail: error.to_string() });
            return Err(Failure::Told);
        }
        console::note(format_args!("This context is refused ({}): {error}.", error.code()));
        if let Some(claims) = credentials.keys().iter().find_map(|key| claims(key, encoded).ok()) {
            console::note(format_args!("\nIt says:\n\n{}", table(&claims, now)));
        }
        Err(Failure::Told)
    }
}

impl Seal {
    fn run(self) -> Outcome {
        let credentials = self.common.credentials()?;
        let text = input::value(self.claims.as_deref())?;
        let Ok(UniqueObject(Value::Object(mut claims))) = serde_json::from_str(&text) else {
            return Err(Failure::Usage("the claims are not a JSON object with unique members".into()));
        };
        let now = self.common.now();
        let missing: [(&str, Value); 4] = [
            ("aud", credentials.client_id.as_str().into()),
            ("iss", ISSUER.into()),
            ("ts", now.0.into()),
            ("exp", now.plus_millis(LIFE_MS).0.into()),
        ];
        for (name, value) in missing {
            claims.entry(name).or_insert(value);
        }
        let mut nonce = [0; 12];
        SystemEntropy.fill(&mut nonce);
        let context =
            ContextKey::new(&credentials.client_secret).seal(Value::Object(claims).to_string().as_bytes(), nonce);
        if self.common.json {
            console::say_json(&serde_json::json!({ "ok": true, "context": context }));
        } else {
            console::say(context);
        }
        Ok(())
    }
}

impl Credentials {
    fn keys(&self) -> Vec<ContextKey> {
        std::iter::once(&self.client_secret).chain(&self.previous).map(ContextKey::new).collect()
    }
}

/// Judges a context exactly as a launch does, and gives all of its claims.
fn open(credentials: &Credentials, encoded: &str, now: UnixMillis) -> Result<Map<String, Value>, ContextError> {
    let keys = credentials.keys();
    open_and_verify(&keys, encoded, &credentials.client_id, now)?;
    keys.iter().find_map(|key| claims(key, encoded).ok()).ok_or(ContextError::Seal)
}

fn claims(key: &ContextKey, encoded: &str) -> Result<Map<String, Value>, ContextError> {
    match serde_json::from_slice(&key.decrypt(encoded)?) {
        Ok(UniqueObject(Value::Object(claims))) => Ok(claims),
        _ => Err(ContextError::Content("it is not a JSON object with unique members".into())),
    }
}

/// One line for each claim; instants are said in words too.
fn table(claims: &Map<String, Value>, now: UnixMillis) -> String {
    let line = |(name, value): (&String, &Value)| {
        let said = match (name.as_str(), value.as_i64()) {
            ("ts" | "exp", Some(millis)) => {
                let instant = console::instant_from(UnixMillis(millis), now);
                format!("{value}  {}", instant.as_deref().unwrap_or("(not milliseconds since 1970)"))
            }
            _ => value.to_string(),
        };
        format!("  {name:<12} {said}")
    };
    claims.iter().map(line).collect::<Vec<_>>().join("\n")
}
