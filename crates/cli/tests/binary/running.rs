//! Commands that keep running, and just enough HTTP to talk to them.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen: longer than any machine takes, however busy it is.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "this never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A command that runs until it is told to end; it is killed when the test is over.
pub(crate) struct Running {
    child: Child,
    /// What it has printed until it was ready.
    pub(crate) said: String,
}

impl Running {
    /// Starts a command and waits until it has printed `ready` on either output.
    pub(crate) fn start(mut command: Command, ready: &str) -> Self {
        // Both outputs into one pipe.
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        drop(command);
        let mut running = Self { child, said: String::new() };
        let mut lines = BufReader::new(reader);
        while !running.said.contains(ready) {
            let read = lines.read_line(&mut running.said).unwrap();
            assert!(read > 0, "it ended before it was ready: {}", running.said);
        }
        // What is printed later must not block the child.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        running
    }

    /// Ends it as a service manager would; its exit status.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer over HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The first header of a name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The cookie that is set, as it is sent back.
    pub(crate) fn cookie(&self) -> &str {
        self.header("set-cookie").and_then(|cookie| cookie.split(';').next()).unwrap_or_else(|| panic!("{self:?}"))
    }
}

/// `GET` of an `http://` address, with a cookie.
pub(crate) fn get(url: &str, cookie: &str) -> Answer {
    send("GET", url, &format!("accept: text/html\r\ncookie: {cookie}\r\n"), "")
}

/// `GET` as the Zoom client does it when it opens the app.
pub(crate) fn launch(url: &str, context: &str) -> Answer {
    send("GET", url, &format!("accept: text/html\r\nx-zoom-app-context: {context}\r\n"), "")
}

/// `PUT` of JSON.
pub(crate) fn put(url: &str, json: &str) -> Answer {
    send("PUT", url, &format!("content-type: application/json\r\ncontent-length: {}\r\n", json.len()), json)
}

/// `POST` of JSON, with header fields.
pub(crate) fn post(url: &str, fields: &str, json: &str) -> Answer {
    let fields = format!("content-type: application/json\r\ncontent-length: {}\r\n{fields}", json.len());
    send("POST", url, &fields, json)
}

fn send(method: &str, url: &str, fields: &str, body: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}"));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut stream = TcpStream::connect(host).unwrap_or_else(|error| panic!("{url}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{url}: {error}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{url}: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// The first of some free ports in a row, below those that systems give to outgoing connections.
///
/// No two tests get the same one, whichever program they are in: who has taken the UDP port of a number may use the TCP
/// port of that number. UDP ports are kept until this process ends, and no program that a test starts inherits one.
pub(crate) fn free_ports(count: u16) -> u16 {
    static TAKEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    loop {
        let first = 10_000 + u16::try_from(RandomState::new().hash_one(0) % 22_000).unwrap();
        let take = |port| UdpSocket::bind(("127.0.0.1", port));
        let Ok(taken) = (first..first + count).map(take).collect::<Result<Vec<_>, _>>() else { continue };
        // Asked by connecting: a listener of ours could live on for a moment in a program that another test starts just now.
        if (first..first + count).all(|port| TcpStream::connect(("127.0.0.1", port)).is_err()) {
            TAKEN.lock().unwrap().extend(taken);
            return first;
        }
    }
}
