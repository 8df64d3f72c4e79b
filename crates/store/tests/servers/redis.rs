//! A Redis server of its own for a test: on a free port, in a temporary directory, gone with the test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use redis::{Connection, FromRedisValue};
use stagedoor_store::redis::RedisUrl;
use tempfile::TempDir;

use crate::port::Port;

/// How long a test waits for what must happen: longer than any machine takes, however busy it is.
const PATIENCE: Duration = Duration::from_mins(1);

/// What makes a server fit to be a store.
const SAFE: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];

/// A server that can be killed, started again, and held still.
pub(crate) struct RedisServer {
    directory: TempDir,
    port: Port,
    options: Vec<String>,
    process: Option<Kept>,
}

impl RedisServer {
    /// A server that is fit to be a store.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with other `options`, which come after and so decide.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let options = SAFE.iter().chain(options).map(|option| (*option).to_owned()).collect();
        let directory = tempfile::tempdir().expect("a directory");
        let mut server = Self { directory, port: Port::free(), options, process: None };
        server.restart();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    pub(crate) fn url(&self) -> RedisUrl {
        self.url_with("")
    }

    /// The URL with a query behind it.
    pub(crate) fn url_with(&self, query: &str) -> RedisUrl {
        RedisUrl::parse(&self.address(query)).expect("a URL")
    }

    pub(crate) fn address(&self, query: &str) -> String {
        format!("redis://127.0.0.1:{}/{query}", self.port())
    }

    /// Kills the server as a power failure would, except that the kernel keeps what it was given.
    pub(crate) fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Starts the server, after [`Self::kill`] on the same data and port, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start_slowly(&[]);
        let deadline = Instant::now() + PATIENCE;
        while self.try_ask::<String>(&["PING"]).is_err() {
            let ended = self.process.as_mut().expect("a process").server.try_wait().expect("a status");
            assert!(ended.is_none(), "the server ended at once: {ended:?}");
            assert!(Instant::now() < deadline, "the server does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the server with more `options`, and does not wait.
    pub(crate) fn start_slowly(&mut self, options: &[&str]) {
        let program = program();
        let mut command = Command::new(&program);
        command.args(["--bind", "127.0.0.1", "--loglevel", "warning", "--port", &self.port().to_string()]);
        command.arg("--dir").arg(self.directory.path()).args(&self.options).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let server = command.spawn().unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        self.process = Some(Kept::new(server));
    }

    /// Forgets everything, as a server without a volume does when it is replaced.
    pub(crate) fn lose_everything(&mut self) {
        self.kill();
        self.directory = tempfile::tempdir().expect("a directory");
        self.restart();
    }

    /// Holds the server still: it keeps its connections and answers nobody.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Ends [`Self::pause`].
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Lets no file of the server grow beyond `bytes`, as on a full disk.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let process = self.process_id();
        let limit = format!("--fsize={bytes}:");
        assert!(Command::new("prlimit").args(["--pid", &process, &limit]).status().expect("prlimit").success());
    }

    fn process_id(&self) -> String {
        self.process.as_ref().expect("a process").server.id().to_string()
    }

    fn signal(&self, name: &str) {
        let process = self.process_id();
        let status = Command::new("kill").args([&format!("-{name}"), &process]).status().expect("kill");
        assert!(status.success());
    }

    /// A connection beside that of the store.
    pub(crate) fn connection(&self) -> Connection {
        self.try_connection().expect("a connection")
    }

    fn try_connection(&self) -> redis::RedisResult<Connection> {
        redis::Client::open(self.address(""))?.get_connection_with_timeout(PATIENCE)
    }

    fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut self.try_connection()?)
    }

    /// Asks the server something.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).expect("an answer")
    }

    /// Whether a script keeps the server from answering.
    pub(crate) fn is_busy(&self) -> bool {
        self.try_ask::<String>(&["PING"]).is_err_and(|error| error.code() == Some("BUSY"))
    }

    /// Every key with what lies under it.
    pub(crate) fn everything(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut connection = self.connection();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("the keys");
        let dump = |key: &Vec<u8>| redis::cmd("DUMP").arg(key).query(&mut connection).expect("a dump");
        let values: Vec<Vec<u8>> = keys.iter().map(dump).collect();
        keys.into_iter().zip(values).collect()
    }

    /// Changes a setting of the running server.
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.ask::<()>(&["CONFIG", "SET", name, value]);
    }
}

/// A process that is killed when it is dropped, and when this program ends, however that may be.
struct Kept {
    server: Child,
    keeper: Child,
}

impl Kept {
    fn new(server: Child) -> Self {
        // The end of its input, without a word before it, is the end of this program.
        let mut keeper = Command::new("sh");
        keeper.args(["-c", "read -r word || kill -9 $0", &server.id().to_string()]).stdin(Stdio::piped());
        Self { server, keeper: keeper.spawn().expect("a shell") }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut stdin = self.keeper.stdin.take().expect("a pipe");
        stdin.write_all(b"done\n").expect("a shell that reads");
        self.keeper.wait().expect("the end of the shell");
        self.server.kill().expect("a kill");
        self.server.wait().expect("an end");
    }
}

/// The name of the server's program. A test without a server fails; it is not skipped.
fn program() -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| env::split_paths(&path).any(|directory| directory.join(OsStr::new(name)).is_file());
    let found = ["redis-server", "valkey-server"].into_iter().find(is_there);
    found.expect("install the package redis-server or valkey-server: these tests need a real server").to_owned()
}
