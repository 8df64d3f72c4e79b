//! Real database servers for tests: each on a free port, in a directory of its own, gone when the test program is.

pub(crate) mod postgres;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a server, and ends it when this program ends, however that may be: the pipe to its standard input closes then.
/// The directory, which is its first argument, goes with it.
const KEEPER: &str = r#"
    directory=$0
    "$@" >>"$directory/log" 2>&1 &
    server=$!
    read -r word
    [ "$word" = stay ] || kill -INT $server
    wait $server
    [ "$word" = stay ] || rm -rf "$directory"
"#;

/// A server process that dies with this program.
pub(crate) struct Kept {
    keeper: Child,
}

impl Kept {
    /// Starts `command` for good: `directory` is removed at its end.
    pub(crate) fn start(directory: &Path, program: &Path, arguments: &[String]) -> Self {
        let mut command = unprivileged("sh");
        command.args(["-c", KEEPER]).arg(directory).arg(program).args(arguments).current_dir(directory);
        let keeper = command.stdin(Stdio::piped()).spawn().expect("a shell");
        Self { keeper }
    }

    /// Ends the keeper of a server that was killed, and leaves the directory for the next one.
    pub(crate) fn let_go(mut self) {
        let mut stdin = self.keeper.stdin.take().expect("a pipe");
        stdin.write_all(b"stay\n").expect("a shell that reads");
        self.keeper.wait().expect("the end of the shell");
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// A program that is found in `PATH` or in one of `places`.
pub(crate) fn find(program: &str, places: &[PathBuf], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(places.iter().cloned()).map(|place| place.join(program));
    found.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("this test needs {program}, which is in neither PATH nor {places:?}: install {package} (Debian's name)")
    })
}

/// A command of a user without rights: some servers do not run as root.
pub(crate) fn unprivileged(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if output(Command::new("id").arg("-u")) != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
    command.env("HOME", "/nonexistent");
    command
}

/// An empty directory of the user without rights.
pub(crate) fn directory(name: &str) -> PathBuf {
    let template = format!("stagedoor-{name}-XXXXXX");
    output(unprivileged("mktemp").args(["-d", "-t", &template])).into()
}

/// What a command says that must succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Sends a signal to processes.
pub(crate) fn signal(name: &str, processes: &[String]) {
    if !processes.is_empty() {
        // One may have ended by itself.
        drop(Command::new("kill").arg(format!("-{name}")).args(processes).stderr(Stdio::null()).status());
    }
}

/// Whether one of the processes still runs. One that nobody has asked how it ended does not.
pub(crate) fn is_alive(processes: &[String]) -> bool {
    let mut ps = Command::new("ps");
    ps.args(["-o", "stat=", "-p", &processes.join(",")]);
    let states = ps.output().expect("ps").stdout;
    String::from_utf8_lossy(&states).lines().any(|state| !state.trim_start().starts_with('Z'))
}

/// Asks again and again until the answer is yes.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} took more than a minute");
        thread::sleep(Duration::from_millis(20));
    }
}
