use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use crate::config::Config;
use crate::jwt::consumer::PublicKey;
use crate::platform::Platform;
use crate::world::views::Surface;
use crate::{control, provider, webhook, website, webview, zoom};

/// How long open requests may take to end when the emulator stops.
const GRACE: Duration = Duration::from_secs(2);

/// How many ports the emulator has.
const PORTS: usize = 6;

/// How often a free port is tried for.
const ATTEMPTS: usize = 20;

/// Why the emulator cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A port is in use by another program.
    #[error("port {port} is taken by another program; choose another first port with --port (six in a row are needed)")]
    Taken {
        /// The port that is taken.
        port: u16,
    },
    /// There are not enough ports from here on.
    #[error("port {port} leaves no room for six ports in a row; choose a --port up to 65530")]
    NoRoom {
        /// The first port that was asked for.
        port: u16,
    },
    /// The Home URL cannot be reached by the emulated client.
    #[error(
        "the Home URL {url} must be an http:// address with a host: the emulated client speaks plain HTTP to the app"
    )]
    HomeUrl {
        /// The Home URL of the configuration.
        url: Url,
    },
    /// The webhook URL cannot be reached by the emulator.
    #[error("the webhook URL {url} must be an http:// address with a host: the emulator speaks plain HTTP to the app")]
    WebhookUrl {
        /// The webhook URL of the configuration.
        url: Url,
    },
    /// The website's public key cannot be read.
    #[error("the public key of consumer authentication cannot be used. {wrong}")]
    PublicKey {
        /// What is wrong with it, as a sentence.
        wrong: &'static str,
    },
    /// The operating system refuses.
    #[error("cannot listen on port {port}")]
    Io {
        /// The port that was tried.
        port: u16,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// The origins of a bound emulator, such as `http://localhost:4000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Zoom's side, and the page.
    pub zoom: String,
    /// The web view: the emulated client's embedded browser.
    pub web_view: String,
    /// The control port.
    pub control: String,
    /// The web frame: the app as the web client frames it.
    pub web_frame: String,
    /// The website of a business.
    pub website: String,
    /// The bundled third-party provider: its issuer identifier.
    pub provider: String,
}

impl Addresses {
    /// The origin of the web client's page: Zoom's side under another name, so that the app in its frame is on another
    /// site, as in Zoom.
    pub(crate) fn web_client(&self) -> String {
        self.zoom.replacen("localhost", "127.0.0.1", 1)
    }
}

/// An emulator that has its ports and is ready to serve.
pub struct Emulator {
    platform: Arc<Platform>,
    listeners: [Vec<TcpListener>; PORTS],
}

impl Emulator {
    /// Takes its ports on loopback: `config.port` and those after it, or free ones if it is 0.
    ///
    /// # Errors
    ///
    /// If a port is taken or cannot be had, if the Home URL or the webhook URL is not `http`, or if the public key of
    /// the website is none.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        if !is_plain_http(&config.home_url) {
            return Err(BindError::HomeUrl { url: config.home_url });
        }
        if let Some(url) = config.webhook_url.as_ref().filter(|url| !is_plain_http(url)) {
            return Err(BindError::WebhookUrl { url: url.clone() });
        }
        if let Some(Err(wrong)) = config.website.public_key.as_deref().map(PublicKey::from_pem) {
            return Err(BindError::PublicKey { wrong });
        }
        let (ports, listeners) = match config.port {
            0 => free_ports().await?,
            first => ports_from(first).await?,
        };
        let origin = |port: u16| format!("http://localhost:{port}");
        let [zoom, web_view, control, web_frame, website, provider] = ports.map(origin);
        let addresses = Addresses { zoom, web_view, control, web_frame, website, provider };
        Ok(Self { platform: Arc::new(Platform::new(config, addresses)), listeners })
    }

    /// The origins.
    pub fn addresses(&self) -> &Addresses {
        &self.platform.addresses
    }

    /// Serves until `shutdown` completes, then lets open requests end within two seconds.
    ///
    /// # Errors
    ///
    /// If a listener fails for good.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        let routers = [
            zoom::router(&self.platform),
            webview::router(&self.platform, Surface::Client),
            control::router(&self.platform),
            webview::router(&self.platform, Surface::Web),
            website::router(&self.platform),
            provider::router(&self.platform),
        ];
        let mut servers = JoinSet::new();
        for (listeners, router) in self.listeners.into_iter().zip(routers) {
            for listener in listeners {
                servers.spawn(serve(listener, router.clone(), Arc::clone(&self.platform)));
            }
        }
        let delivering = Box::pin(webhook::deliver(&self.platform));
        tokio::select! {
            () = shutdown => {}
            () = delivering => {}
            Some(ended) = servers.join_next() => return ended.map_err(io::Error::other)?,
        }
        self.platform.stopping.cancel();
        // What is still open after the grace is cut off when the set is dropped.
        let _ = tokio::time::timeout(GRACE, async { while servers.join_next().await.is_some() {} }).await;
        Ok(())
    }
}

/// Whether the emulator can speak to an address.
pub(crate) fn is_plain_http(url: &Url) -> bool {
    url.scheme() == "http" && url.has_host()
}

async fn serve(listener: TcpListener, router: Router, platform: Arc<Platform>) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Only speed is lost if the operating system refuses.
        let _ = stream.set_nodelay(true);
    });
    let stopped = platform.stopping.clone().cancelled_owned();
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}

async fn ports_from(first: u16) -> Result<([u16; PORTS], [Vec<TcpListener>; PORTS]), BindError> {
    let after = |steps: u16| first.checked_add(steps).ok_or(BindError::NoRoom { port: first });
    let ports = [first, after(1)?, after(2)?, after(3)?, after(4)?, after(5)?];
    let mut listeners = [const { Vec::new() }; PORTS];
    for (listener, port) in listeners.iter_mut().zip(ports) {
        *listener = loopback(port).await?;
    }
    Ok((ports, listeners))
}

async fn free_ports() -> Result<([u16; PORTS], [Vec<TcpListener>; PORTS]), BindError> {
    let mut ports = [0; PORTS];
    let mut listeners = [const { Vec::new() }; PORTS];
    for (listener, port) in listeners.iter_mut().zip(&mut ports) {
        (*port, *listener) = free_port().await?;
    }
    Ok((ports, listeners))
}

async fn free_port() -> Result<(u16, Vec<TcpListener>), BindError> {
    let io = |source| BindError::Io { port: 0, source };
    let mut outcome = Err(BindError::Taken { port: 0 });
    for _ in 0..ATTEMPTS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(io)?;
        let port = listener.local_addr().map_err(io)?.port();
        outcome = with_ipv6(port, listener).await.map(|listeners| (port, listeners));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Listens on 127.0.0.1 and, where the machine has it, on `[::1]`: browsers try both for `localhost`.
async fn loopback(port: u16) -> Result<Vec<TcpListener>, BindError> {
    with_ipv6(port, bind(Ipv4Addr::LOCALHOST.into(), port).await?).await
}

async fn with_ipv6(port: u16, ipv4: TcpListener) -> Result<Vec<TcpListener>, BindError> {
    match bind(Ipv6Addr::LOCALHOST.into(), port).await {
        Ok(ipv6) => Ok(vec![ipv4, ipv6]),
        Err(taken @ BindError::Taken { .. }) => Err(taken),
        Err(_) => Ok(vec![ipv4]),
    }
}

async fn bind(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind(SocketAddr::new(address, port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { port },
        _ => BindError::Io { port, source },
    })
}
