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
use crate::platform::Platform;
use crate::{control, webview, zoom};

/// How long open requests may take to end when the emulator stops.
const GRACE: Duration = Duration::from_secs(2);

/// How often three free ports are tried for.
const ATTEMPTS: usize = 20;

/// Why the emulator cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A port is in use by another program.
    #[error(
        "port {port} is taken by another program; choose another first port with --port (three in a row are needed)"
    )]
    Taken {
        /// The port that is taken.
        port: u16,
    },
    /// There are no three ports from here on.
    #[error("port {port} leaves no room for three ports in a row; choose a --port up to 65533")]
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

/// The three origins of a bound emulator, such as `http://localhost:4000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Zoom's side, and the page.
    pub zoom: String,
    /// The web view: the emulated client's embedded browser.
    pub web_view: String,
    /// The control port.
    pub control: String,
}

/// An emulator that has its three ports and is ready to serve.
pub struct Emulator {
    platform: Arc<Platform>,
    listeners: [Vec<TcpListener>; 3],
}

impl Emulator {
    /// Takes three ports on loopback: `config.port` and the two after it, or three free ones if it is 0.
    ///
    /// # Errors
    ///
    /// If a port is taken or cannot be had, or if the Home URL is not `http`.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        if config.home_url.scheme() != "http" || config.home_url.host().is_none() {
            return Err(BindError::HomeUrl { url: config.home_url });
        }
        let (ports, listeners) = match config.port {
            0 => free_ports().await?,
            first => three_ports(first).await?,
        };
        let origin = |port: u16| format!("http://localhost:{port}");
        let addresses = Addresses { zoom: origin(ports[0]), web_view: origin(ports[1]), control: origin(ports[2]) };
        Ok(Self { platform: Arc::new(Platform::new(config, addresses)), listeners })
    }

    /// The three origins.
    pub fn addresses(&self) -> &Addresses {
        &self.platform.addresses
    }

    /// Serves until `shutdown` completes, then lets open requests end within two seconds.
    ///
    /// # Errors
    ///
    /// If a listener fails for good.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
        let routers = [zoom::router(&self.platform), webview::router(&self.platform), control::router(&self.platform)];
        let mut servers = JoinSet::new();
        for (listeners, router) in self.listeners.into_iter().zip(routers) {
            for listener in listeners {
                servers.spawn(serve(listener, router.clone(), Arc::clone(&self.platform)));
            }
        }
        tokio::select! {
            () = shutdown => {}
            Some(ended) = servers.join_next() => return ended.map_err(io::Error::other)?,
        }
        self.platform.stopping.cancel();
        // What is still open after the grace is cut off when the set is dropped.
        let _ = tokio::time::timeout(GRACE, async { while servers.join_next().await.is_some() {} }).await;
        Ok(())
    }
}

async fn serve(listener: TcpListener, router: Router, platform: Arc<Platform>) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Only speed is lost if the operating system refuses.
        let _ = stream.set_nodelay(true);
    });
    let stopped = platform.stopping.clone().cancelled_owned();
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}

async fn three_ports(first: u16) -> Result<([u16; 3], [Vec<TcpListener>; 3]), BindError> {
    let room = || BindError::NoRoom { port: first };
    let ports = [first, first.checked_add(1).ok_or_else(room)?, first.checked_add(2).ok_or_else(room)?];
    let listeners = [loopback(ports[0]).await?, loopback(ports[1]).await?, loopback(ports[2]).await?];
    Ok((ports, listeners))
}

async fn free_ports() -> Result<([u16; 3], [Vec<TcpListener>; 3]), BindError> {
    let [(a, one), (b, two), (c, three)] = [free_port().await?, free_port().await?, free_port().await?];
    Ok(([a, b, c], [one, two, three]))
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
