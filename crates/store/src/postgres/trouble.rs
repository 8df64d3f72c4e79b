//! What can go wrong, at the start and later.

use std::error::Error as _;

use deadpool_postgres::{HookError, PoolError};
use stagedoor_flows::port::{BoxError, StoreError};
use tokio_postgres::Error;

/// What is wrong with the URL of a database.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin as it should.
    #[error("it does not begin with postgres:// or postgresql://")]
    Scheme,
    /// It names no server.
    #[error("it names no host")]
    NoHost,
    /// `sslmode` has a value that means nothing, or nothing safe.
    #[error("its sslmode is none of disable, prefer, require and verify-full")]
    SslMode,
    /// The certificates to trust cannot be read.
    #[error("its sslrootcert, {file}, has no certificates that can be read")]
    Roots {
        /// The file that it names.
        file: String,
    },
    /// Anything else, such as an option that does not exist.
    #[error("{0}")]
    Other(String),
}

/// Why the database cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is wrong.
    #[error("the URL of the database is wrong")]
    Url(#[from] UrlError),
    /// Nobody answers.
    #[error("no PostgreSQL server answers at {server}")]
    Unreachable {
        /// Hosts and ports.
        server: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
    /// There is no encrypted connection, or not to whom it should be.
    #[error(
        "{server} cannot be trusted; add sslrootcert=FILE to the URL if an authority of your own signed its \
         certificate, or sslmode=disable if nobody else is on the network"
    )]
    Untrusted {
        /// Hosts and ports.
        server: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
    /// The server knows us, but refuses.
    #[error("{server} refuses; check user, password and database of the URL, and what the user is granted")]
    Refused {
        /// Hosts and ports.
        server: String,
        /// What the server said.
        #[source]
        source: BoxError,
    },
    /// Nobody has kept anything there.
    #[error("the database on {server} is not one of Stagedoor: serve has not run with it")]
    Empty {
        /// Hosts and ports.
        server: String,
    },
    /// There is something else in our schema.
    #[error("the schema stagedoor on {server} is of another program; choose another database")]
    Foreign {
        /// Hosts and ports.
        server: String,
    },
    /// A newer Stagedoor has migrated this database.
    #[error(
        "the database on {server} has schema {found} and this Stagedoor knows schemas up to {supported}; run the newer \
         Stagedoor, or restore a backup that was made before it"
    )]
    Newer {
        /// Hosts and ports.
        server: String,
        /// The schema that the database has.
        found: usize,
        /// The newest schema that this program can use.
        supported: usize,
    },
    /// Anything else.
    #[error("the database on {server} cannot be used")]
    Other {
        /// Hosts and ports.
        server: String,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
}

impl ConnectError {
    pub(super) fn other(server: &str, source: impl Into<BoxError>) -> Self {
        Self::Other { server: server.to_owned(), source: source.into() }
    }

    /// Why there is no connection, or why the work failed.
    pub(super) fn because(server: &str, trouble: impl Into<Trouble>) -> Self {
        let server = server.to_owned();
        let trouble = trouble.into();
        match &trouble {
            Trouble::Refused { code, .. } if is_refusal(code) => Self::Refused { server, source: trouble.into() },
            Trouble::Untrusted(_) => Self::Untrusted { server, source: trouble.into() },
            Trouble::Slow | Trouble::Connection(_) => Self::Unreachable { server, source: trouble.into() },
            Trouble::Refused { .. } | Trouble::ReadOnly | Trouble::Foreign => {
                Self::Other { server, source: trouble.into() }
            }
        }
    }
}

/// Whether the server does not want us: authorization (28…), no such database (3D000), missing rights (42501).
fn is_refusal(code: &str) -> bool {
    code.starts_with("28") || matches!(code, "3D000" | "42501")
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the server does not answer in time")]
    Slow,
    /// What the server says, without its details, which may quote what is stored.
    #[error("the server says: {message} (SQLSTATE {code})")]
    Refused { code: String, message: String },
    #[error("the connection cannot be trusted")]
    Untrusted(#[source] BoxError),
    #[error("the connection to the server failed")]
    Connection(#[source] BoxError),
    #[error("it takes no writes, as a standby does; name the primary, or all servers with commas between them")]
    ReadOnly,
    #[error("a row has a key that is none")]
    Foreign,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return Self::Refused { code: said.code().code().to_owned(), message: said.message().to_owned() };
        }
        // The client has no other way to ask what kind of error it is.
        let is_tls = error.to_string().starts_with("error performing TLS handshake");
        match error.source() {
            Some(source) if source.to_string() == "database does not allow writes" => Self::ReadOnly,
            Some(source) if is_tls => Self::Untrusted(source.to_string().into()),
            _ => Self::Connection(error.into()),
        }
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(_) => Self::Slow,
            error => Self::Connection(error.into()),
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.into())
    }
}
