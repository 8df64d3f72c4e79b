//! `stagedoor token consumer|cobrowse|explain`: one token, decoded beside it.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use stagedoor_flows::cobrowse::BACKDATED_SECONDS;
use stagedoor_flows::port::{Clock as _, Entropy};
use stagedoor_gateway::{SystemClock, SystemEntropy};
use stagedoor_protocol::cobrowse::{CobrowseKey, CobrowseRequest, Grant, InvalidRequest, Lifetime, UserId, UserName};
use stagedoor_protocol::consumer::{ClaimName, ClaimValue};
use stagedoor_protocol::json::UniqueObject;
use stagedoor_protocol::time::UnixSeconds;

use super::{SettingsArgs, input};
use crate::failure::{Failure, Outcome};
use crate::settings::{self, ConsumerKeys, ConsumerLife, Environment, SdkApp};
use crate::{console, wiring};

mod explain;

use explain::{Decoded, Key};

/// Issue one token from the settings, or explain one
///
/// For trying things out: what the endpoints of a running deployment issue, they issue by who asks.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor token consumer '{\"email\":\"janet.smith@example.com\"}'\n  stagedoor token cobrowse --role 2 --user-name \"Agent One\"\n  pbpaste | stagedoor token explain"
)]
pub(super) struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Consumer(Consumer),
    Cobrowse(Cobrowse),
    Explain(Explain),
}

/// Issue a token of consumer authentication (Contact Center, Virtual Agent)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor token consumer '{\"email\":\"janet.smith@example.com\"}'\n  stagedoor token consumer --ttl 3600 --json @claims.json"
)]
struct Consumer {
    #[command(flatten)]
    common: Common,
    /// How long it lives, in seconds [default: consumer.ttl_seconds].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    ttl: Option<u32>,
    /// The claims, a JSON object; @FILE for a file, - or nothing for standard input.
    claims: Option<String>,
}

/// Issue a token for a Cobrowse session
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor token cobrowse\n  stagedoor token cobrowse --role 2 --user-id agent-1 --user-name \"Agent One\" --seconds 1800 --json"
)]
struct Cobrowse {
    #[command(flatten)]
    common: Common,
    /// 1 for a customer, 2 for an agent.
    #[arg(long, default_value = "1")]
    role: i64,
    /// The id, unique in the session [default: a random one].
    #[arg(long)]
    user_id: Option<String>,
    /// The name that the others see [default: the id].
    #[arg(long)]
    user_name: Option<String>,
    /// How long it lives, in seconds, from 1800 to 172800.
    #[arg(long, default_value = "7200")]
    seconds: i64,
    /// Let the customer bring a PIN of their own.
    #[arg(long)]
    byop: bool,
}

/// Decode a token, verify it with the settings where they have its key, and say what Zoom would not like
///
/// Exit status 1 where there is something.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stagedoor token explain eyJhbGciOi…\n  pbpaste | stagedoor token explain --json")]
struct Explain {
    #[command(flatten)]
    common: Common,
    /// The token; @FILE for a file, - or nothing for standard input.
    token: Option<String>,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The time, in seconds since 1970 [default: now].
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Token {
    pub(super) fn run(self) -> Outcome {
        match self.action {
            Action::Consumer(consumer) => consumer.run(),
            Action::Cobrowse(cobrowse) => cobrowse.run(),
            Action::Explain(explain) => explain.run(),
        }
    }
}

impl Common {
    fn now(&self) -> UnixSeconds {
        self.now.map_or_else(|| SystemClock.now().to_seconds(), UnixSeconds)
    }

