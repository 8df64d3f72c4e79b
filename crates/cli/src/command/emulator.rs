//! `stagedoor emulator`: the Zoom platform alone, for a backend in any language.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use stagedoor_emulator::{Addresses, Config, Emulator as Platform, WebhookSecret};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use url::Url;

use super::{generate, input};
use crate::failure::{Failure, Outcome};
use crate::settings::Environment;
use crate::{console, process};

mod website;

use website::Website;

/// Emulate the Zoom platform, for any backend in any language
///
/// Serves zoom.us, api.zoom.us, the Marketplace and the Zoom client on ports of this machine: PORT for Zoom and
/// the page that shows every step, PORT+1 for the desktop client's web view, PORT+2 for control by tests, PORT+3 for
/// the app in the web client, PORT+4 for a website with chat and Cobrowse,
/// PORT+5 for a third party to connect. It forgets everything when it stops.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor emulator --home-url http://localhost:3000/\n  ZOOM_CLIENT_ID=my-app ZOOM_CLIENT_SECRET=… stagedoor emulator --redirect-url http://localhost:3000/auth"
)]
pub(super) struct Emulator {
    /// The first of six ports; 0 takes free ones.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u16).range(..=65530))]
    port: u16,
    /// The client id of the app [default: ZOOM_CLIENT_ID, or a random one].
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Where the client secret is: @FILE, or - for standard input [default: ZOOM_CLIENT_SECRET, or a random one].
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    client_secret: Option<String>,
    /// A redirect URL of the app, matched exactly; may be repeated [default: /zoom/callback beside the Home URL].
    #[arg(long, value_name = "URL")]
    redirect_url: Vec<Url>,
    /// The page that the Zoom client opens.
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000/")]
    home_url: Url,
    /// Where the Marketplace's Add button leads [default: /zoom/install beside the Home URL].
    #[arg(long, value_name = "URL")]
    landing_url: Option<Url>,
    /// Where the app wants its webhooks; the secret token comes from ZOOM_WEBHOOK_SECRET_TOKEN, or is random.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<Url>,
    #[command(flatten)]
    website: Website,
    /// Print the addresses and the variables as one line of JSON, once everything listens.
    #[arg(long)]
    json: bool,
}

/// The variables that the backend needs. Those without a value are secrets that were given, so nobody has to be told.
#[derive(Default)]
struct Needs {
    variables: Vec<(String, Option<String>)>,
    is_any_random: bool,
}

impl Needs {
    /// A value that was made up here, and so has to be said.
    fn random(&mut self, name: &str, value: &str) {
        self.variables.push((name.into(), Some(value.into())));
        self.is_any_random = true;
    }

    /// The secret that was given, or a random one.
    fn secret(&mut self, name: &str, secret: Option<String>, length: usize) -> String {
        if let Some(secret) = secret {
            self.variables.push((name.into(), None));
            return secret;
        }
        let secret = generate::letters(length);
        self.random(name, &secret);
        secret
    }
}

impl Emulator {
    pub(super) fn run(self) -> Outcome {
        let environment = Environment::of_process();
        let mut needs = Needs::default();
        let id = self.client_id(&environment, &mut needs)?;
        let secret = needs.secret("ZOOM_CLIENT_SECRET", self.client_secret(&environment)?, 32);
        let mut config = Config::new(id, ClientSecret::new(secret), self.home_url);
        config.port = self.port;
        if !self.redirect_url.is_empty() {
            config.redirect_urls = self.redirect_url;
        }
        if let Some(landing_url) = self.landing_url {
            config.landing_url = landing_url;
        }
        config.webhook_url = self.webhook_url;
        let token = needs.secret(WEBHOOK_SECRET, webhook_secret(&environment)?, 22);
        config.webhook_secret = WebhookSecret::new(token);
        self.website.enter(&mut config, &environment, &mut needs)?;
        process::block_on(serve(config, needs, self.json))
    }

