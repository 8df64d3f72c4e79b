//! Puts the crates together: from a deployment to flows, and from flows to a gateway.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use stagedoor_flows::assertion::Assertions;
use stagedoor_flows::authorize::Authorize;
use stagedoor_flows::connect::{Connect, Ports};
use stagedoor_flows::grant::Driver;
use stagedoor_flows::install::Install;
use stagedoor_flows::installation::Installations;
use stagedoor_flows::launch::Launch;
use stagedoor_flows::port::{Clock, Entropy, Store};
use stagedoor_flows::revocation::Revocations;
use stagedoor_flows::seal::{MasterSecret, Purpose, Sealer, fingerprint};
use stagedoor_flows::session::Sessions;
use stagedoor_flows::tokens::Tokens;
use stagedoor_flows::vault::Vault;
use stagedoor_flows::webhook::REMEMBER_SECONDS;
use stagedoor_flows::zoom::Zoom;
use stagedoor_gateway::{Flights, Flows, Gateway, HttpClient, OutboundLimits, SystemClock, SystemEntropy, ZoomFlows};
use tokio::net::TcpListener;

use crate::settings::{Deployment, Secrets, ZoomDeployment};

mod store;
mod tokens;
mod webhook;

pub(crate) use store::{existing_store, no_store, store, store_to_fill};
pub(crate) use tokens::signing_keys;
pub(crate) use webhook::webhook_keys;

/// What stands on the store.
pub(crate) struct Keeping {
    pub(crate) vault: Vault,
    pub(crate) revocations: Arc<Revocations>,
    /// The Zoom App, where there is one.
    pub(crate) zoom: Option<ZoomKeeping>,
}

/// Enough to look after installations.
pub(crate) struct ZoomKeeping {
    http: Arc<HttpClient>,
    zoom: Zoom,
    pub(crate) installations: Installations,
}

impl Keeping {
    /// Builds what looks after the records of a deployment.
    pub(crate) fn new(deployment: &Deployment, store: Arc<dyn Store>) -> anyhow::Result<Self> {
        let sealer = Arc::new(deployment.sealer(Purpose::Record)?);
        let vault = Vault::new(store, sealer, clock(), entropy());
        // A revocation also keeps out what Zoom sends late of a user who is gone.
        let longest = deployment.session_ttl.client.max(deployment.session_ttl.pwa).max(REMEMBER_SECONDS);
        let revocations = Arc::new(Revocations::new(vault.clone(), longest));
        let zoom = match &deployment.zoom {
            None => None,
            Some(settings) => {
                let http = HttpClient::new(OutboundLimits::default()).context("TLS cannot be set up")?;
                let http = Arc::new(http);
                let zoom = Zoom::new(settings.app.clone(), Arc::clone(&http) as _);
                let installations = Installations::new(
                    vault.clone(),
                    zoom.clone(),
                    Arc::clone(&revocations),
                    settings.registration.scopes.clone(),
                );
                Some(ZoomKeeping { http, zoom, installations })
            }
        };
        Ok(Self { vault, revocations, zoom })
    }

    /// Builds everything that the gateway calls. `flights` carries refreshes.
    pub(crate) fn flows(self, deployment: &Deployment, flights: Flights) -> anyhow::Result<Flows> {
        let Self { vault, revocations, zoom } = self;
        let flights = Arc::new(flights);
        let zoom = match (zoom, &deployment.zoom) {
            (Some(keeping), Some(settings)) => {
                Some(zoom_flows(deployment, settings, keeping, (&vault, &revocations, &flights))?)
            }
            _ => None,
        };
        let consumer = deployment.consumer.as_ref().map(tokens::consumer).transpose()?;
        let cobrowse = deployment.cobrowse.as_ref().map(tokens::cobrowse);
        Ok(Flows { vault, revocations, flights, zoom, consumer, cobrowse })
    }
}

impl ZoomKeeping {
    /// Builds what keeps tokens good, Zoom's and those of third parties.
    pub(crate) fn tokens(
        &self,
        settings: &ZoomDeployment,
        vault: &Vault,
        driver: Arc<dyn Driver>,
    ) -> anyhow::Result<(Tokens, Connect)> {
        let Self { http, zoom, installations } = self;
        let tokens = Tokens::new(installations, (clock(), entropy()), Arc::clone(&driver));
        let outward = Ports { http: Arc::clone(http) as _, clock: clock(), entropy: entropy(), driver };
        let providers = settings.providers.build(&settings.registration)?;
        let shared = (zoom.clone(), installations.clone(), tokens.clone());
        Ok((tokens, Connect::new(vault.clone(), shared, outward, providers)))
    }
}