    /// Shows a token and what it says; gives what is wrong with it.
    fn show(&self, token: &str, key: Option<&Key>) -> Result<Vec<String>, Failure> {
        let decoded = Decoded::of(token).map_err(|what| Failure::Usage(format!("this is no token: {what}")))?;
        let warnings = decoded.warnings(self.now(), key);
        if self.json {
            let Decoded { header, payload, .. } = &decoded;
            console::say_json(&json!({ "token": token, "header": header, "payload": payload, "warnings": warnings }));
            return Ok(warnings);
        }
        console::say(token);
        console::say(format_args!(
            "\nheader\n{}\n\npayload\n{}",
            explain::table(&decoded.header, None),
            explain::table(&decoded.payload, Some(self.now()))
        ));
        for warning in &warnings {
            console::note(format_args!("\nwarning: {warning}"));
        }
        Ok(warnings)
    }
}

impl Consumer {
    fn run(self) -> Outcome {
        let flags = self.common.settings.flags();
        let keys: ConsumerKeys = settings::read(&flags, Environment::of_process())?;
        let ConsumerLife(usual) = settings::read(&flags, Environment::of_process())?;
        let text = input::value(self.claims.as_deref())?;
        let Ok(UniqueObject(Value::Object(claims))) = serde_json::from_str(&text) else {
            return Err(Failure::Usage("the claims are not a JSON object with unique members".into()));
        };
        let now = self.common.now();
        let signing = wiring::signing_keys(&keys)?;
        let key = signing.at(now.to_millis());
        let token =
            key.sign(&read_claims(&claims)?, UnixSeconds(now.0.saturating_add(self.ttl.unwrap_or(usual).into())));
        self.common.show(token.expose(), Some(&Key::Public(key.public_pem())))?;
        Ok(())
    }
}

fn read_claims(claims: &Map<String, Value>) -> Result<Vec<(ClaimName, ClaimValue)>, Failure> {
    let wrong = |name: &str, what: String| Failure::Usage(format!("the claim {} {what}", name.escape_debug()));
    let mut read = Vec::new();
    for (name, value) in claims {
        let claim = ClaimName::parse(name).map_err(|error| wrong(name, error.to_string()))?;
        if let Some(value) = ClaimValue::parse(value).map_err(|error| wrong(name, error.to_string()))? {
            read.push((claim, value));
        }
    }
    Ok(read)
}

impl Cobrowse {
    fn run(self) -> Outcome {
        let app: SdkApp = settings::read(&self.common.settings.flags(), Environment::of_process())?;
        let grant = self.grant()?;
        let issued = UnixSeconds(self.common.now().0.saturating_sub(BACKDATED_SECONDS));
        let token = CobrowseKey::new(app.key, &app.secret).sign(&grant, issued);
        self.common.show(token.expose(), Some(&Key::Secret(app.secret)))?;
        Ok(())
    }

    /// The limits are those of the endpoint.
    fn grant(&self) -> Result<Grant, Failure> {
        let mut body =
            json!({ "role": self.role, "expirationSeconds": self.seconds, "enableByop": u8::from(self.byop) });
        for (name, text) in [("userId", &self.user_id), ("userName", &self.user_name)] {
            if let Some(text) = text {
                body[name] = text.as_str().into();
            }
        }
        let CobrowseRequest { role, user_id, user_name, lifetime, byop } =
            CobrowseRequest::parse(body.to_string().as_bytes()).map_err(|invalid| Failure::Usage(said(&invalid)))?;
        let user_id = user_id.unwrap_or_else(|| UserId::random((&SystemEntropy as &dyn Entropy).bytes()));
        let user_name = user_name.unwrap_or_else(|| UserName::from(&user_id));
        Ok(Grant { role, user_id, user_name, lifetime: lifetime.unwrap_or(Lifetime::DEFAULT), byop })
    }
}

/// The mistakes of a request, a line each.
fn said(invalid: &InvalidRequest) -> String {
    invalid.mistakes().map(|(property, reason)| format!("{property}: {reason}")).collect::<Vec<_>>().join("\n")
}

impl Explain {
    fn run(self) -> Outcome {
        let token = input::value(self.token.as_deref())?;
        let key = self.key(token.trim());
        let warnings = self.common.show(token.trim(), key.as_ref())?;
        if warnings.is_empty() { Ok(()) } else { Err(Failure::Told) }
    }

    /// The key of the settings for this kind of token, if they have one.
    fn key(&self, token: &str) -> Option<Key> {
        let (flags, environment) = (self.common.settings.flags(), Environment::of_process());
        match Decoded::of(token).ok()?.header["alg"].as_str()? {
            "ES256" => {
                let keys: ConsumerKeys = settings::read(&flags, environment).ok()?;
                Some(Key::Public(wiring::signing_keys(&keys).ok()?.at(self.common.now().to_millis()).public_pem()))
            }
            "HS256" => Some(Key::Secret(settings::read::<SdkApp>(&flags, environment).ok()?.secret)),
            _ => None,
        }
    }
}
