//! The URL of a database: as for `psql`, except for how much is verified.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_rustls::rustls::RootCertStore;

use super::session::CONNECT;
use super::tls::Tls;
use super::trouble::{ConnectError, UrlError};
use crate::tls;

/// The URL of a PostgreSQL database. It may hold a password, and is never printed.
///
/// It is written as for `psql`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS`, with these differences:
/// - `sslmode=require` verifies like `verify-full`. Without `sslmode`, the connection to another machine is encrypted
///   (and verified) if the server offers it. `verify-ca` and `allow` are refused: there is no half of a verification.
/// - `sslrootcert` names a PEM file of the authorities to trust instead of those of the system.
/// - Environment variables (`PGPASSWORD`, …) and `~/.pgpass` are not read.
///
/// ```
/// use stagedoor_store::postgres::PostgresUrl;
///
/// let url = PostgresUrl::parse("postgres://stagedoor:hunter2@db/stagedoor?sslmode=require")?;
/// assert_eq!(format!("{url:?}"), "PostgresUrl(db:5432)");
/// # Ok::<(), stagedoor_store::postgres::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    pub(super) config: Config,
    /// Hosts and ports, for messages.
    pub(super) server: String,
    /// The file of the authorities to trust, if not those of the system.
    roots: Option<String>,
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.server)
    }
}

/// The options of a URL that mean something else here than to the client library.
const OURS: [&str; 2] = ["sslmode", "sslrootcert"];

impl PostgresUrl {
    /// Reads a URL, strictly. The file that it names must be there.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(UrlError::Scheme);
        }
        let (plain, ours) = split(url);
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            // The cause names an option, never its value.
            let cause = error.source().map(ToString::to_string);
            UrlError::Other(cause.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(UrlError::NoHost);
        }
        let mode = match ours.get("sslmode").map(String::as_str) {
            None if is_local(&config) => SslMode::Disable,
            None | Some("prefer") => SslMode::Prefer,
            Some("disable") => SslMode::Disable,
            Some("require" | "verify-full") => SslMode::Require,
            Some(_) => return Err(UrlError::SslMode),
        };
        config.ssl_mode(mode);
        complete(&mut config);
        let roots = ours.get("sslrootcert").filter(|file| *file != "system").cloned();
        match &roots {
            Some(file) if tls::roots_of(file).is_none() => Err(UrlError::Roots { file: file.clone() }),
            _ => Ok(Self { server: server(&config), config, roots }),
        }
    }

    /// What an operator should know of this address.
    pub fn caveat(&self) -> Option<&'static str> {
        let may_be_read = self.config.get_ssl_mode() != SslMode::Require && !is_local(&self.config);
        may_be_read.then_some("the connection to the database may be unencrypted; add sslmode=verify-full to its URL")
    }

    /// What encrypts the connection, if it is to be.
    pub(super) fn tls(&self) -> Result<Tls, ConnectError> {
        let roots = match &self.roots {
            _ if self.config.get_ssl_mode() == SslMode::Disable => RootCertStore::empty(),
            Some(file) => tls::roots_of(file).ok_or_else(|| UrlError::Roots { file: file.clone() })?,
            None => tls::roots_of_system(),
        };
        Tls::new(roots).map_err(|source| ConnectError::other(&self.server, source))
    }
}

/// The URL without [`OURS`], and those.
fn split(url: &str) -> (String, BTreeMap<String, String>) {
    let (plain, options) = url.split_once('?').unwrap_or((url, ""));
    let mut ours = BTreeMap::new();
    let mut theirs = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some((name, value)) if OURS.contains(&name) => {
                ours.insert(name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            _ => theirs.push(option),
        }
    }
    (format!("{plain}?{}", theirs.join("&")), ours)
}

/// What the URL leaves open.
fn complete(config: &mut Config) {
    // Of several hosts the one that can be written: after a failover, the other one.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("stagedoor");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(10));
    }
    config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
}

/// Whether nothing leaves this machine.
fn is_local(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

fn server(config: &Config) -> String {
    let name = |host: &Host| match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(directory) => directory.display().to_string(),
    };
    let mut names: Vec<_> = config.get_hosts().iter().map(name).collect();
    if names.is_empty() {
        names = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    // One port may stand for all hosts.
    let ports = config.get_ports();
    let port = |index| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    names.iter().enumerate().map(|(index, name)| format!("{name}:{}", port(index))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        PostgresUrl::parse(url).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn a_connection_that_leaves_the_machine_is_encrypted_where_it_can_be() {
        for local in
            ["postgres://localhost/db", "postgres://127.0.0.1:1/db", "postgres://[::1]/db", "postgres://%2Frun/db"]
        {
            assert_eq!(mode(local), SslMode::Disable, "{local}");
            assert_eq!(PostgresUrl::parse(local).unwrap().caveat(), None);
        }
        for remote in ["postgres://db/db", "postgres://localhost,db/db", "postgres://10.0.0.1/db?sslmode=prefer"] {
            assert_eq!(mode(remote), SslMode::Prefer, "{remote}");
            assert!(PostgresUrl::parse(remote).unwrap().caveat().is_some());
        }
    }

    #[test]
    fn mn_30_every_mode_that_encrypts_verifies() {
        assert_eq!(mode("postgres://db/db?sslmode=require"), SslMode::Require);
        assert_eq!(mode("postgres://localhost/db?sslmode=verify-full&connect_timeout=2"), SslMode::Require);
        assert_eq!(mode("postgres://db/db?sslmode=disable"), SslMode::Disable);
        for half in ["verify-ca", "allow", "REQUIRE", "", "no-verify"] {
            let url = format!("postgres://db/db?sslmode={half}");
            assert_eq!(PostgresUrl::parse(&url).unwrap_err(), UrlError::SslMode);
        }
    }

    #[test]
    fn a_wrong_url_is_explained_without_its_password() {
        let wrong = [
            ("mysql://u:hunter2@db/db", "does not begin"),
            ("postgres:u:hunter2@db", "does not begin"),
            ("postgres://u:hunter2@/db", "no host"),
            ("postgres://u:hunter2@db:hunter2/db", "port"),
            ("postgres://u:hunter2@db/db?colour=hunter2", "colour"),
            ("postgres://u:hunter2@db/db?sslmode=hunter2", "sslmode"),
            ("postgres://u:hunter2@db/db?connect_timeout=hunter2", "connect_timeout"),
            ("postgres://u:hunter2@db/db?hunter2", "parameter"),
            ("postgres://u:hunter2@db/db?sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ];
        for (url, part) in wrong {
            let said = PostgresUrl::parse(url).unwrap_err().to_string();
            assert!(said.contains(part) && !said.contains("hunter2"), "{said}");
        }
        assert!(!format!("{:?}", PostgresUrl::parse("postgres://u:hunter2@db/db").unwrap()).contains("hunter2"));
    }

    #[test]
    fn messages_name_every_server_and_no_user() {
        let server = |url: &str| PostgresUrl::parse(url).unwrap().server;
        assert_eq!(server("postgres://u:p@a:1,b:2/db"), "a:1, b:2");
        assert_eq!(server("postgresql://u@[::1]/db"), "[::1]:5432");
        assert_eq!(server("postgres:///db?host=/run/postgresql"), "/run/postgresql:5432");
    }
}
