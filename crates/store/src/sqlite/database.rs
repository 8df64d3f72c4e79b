//! One connection, and the file that it belongs to.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::schema::{self, MIGRATIONS};
use super::trouble::{OpenError, Trouble, is_busy};

/// How long a verb waits for another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How often a lock of another process is tried. A busy neighbour frees it for microseconds between two commits; the
/// growing pauses of SQLite's own handler would miss nearly all of them.
pub(super) const RETRY: Duration = Duration::from_millis(1);

/// A connection that knows whether its file is still in its place.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    path: Arc<Path>,
    identity: Identity,
}

impl Database {
    /// Opens the database for writing, creates it where there is none, and brings its schema up to date.
    pub(super) fn create(path: &Path) -> Result<Self, OpenError> {
        create_file(path)?;
        let database = Self::open(path)?;
        let sqlite = |error| OpenError::from_sqlite(path, error);
        if database.connection.is_readonly(MAIN_DB).map_err(sqlite)? {
            return Err(OpenError::denied(path, io::Error::from(ErrorKind::PermissionDenied)));
        }
        // Before anything is changed in what may be somebody else's file.
        schema::check(&database.connection, path, MIGRATIONS)?;
        configure_writer(&database.connection).map_err(sqlite)?;
        schema::migrate(&database.connection, path, MIGRATIONS)?;
        // From here the writer waits by itself, so that it can answer each caller at its own deadline.
        database.connection.busy_timeout(Duration::ZERO).map_err(sqlite)?;
        Ok(database)
    }

    /// Opens a database that [`Self::create`] has opened before.
    pub(super) fn open_to_read(path: &Path) -> Result<Self, OpenError> {
        let database = Self::open(path)?;
        let only = database.connection.pragma_update(None, "query_only", true);
        only.map_err(|error| OpenError::from_sqlite(path, error))?;
        Ok(database)
    }

    fn open(path: &Path) -> Result<Self, OpenError> {
        let sqlite = |error| OpenError::from_sqlite(path, error);
        // Each connection stays with one thread, so SQLite need not lock it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
        configure(&connection).map_err(sqlite)?;
        let identity = Identity::of(path).map_err(|error| OpenError::other(path, error))?;
        Ok(Self { connection, path: path.into(), identity })
    }

    /// Fails while the file that is open is not the one at its path: SQLite would go on writing to a file that was
    /// deleted, and a restart would find none of it.
    pub(super) fn in_place(&self) -> Result<(), Trouble> {
        match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(Trouble::Moved(Arc::clone(&self.path))),
        }
    }
}

/// Makes an empty file that SQLite takes for a new database. SQLite gives the mode of this file to those beside it.
fn create_file(path: &Path) -> Result<(), OpenError> {
    // To close a file ends all locks that this process has on it (POSIX), those of SQLite included. Of two threads
    // that open the same new database, neither may be that far while the other holds the file here.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let directory = path.parent().unwrap_or(path);
    match new_file(path) {
        Ok(()) => sync(directory).map_err(|error| OpenError::other(path, error)),
        Err(error) => match error.kind() {
            ErrorKind::AlreadyExists if is_directory(path) => Err(OpenError::NotADatabase(path.into())),
            ErrorKind::AlreadyExists => Ok(()),
            ErrorKind::NotFound | ErrorKind::NotADirectory => Err(OpenError::NoDirectory(directory.into())),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Err(OpenError::denied(path, error)),
            _ => Err(OpenError::other(path, error)),
        },
    }
}

fn is_directory(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir())
}

fn new_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Makes a new name in `directory` survive a power failure, where the system lets a directory be opened.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite does not wait for a lock when it changes the mode, and two processes may start at the same time.
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = connection.pragma_update(None, "journal_mode", "wal") {
        if !is_busy(&error) || Instant::now() >= deadline {
            return Err(error);
        }
        thread::sleep(RETRY);
    }
    connection.pragma_update(None, "synchronous", "full")?;
    // macOS: ask the disk to write its cache too.
    connection.pragma_update(None, "fullfsync", true)?;
    // What was erased is overwritten, not only unlinked.
    connection.pragma_update(None, "secure_delete", true)?;
    // Four times the usual length of the log: pages that are written again and again are copied out less often.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    // A burst of writes does not leave a large log behind for ever.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)
}

/// What tells a file from another that later has the same name.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = fs::metadata(path)?;
        Ok(Self { device: found.dev(), number: found.ino() })
    }

    /// An open file cannot be removed here.
    #[cfg(not(unix))]
    fn of(_: &Path) -> io::Result<Self> {
        Ok(Self { device: 0, number: 0 })
    }
}
