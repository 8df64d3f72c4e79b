//! `stagedoor dev`: the emulator, the gateway and an app in one process, without configuration.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use stagedoor_emulator::{BindError, Config as ZoomConfig, Emulator, WebhookSecret as EmulatedSecret};
use stagedoor_flows::api::ApiAllow;
use stagedoor_flows::launch::Guests;
use stagedoor_flows::session::SessionTtl;
use stagedoor_flows::zoom::ZoomApp;
use stagedoor_gateway::{App, AppSource, Config, Flights};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::failure::{Failure, Outcome};
use crate::marketplace::Registration;
use crate::process::{self, LogFormat};
use crate::settings::{self, Deployment, LogLevel, Providers, StoreUrl, WebhookSettings, ZoomDeployment};
use crate::wiring::{self, Bound, Taken};
use crate::{console, sample};

mod state;
mod website;

use state::State;
use website::Website;

/// Run everything on this machine: an emulated Zoom, the gateway and your app
///
/// Needs no account, tunnel, internet or configuration, and reads no settings file. What is kept lies in .stagedoor/,
/// so a restart loses nothing; delete that directory to begin anew.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor dev\n  stagedoor dev --app dist\n  stagedoor dev --upstream http://localhost:8000 --port 3001"
)]
pub(super) struct Dev {
    /// The directory of the app's files [default: the bundled sample].
    #[arg(long, value_name = "DIR", conflicts_with = "upstream")]
    app: Option<PathBuf>,
    /// The server that is the app; it may start later.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// The port of the app.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The first of the six ports of the emulator.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u16).range(1..=65530))]
    emulator_port: u16,
    /// Where webhooks are forwarded [default: nowhere; the app's pages hear them].
    #[arg(long, value_name = "URL")]
    webhooks: Option<Url>,
    /// Log every request.
    #[arg(long, short)]
    verbose: bool,
}

/// The calls of Zoom's API that the emulator plays, for the sample and for whoever tries something.
const API: [&str; 4] =
    ["GET /v2/users/me", "GET /v2/users/me/meetings", "POST /v2/users/me/meetings", "GET /v2/meetings/*"];

/// What these calls need beyond what every app has.
const API_SCOPES: [&str; 3] = ["meeting:read:list_meetings", "meeting:read:meeting", "meeting:write:meeting"];

/// The name of the third party that comes with the emulator.
const ACME: &str = "acme";

impl Dev {
    pub(super) fn run(self) -> Outcome {
        let source = self.source()?;
        self.tell_ports_apart()?;
        let state = State::open(Path::new(".stagedoor"))?;
        process::log(if self.verbose { LogLevel::Info } else { LogLevel::Warn }, LogFormat::Compact);
        process::block_on(self.serve(source, state))
    }

    fn source(&self) -> Result<AppSource, Failure> {
        match (&self.app, &self.upstream) {
            (Some(directory), _) if directory.is_dir() => Ok(AppSource::Root(directory.clone())),
            (Some(directory), _) => {
                Err(Failure::Usage(format!("--app: there is no directory {}", directory.display())))
            }
            (None, Some(upstream)) => settings::parse_origin(upstream)
                .map(AppSource::Upstream)
                .map_err(|wrong| Failure::Usage(format!("--upstream: {}; {}", wrong.what, wrong.fix))),
            (None, None) => Ok(AppSource::Embedded(sample::FILES)),
        }
    }

    async fn serve(self, source: AppSource, state: State) -> Outcome {
        let ended = process::asked_to_end()?;
        let emulated = self.emulated(&state)?;
        let providers = self.providers(&emulated)?;
        let emulator = Emulator::bind(emulated).await.map_err(name_the_flag)?;
        self.look_for_a_squatter().await?;
        let store = wiring::store(&StoreUrl::Sqlite(state.store())).await?;
        let deployment = self.deployment(source, &state, providers)?;
        let forwarding = self.forwarding(&deployment)?;
        let bound = Bound::new(deployment, store, Flights::new()).await.map_err(|error| self.name_the_flag(error))?;
        let (_, admin) = bound.addresses()?;
        let zoom = &emulator.addresses().zoom;
        console::say("Stagedoor runs here, with an emulated Zoom. Open:\n");
        console::say(format_args!("  {zoom:<24} Zoom: add the app, open it, and watch every step"));
        console::say(format_args!("  http://localhost:{:<7} the app, as a browser outside Zoom sees it", self.port));
        console::say(format_args!(
            "\n{}{forwarding}\nHealth: http://{admin}/health. Ctrl-C stops everything.",
            self.which_app()
        ));
        Box::pin(run(bound, emulator, ended)).await
    }

    fn which_app(&self) -> String {
        match (&self.app, &self.upstream) {
            (Some(directory), _) => format!("The app is {}.", directory.display()),
            (None, Some(upstream)) => format!("The app is the server at {upstream}."),
            (None, None) => "The app is the bundled sample; bring your own with --app DIR or --upstream URL.".into(),
        }
    }

    /// What to say of webhooks, where they go somewhere.
    fn forwarding(&self, deployment: &Deployment) -> anyhow::Result<String> {
        let webhook = deployment.zoom.as_ref().and_then(|zoom| zoom.webhook.as_ref());
        let (Some(url), Some(webhook)) = (&self.webhooks, webhook) else { return Ok(String::new()) };
        let keys = wiring::webhook_keys(&deployment.secrets, webhook)?;
        Ok(format!("\nWebhooks go to {url}, signed with {}", keys[0].secret().expose()))
    }

