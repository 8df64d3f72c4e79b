//! One connection to the server, from the first byte to the last.

use std::path::Path;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError, RedisResult,
    ServerErrorKind, cmd,
};
use stagedoor_flows::port::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, pki_types::ServerName};

use super::record::LAST;
use super::safety::Report;
use super::trouble::ConnectError;
use super::url::RedisUrl;
use crate::tls;

const VERBS: &str = include_str!("verbs.lua");

/// A server to connect to.
pub(super) struct Server {
    pub(super) url: RedisUrl,
    tls: Option<TlsConnector>,
}

impl Server {
    /// Reads the certificates, if the connection is to be encrypted. Blocks for some milliseconds then.
    pub(super) fn new(url: RedisUrl) -> Result<Self, ConnectError> {
        if !url.tls {
            return Ok(Self { url, tls: None });
        }
        let roots = match &url.ca {
            Some(file) => tls::roots_of(file).ok_or_else(|| no_roots(&url, file))?,
            None => tls::roots_of_system(),
        };
        let other = |source: rustls::Error| ConnectError::Other { address: url.address(), source: source.into() };
        let tls = Some(tls::connector(roots).map_err(other)?);
        Ok(Self { url, tls })
    }

    pub(super) fn unreachable(&self, source: impl Into<BoxError>) -> ConnectError {
        ConnectError::Unreachable { address: self.url.address(), source: source.into() }
    }

    pub(super) fn refusal(&self, error: RedisError) -> ConnectError {
        let address = self.url.address();
        let is_denied =
            error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
        if is_denied { ConnectError::Denied { address } } else { ConnectError::Other { address, source: error.into() } }
    }

    fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default()
            .set_db(self.url.database.into())
            .set_lib_name("stagedoor", env!("CARGO_PKG_VERSION"));
        if let Some(user) = &self.url.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.url.password {
            login = login.set_password(password.expose());
        }
        login
    }
}

fn no_roots(url: &RedisUrl, file: &Path) -> ConnectError {
    let source = format!("{} holds no certificates that can be read; name a PEM file as ca", file.display());
    ConnectError::Other { address: url.address(), source: source.into() }
}

/// A connection that any number of callers use at the same time. Dropping it closes it.
pub(super) struct Session {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    /// Under which name the server knows [`VERBS`].
    script: String,
}

impl Session {
    /// Connects, logs in, and makes sure that the server may be written to. Keeps no limit on the time.
    pub(super) async fn open(server: &Server) -> Result<Self, ConnectError> {
        let RedisUrl { host, port, .. } = &server.url;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| server.unreachable(error))?;
        stream.set_nodelay(true).map_err(|error| server.unreachable(error))?;
        match &server.tls {
            None => Self::start(server, stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.clone()).map_err(|error| server.unreachable(error))?;
                let stream = tls.connect(name, stream).await.map_err(|error| server.unreachable(error))?;
                Self::start(server, stream).await
            }
        }
    }

    async fn start<S>(server: &Server, stream: S) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Every caller keeps its own deadline.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opened = MultiplexedConnection::new_with_config(&server.login(), stream, config).await;
        let (connection, driver) = opened.map_err(|error| server.refusal(error))?;
        let mut session = Self { connection, driver: tokio::spawn(driver), script: String::new() };
        session.examine(server).await?;
        let mut load = cmd("SCRIPT");
        let loaded = load.arg("LOAD").arg(VERBS).query_async(&mut session.connection.clone()).await;
        session.script = loaded.map_err(|error| server.refusal(error))?;
        Ok(session)
    }

    /// Makes sure that what is written to the server will not be lost.
    pub(super) async fn examine(&self, server: &Server) -> Result<(), ConnectError> {
        let report = Report::of(&mut self.connection.clone()).await.map_err(|error| server.refusal(error))?;
        let address = server.url.address();
        if report.is_loading() {
            return Err(ConnectError::Other { address, source: "it still reads its data".into() });
        }
        report.check(server.url.durability).map_err(|reason| ConnectError::Unsafe { address, reason })
    }

    /// Whether the server is still there, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.driver.is_finished()
    }

    /// Has a verb done.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &Call) -> RedisResult<T> {
        let mut connection = self.connection.clone();
        match call.command("EVALSHA", &self.script).query_async(&mut connection).await {
            // Somebody has told the server to forget its scripts. This teaches it again.
            Err(error) if error.kind() == ServerErrorKind::NoScript.into() => {
                call.command("EVAL", VERBS).query_async(&mut connection).await
            }
            answer => answer,
        }
    }

    /// Reads what lies under a key of Redis'.
    pub(super) async fn get(&self, key: &[u8]) -> RedisResult<Option<Vec<u8>>> {
        cmd("GET").arg(key).query_async(&mut self.connection.clone()).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A verb of `verbs.lua` and what it is given.
pub(super) struct Call {
    verb: &'static str,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(verb: &'static str) -> Self {
        Self { verb, arguments: Vec::new() }
    }

    pub(super) fn with(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    fn command(&self, how: &str, script: &str) -> Cmd {
        let mut command = cmd(how);
        command.arg(script).arg(1).arg(LAST).arg(self.verb).arg(&self.arguments);
        command
    }
}
