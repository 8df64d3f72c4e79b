//! What can go wrong, at the start and later.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;
use stagedoor_flows::port::{BoxError, StoreError};

/// Why the database cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A new file cannot be made in a directory that does not exist.
    #[error("the directory {} does not exist; create it, or choose another place for the database", .0.display())]
    NoDirectory(PathBuf),
    /// The file or its directory cannot be written.
    #[error(
        "{} cannot be opened for writing; give the user who runs this program write access to the file and its \
         directory",
        path.display()
    )]
    Denied {
        /// The database.
        path: PathBuf,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
    /// There is something else at this path.
    #[error("{} is not a SQLite database; choose another place for the database", .0.display())]
    NotADatabase(PathBuf),
    /// There is a SQLite database of another program at this path.
    #[error("{} is the database of another program; choose another place for the database", .0.display())]
    Foreign(PathBuf),
    /// A newer Stagedoor has migrated this database.
    #[error(
        "{} has schema {found} and this Stagedoor knows schemas up to {supported}; run the newer Stagedoor, or restore \
         a backup that was made before it",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The schema that the file has.
        found: usize,
        /// The newest schema that this program can use.
        supported: usize,
    },
    /// Another process kept the file locked.
    #[error("{} is locked by another process; stop that process and try again", .0.display())]
    Busy(PathBuf),
    /// Anything else, such as a full or broken disk.
    #[error("{} cannot be opened", path.display())]
    Other {
        /// The database.
        path: PathBuf,
        /// What went wrong underneath.
        #[source]
        source: BoxError,
    },
}

impl OpenError {
    pub(super) fn denied(path: &Path, source: impl Into<BoxError>) -> Self {
        Self::Denied { path: path.into(), source: source.into() }
    }

    pub(super) fn other(path: &Path, source: impl Into<BoxError>) -> Self {
        Self::Other { path: path.into(), source: source.into() }
    }

    pub(super) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(path.into()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path.into()),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Self::denied(path, source)
            }
            _ => Self::other(path, source),
        }
    }
}

/// Why a verb failed. Callers who share a transaction share its trouble.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("another process keeps the database locked")]
    Busy,
    #[error("the disk does not answer in time")]
    Slow,
    #[error("the database file is no longer at {}", .0.display())]
    Moved(Arc<Path>),
    #[error("SQLite failed")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    #[error("the thread that uses the database has ended")]
    Stopped,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        if is_busy(&error) { Self::Busy } else { Self::Sqlite(Arc::new(error)) }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.into())
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
