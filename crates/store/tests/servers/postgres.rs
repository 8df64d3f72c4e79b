//! A PostgreSQL server of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Kept, directory, find, is_alive, output, signal, unprivileged, wait_until};
use crate::port::Port;

/// A running server. Every user needs the password; the superuser is `stagedoor`.
pub(crate) struct Server {
    directory: PathBuf,
    settings: Vec<String>,
    port: Port,
    kept: Option<Kept>,
    databases: AtomicU32,
}

pub(crate) const PASSWORD: &str = "canary-database-password";

impl Server {
    /// Starts a server that waits for the disk as in production, with `settings` such as `fsync=off`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let mut server = Self::new(settings);
        server.start_again();
        server
    }

    /// Starts a server that offers TLS.
    pub(crate) fn start_encrypted(certificate: &str, key: &str) -> Self {
        let mut server = Self::new(&["ssl=on"]);
        write(&server.data().join("server.crt"), certificate);
        write(&server.data().join("server.key"), key);
        server.start_again();
        server
    }

    fn new(settings: &[&str]) -> Self {
        let directory = directory("postgres");
        let password = directory.join("password");
        write(&password, PASSWORD);
        let mut initdb = unprivileged(binary("initdb"));
        initdb.args(["--username=stagedoor", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(directory.join("data"));
        output(initdb.current_dir(&directory));
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        Self { directory, settings, port: Port::free(), kept: None, databases: AtomicU32::new(0) }
    }

    /// Starts the server after it was killed.
    pub(crate) fn start_again(&mut self) {
        let mut arguments = vec!["-D".to_owned(), self.data().display().to_string()];
        let fixed = [
            format!("port={}", self.port()),
            "listen_addresses=127.0.0.1".into(),
            format!("unix_socket_directories={}", self.directory.display()),
            "shared_buffers=32MB".into(),
            // Enough for every test at once.
            "max_connections=400".into(),
        ];
        for setting in fixed.iter().chain(&self.settings) {
            arguments.extend(["-c".to_owned(), setting.clone()]);
        }
        self.kept = Some(Kept::start(&self.directory, &binary("postgres"), &arguments));
        let is_ready = || {
            let mut asking = Command::new(binary("pg_isready"));
            asking.args(["--quiet", "--host=127.0.0.1"]).arg(format!("--port={}", self.port()));
            asking.stdout(Stdio::null()).status().expect("pg_isready").success()
        };
        wait_until("the start of PostgreSQL", is_ready);
    }

    /// The directory of the server's own files; also that of its Unix socket.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The address of a database for the superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_of("stagedoor", database)
    }

    /// The address of a database for a user.
    pub(crate) fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// The name of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// What a statement of the superuser says.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(binary("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"]);
        output(psql.arg("--dbname").arg(self.url(database)).arg("--command").arg(statement))
    }

    /// Runs statements of the superuser until what is returned is dropped.
    pub(crate) fn in_background(&self, database: &str, statements: &str) -> Background {
        let mut psql = Command::new(binary("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--dbname"]).arg(self.url(database)).arg("--command").arg(statements);
        Background(psql.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql"))
    }

    /// Everything that a backup would hold, as text.
    pub(crate) fn dump(&self, database: &str) -> String {
        output(Command::new(binary("pg_dump")).arg("--dbname").arg(self.url(database)))
    }

    /// Ends every process of the server at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        let kept = self.kept.take().expect("a running server");
        let processes = self.processes();
        signal("KILL", &processes);
        kept.let_go();
        wait_until("the end of PostgreSQL", || !is_alive(&processes));
    }

    /// Makes the server hang: connections stay open and nothing is answered.
    pub(crate) fn pause(&self) {
        signal("STOP", &self.processes());
    }

    /// Ends [`Self::pause`].
    pub(crate) fn resume(&self) {
        signal("CONT", &self.processes());
    }

    /// The first process, stopped so that it starts no others meanwhile, and its children.
    fn processes(&self) -> Vec<String> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("the file that PostgreSQL writes");
        let first = file.lines().next().expect("a process id").to_owned();
        signal("STOP", std::slice::from_ref(&first));
        let children = output(Command::new("pgrep").args(["-P", &first]));
        std::iter::once(first).chain(children.lines().map(str::to_owned)).collect()
    }
}

/// Statements that are running.
pub(crate) struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Writes a file that belongs to whom the server belongs to.
fn write(file: &Path, content: &str) {
    let script = "umask 077; printf %s \"$1\" > \"$0\"";
    output(unprivileged("sh").args(["-c", script]).arg(file).arg(content));
}

fn binary(name: &str) -> PathBuf {
    let mut places = Vec::new();
    if let Ok(asked) = Command::new("pg_config").arg("--bindir").output() {
        places.push(PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim_end()));
    }
    // Debian keeps them out of the way, one directory for each version.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    installed.sort();
    places.extend(installed.into_iter().rev());
    find(name, &places, "postgresql")
}