    fn client_id(&self, environment: &Environment, needs: &mut Needs) -> Result<ClientId, Failure> {
        let given = match &self.client_id {
            Some(id) => Some(id.clone()),
            None => variable(environment, "ZOOM_CLIENT_ID")?,
        };
        needs.is_any_random |= given.is_none();
        let text = given.unwrap_or_else(|| generate::letters(22));
        needs.variables.push(("ZOOM_CLIENT_ID".into(), Some(text.clone())));
        ClientId::parse(text).map_err(|error| Failure::Usage(format!("the client id {error}")))
    }

    fn client_secret(&self, environment: &Environment) -> Result<Option<String>, Failure> {
        let secret = match &self.client_secret {
            Some(argument) => Some(input::secret("--client-secret", argument)?),
            None => variable(environment, "ZOOM_CLIENT_SECRET")?,
        };
        given("the client secret", secret)
    }
}

const WEBHOOK_SECRET: &str = "ZOOM_WEBHOOK_SECRET_TOKEN";

fn variable(environment: &Environment, name: &str) -> Result<Option<String>, Failure> {
    match environment.get(name) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value.to_owned())),
        Some(Err(wrong)) => Err(Failure::Usage(format!("{name}: {}", wrong.what))),
    }
}

/// A key or a secret that was given, if it can be one.
fn given(what: &str, value: Option<String>) -> Result<Option<String>, Failure> {
    match value {
        Some(value) if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Failure::Usage(format!("{what} must be visible ASCII characters without spaces")))
        }
        value => Ok(value),
    }
}

/// Of several, as during a change of secrets, the first is the one that Zoom signs with.
fn webhook_secret(environment: &Environment) -> Result<Option<String>, Failure> {
    let list = variable(environment, WEBHOOK_SECRET)?;
    given("the webhook secret token", list.map(|list| list.split(',').next().unwrap_or_default().trim().to_owned()))
}

async fn serve(config: Config, needs: Needs, json: bool) -> Outcome {
    let ended = process::asked_to_end()?;
    let emulator = Platform::bind(config).await.map_err(anyhow::Error::from)?;
    let addresses = emulator.addresses();
    if json {
        say_json(addresses, needs);
    } else {
        say(addresses, needs);
    }
    emulator.run(ended).await.map_err(|error| anyhow::Error::from(error).context("the emulator ended"))?;
    Ok(())
}

fn say(addresses: &Addresses, needs: Needs) {
    let zoom = &addresses.zoom;
    console::say(format_args!("Zoom, emulated, is at {zoom}\nOpen it in a browser. Your backend needs:\n"));
    console::say(format_args!("  ZOOM_HOST={zoom}\n  ZOOM_API_HOST={zoom}"));
    for (name, value) in needs.variables {
        console::say(format_args!("  {name}={}", value.as_deref().unwrap_or("(the one you gave)")));
    }
    if needs.is_any_random {
        console::say("\nWhat is random is new at every start; set these variables to keep it.");
    }
    console::say(format_args!(
        "\nThe website with chat and Cobrowse is at {}\nTests control it at {}/control/",
        addresses.website, addresses.control
    ));
}

/// On one line, so that whoever reads it knows where it ends: the emulator goes on.
fn say_json(addresses: &Addresses, needs: Needs) {
    #[derive(Serialize)]
    struct Listening<'a> {
        zoom: &'a str,
        control: String,
        website: &'a str,
        provider: &'a str,
        environment: BTreeMap<String, String>,
    }
    let hosts = ["ZOOM_HOST", "ZOOM_API_HOST"].map(|name| (name.to_owned(), addresses.zoom.clone()));
    let given = needs.variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let listening = Listening {
        zoom: &addresses.zoom,
        control: format!("{}/control/", addresses.control),
        website: &addresses.website,
        provider: &addresses.provider,
        environment: hosts.into_iter().chain(given).collect(),
    };
    console::say(serde_json::to_string(&listening).expect("addresses and variables are text"));
}
