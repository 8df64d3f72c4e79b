//! `stagedoor emulator`: the Zoom platform alone, for a backend in any language.

use clap::Args;
use stagedoor_emulator::{Config, Emulator as Platform, WebhookSecret};
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::ClientSecret;
use url::Url;

use super::{generate, input};
use crate::failure::{Failure, Outcome};
use crate::settings::Environment;
use crate::{console, process};

/// Emulate the Zoom platform, for any backend in any language
///
/// Serves zoom.us, api.zoom.us, the Marketplace and the Zoom client on ports of this machine: PORT for Zoom and
/// the page that shows every step, PORT+1 for the desktop client's web view, PORT+2 for control by tests, PORT+3 for
/// the app in the web client. It forgets everything when it stops.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor emulator --home-url http://localhost:3000/\n  ZOOM_CLIENT_ID=my-app ZOOM_CLIENT_SECRET=… stagedoor emulator --redirect-url http://localhost:3000/auth"
)]
pub(super) struct Emulator {
    /// The first of six ports; 0 takes free ones.
    #[arg(long, default_value_t = 4000)]
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
}

/// A value, and whether it was made up here.
struct Chosen<T> {
    value: T,
    is_random: bool,
}

impl Emulator {
    pub(super) fn run(self) -> Outcome {
        let environment = Environment::of_process();
        let id = self.client_id(&environment)?;
        let secret = self.client_secret(&environment)?;
        let mut config = Config::new(id.value.clone(), secret.value.clone(), self.home_url);
        config.port = self.port;
        if !self.redirect_url.is_empty() {
            config.redirect_urls = self.redirect_url;
        }
        if let Some(landing_url) = self.landing_url {
            config.landing_url = landing_url;
        }
        let webhook_secret = webhook_secret(&environment)?;
        config.webhook_url = self.webhook_url;
        config.webhook_secret = webhook_secret.value.clone();
        process::block_on(serve(config, &id, &secret, &webhook_secret))
    }

    fn client_id(&self, environment: &Environment) -> Result<Chosen<ClientId>, Failure> {
        let given =
            self.client_id.clone().map_or_else(|| variable(environment, "ZOOM_CLIENT_ID"), |id| Ok(Some(id)))?;
        let is_random = given.is_none();
        let text = given.unwrap_or_else(|| generate::letters(22));
        let value = ClientId::parse(text).map_err(|error| Failure::Usage(format!("the client id {error}")))?;
        Ok(Chosen { value, is_random })
    }

    fn client_secret(&self, environment: &Environment) -> Result<Chosen<ClientSecret>, Failure> {
        let given = match &self.client_secret {
            Some(argument) => Some(input::secret("--client-secret", argument)?),
            None => variable(environment, "ZOOM_CLIENT_SECRET")?,
        };
        if given.as_ref().is_some_and(|secret| secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(Failure::Usage("the client secret must be visible ASCII characters without spaces".into()));
        }
        let is_random = given.is_none();
        let value = ClientSecret::new(given.unwrap_or_else(|| generate::letters(32)));
        Ok(Chosen { value, is_random })
    }
}

fn variable(environment: &Environment, name: &str) -> Result<Option<String>, Failure> {
    match environment.get(name) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value.to_owned())),
        Some(Err(wrong)) => Err(Failure::Usage(format!("{name}: {}", wrong.what))),
    }
}

fn webhook_secret(environment: &Environment) -> Result<Chosen<WebhookSecret>, Failure> {
    let given = variable(environment, "ZOOM_WEBHOOK_SECRET_TOKEN")?;
    // Of several, as during a change of secrets, the first is the one that Zoom signs with.
    let given = given.map(|list| list.split(',').next().unwrap_or_default().trim().to_owned());
    if given.as_ref().is_some_and(String::is_empty) {
        return Err(Failure::Usage("ZOOM_WEBHOOK_SECRET_TOKEN is empty".into()));
    }
    let is_random = given.is_none();
    let value = WebhookSecret::new(given.unwrap_or_else(|| generate::letters(22)));
    Ok(Chosen { value, is_random })
}

async fn serve(
    config: Config,
    id: &Chosen<ClientId>,
    secret: &Chosen<ClientSecret>,
    webhook_secret: &Chosen<WebhookSecret>,
) -> Outcome {
    let ended = process::asked_to_end()?;
    let has_webhooks = config.webhook_url.is_some();
    let emulator = Platform::bind(config).await.map_err(anyhow::Error::from)?;
    let addresses = emulator.addresses();
    console::say(format_args!(
        "Zoom, emulated, is at {0}\nOpen it in a browser. Your backend needs:\n",
        addresses.zoom
    ));
    console::say(format_args!("  ZOOM_HOST={0}\n  ZOOM_API_HOST={0}\n  ZOOM_CLIENT_ID={1}", addresses.zoom, id.value));
    if secret.is_random {
        console::say(format_args!("  ZOOM_CLIENT_SECRET={}", secret.value.expose()));
    } else {
        console::say("  ZOOM_CLIENT_SECRET=(the one you gave)");
    }
    if webhook_secret.is_random {
        console::say(format_args!("  ZOOM_WEBHOOK_SECRET_TOKEN={}", webhook_secret.value.expose()));
    } else if has_webhooks {
        console::say("  ZOOM_WEBHOOK_SECRET_TOKEN=(the one you gave)");
    }
    if id.is_random || secret.is_random || webhook_secret.is_random {
        console::say("\nWhat is random is new at every start; set these variables to keep it.");
    }
    console::say(format_args!("\nTests control it at {}/control/", addresses.control));
    emulator.run(ended).await.map_err(|error| anyhow::Error::from(error).context("the emulator ended"))?;
    Ok(())
}