fn zoom_flows(
    deployment: &Deployment,
    settings: &ZoomDeployment,
    keeping: ZoomKeeping,
    (vault, revocations, flights): (&Vault, &Arc<Revocations>, &Arc<Flights>),
) -> anyhow::Result<ZoomFlows> {
    let (tokens, connect) = keeping.tokens(settings, vault, Arc::clone(flights) as _)?;
    let ZoomKeeping { zoom, installations, .. } = keeping;
    let registration = &settings.registration;
    let sessions = Sessions::new(
        deployment.sealer(Purpose::Session)?,
        clock(),
        entropy(),
        Arc::clone(revocations),
        deployment.session_ttl,
    );
    let both = (zoom.clone(), installations.clone());
    let authorize = Authorize::new(vault.clone(), both, sessions.clone(), entropy(), registration.home_url());
    let install =
        Install::new(vault.clone(), (zoom, installations.clone()), entropy(), deployment.sealer(Purpose::Install)?);
    let launch = Launch::new(
        settings.app.client_id.clone(),
        (&settings.app.client_secret, &settings.previous_client_secrets),
        registration.guests,
        clock(),
        sessions.clone(),
    );
    let secrets = &deployment.secrets;
    let assertions = Assertions::new(&secrets.current, &secrets.previous, &registration.public_url, clock())?;
    let kept = (vault, revocations, &installations);
    let webhook = settings.webhook.as_ref();
    let webhook =
        webhook.map(|webhook| webhook::flows(settings.app.client_id.clone(), webhook, secrets, kept)).transpose()?;
    Ok(ZoomFlows { install, authorize, launch, sessions, installations, tokens, assertions, connect, webhook })
}

impl Deployment {
    fn sealer(&self, purpose: Purpose) -> anyhow::Result<Sealer> {
        Ok(Sealer::new(&self.secrets.current, &self.secrets.previous, purpose)?)
    }

    /// Names what refreshes depend on, without telling it: the store, the secrets, the app, the providers. Two processes
    /// with the same one may refresh for each other.
    pub(crate) fn fingerprint(&self) -> anyhow::Result<String> {
        let Secrets { current, previous } = &self.secrets;
        let (store, zoom) = (format!("{:?}", self.store), format!("{:?}", self.zoom));
        let client_secret = self.zoom.as_ref().map(|zoom| zoom.app.client_secret.expose());
        let mut parts = vec![env!("CARGO_PKG_VERSION"), &store, &zoom, client_secret.unwrap_or_default()];
        parts.extend(self.zoom.iter().flat_map(|zoom| zoom.providers.secrets()));
        parts.extend(previous.iter().map(MasterSecret::expose));
        Ok(fingerprint(current, &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())?)
    }
}

/// A gateway that has its addresses and is ready to serve.
pub(crate) struct Bound {
    gateway: Gateway,
    public: TcpListener,
    admin: TcpListener,
}

impl Bound {
    /// Builds the gateway of a deployment on its store and takes its addresses. What is wrong is found here, before
    /// the first request: the store must answer, and the revocations are read.
    pub(crate) async fn new(deployment: Deployment, store: Arc<dyn Store>, flights: Flights) -> anyhow::Result<Self> {
        let keeping = Keeping::new(&deployment, store)?;
        keeping.vault.ready().await.context("the store cannot be written")?;
        keeping.revocations.refresh().await.context("the store cannot be read")?;
        let flows = keeping.flows(&deployment, flights)?;
        let (listen, admin_listen) = (deployment.listen, deployment.admin_listen);
        let gateway = Gateway::new(deployment.gateway, flows)?;
        Ok(Self {
            gateway,
            public: listener(listen, "listen").await?,
            admin: listener(admin_listen, "admin_listen").await?,
        })
    }

    /// Where the app is, and where the operator asks.
    pub(crate) fn addresses(&self) -> anyhow::Result<(SocketAddr, SocketAddr)> {
        Ok((self.public.local_addr()?, self.admin.local_addr()?))
    }

    /// Serves until `ended` completes and what was in flight has ended too.
    pub(crate) async fn serve(self, ended: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        self.gateway.serve(self.public, self.admin, ended).await.context("the gateway ended")
    }
}

/// Another program listens there already.
#[derive(Debug, thiserror::Error)]
#[error("{address} is taken by another program; choose another address with the setting {setting}")]
pub(crate) struct Taken {
    address: SocketAddr,
    setting: &'static str,
}

async fn listener(address: SocketAddr, setting: &'static str) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Taken { address, setting }.into()),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address} (setting {setting})")),
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}