    fn origin(&self) -> anyhow::Result<Url> {
        Ok(Url::parse(&format!("http://localhost:{}", self.port))?)
    }

    fn emulated(&self, state: &State) -> anyhow::Result<ZoomConfig> {
        let mut config = ZoomConfig::new(state.client_id.clone(), state.client_secret.clone(), self.origin()?);
        config.backend = "Stagedoor".into();
        config.port = self.emulator_port;
        self.website(state)?.enter(&mut config);
        config.scopes.extend(API_SCOPES.map(String::from));
        config.webhook_url = Some(self.origin()?.join("/zoom/webhook")?);
        config.webhook_secret = EmulatedSecret::new(state.webhook_secret.expose());
        if self.app.is_some() || self.upstream.is_some() {
            config.app_name = "Your app".into();
        }
        Ok(config)
    }

    fn website(&self, state: &State) -> anyhow::Result<Website> {
        Website::new(state, self.emulator_port)
    }

    /// The third party that comes with the emulator, five ports behind its first.
    fn providers(&self, emulated: &ZoomConfig) -> anyhow::Result<Providers> {
        let issuer = Url::parse(&format!("http://localhost:{}", self.emulator_ports().end()))?;
        let registration = &emulated.provider;
        Providers::of_emulator(ACME, &issuer, registration.client_id.clone(), registration.client_secret.clone())
    }

    fn deployment(&self, source: AppSource, state: &State, providers: Providers) -> anyhow::Result<Deployment> {
        let zoom = Url::parse(&format!("http://localhost:{}", self.emulator_port))?;
        let website = self.website(state)?;
        let registration = Registration {
            public_url: self.origin()?,
            prefix: "/zoom".into(),
            home: "/".into(),
            scopes: vec!["zoomapp:inmeeting".into()],
            guests: Guests::Allow,
            pwa: true,
            webhooks: true,
        };
        Ok(Deployment {
            caveats: vec![],
            listen: (Ipv4Addr::LOCALHOST, self.port).into(),
            admin_listen: (Ipv4Addr::LOCALHOST, 0).into(),
            secrets: state.secrets(),
            gateway: Config {
                app: Some(App::new(source)),
                zoom_host: zoom.clone(),
                api_allow: ApiAllow::parse(&API)?,
                consumer_origins: website.origins(),
                ..Config::new(registration.public_url.clone())
            },
            zoom: Some(ZoomDeployment {
                app: ZoomApp {
                    client_id: state.client_id.clone(),
                    client_secret: state.client_secret.clone(),
                    redirect_uri: registration.redirect_uri(),
                    host: zoom.clone(),
                    api_host: zoom,
                },
                registration,
                previous_client_secrets: vec![],
                webhook: Some(WebhookSettings {
                    forward: self.webhooks.clone(),
                    ..WebhookSettings::keeping(state.webhook_secret.clone())
                }),
                providers,
            }),
            consumer: Some(website.consumer()?),
            cobrowse: Some(website.cobrowse()),
            store: StoreUrl::Sqlite(state.store()),
            session_ttl: SessionTtl { client: 86_400, pwa: 3_600 },
            // Zoom itself dies with this process.
            outlive: false,
            log_level: LogLevel::Warn,
        })
    }

    /// The six ports of the emulator. The argument leaves room for them.
    fn emulator_ports(&self) -> RangeInclusive<u16> {
        self.emulator_port..=self.emulator_port + 5
    }

    /// The emulator's ports are ours, too: no other program has taken what it takes.
    fn tell_ports_apart(&self) -> Result<(), Failure> {
        let taken = self.emulator_ports();
        if taken.contains(&self.port) {
            let (first, last) = taken.into_inner();
            let sentence =
                format!("--port {} is one of the emulator's ports, {first} to {last}; choose another", self.port);
            return Err(Failure::Usage(sentence));
        }
        Ok(())
    }

    /// The gateway listens on 127.0.0.1. A program that has the same port on ::1 alone would get the browser instead.
    async fn look_for_a_squatter(&self) -> anyhow::Result<()> {
        match TcpListener::bind((Ipv6Addr::LOCALHOST, self.port)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(taken(self.port)),
            _ => Ok(()),
        }
    }

    fn name_the_flag(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref::<Taken>() {
            Some(_) => taken(self.port),
            None => error,
        }
    }
}

/// Serves until the process is asked to end, or one of the two ends by itself.
async fn run(bound: Bound, emulator: Emulator, ended: impl Future<Output = ()>) -> Outcome {
    let stop = CancellationToken::new();
    let serving = async {
        let served = bound.serve(stop.cancelled()).await;
        stop.cancel();
        served
    };
    let emulating = async {
        let emulated = emulator.run(stop.clone().cancelled_owned()).await;
        stop.cancel();
        emulated
    };
    let waiting = async {
        stop.run_until_cancelled(ended).await;
        stop.cancel();
    };
    let (served, emulated, ()) = tokio::join!(serving, emulating, waiting);
    served?;
    Ok(emulated.context("the emulator ended")?)
}

fn taken(port: u16) -> anyhow::Error {
    anyhow!("port {port} is taken by another program; choose another with --port")
}

fn name_the_flag(error: BindError) -> anyhow::Error {
    match error {
        BindError::Taken { port } => {
            anyhow!("port {port} is taken by another program; choose another first of six ports with --emulator-port")
        }
        error => error.into(),
    }
}
