//! How long a server takes from its start to its first answer: `first-answer 127.0.0.1:3000 stagedoor serve`.
//!
//! Starts the command, asks without a pause until an answer comes, prints the microseconds in between, and ends the command
//! with SIGTERM. A shell that starts curl again and again adds 10 ms of its own.
#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let address: SocketAddr = arguments.next().and_then(|given| given.to_str()?.parse().ok()).ok_or("an address?")?;
    let program = arguments.next().ok_or("a command?")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());

    if answers(address) {
        return Err(format!("somebody answers at {address} already").into());
    }
    let started = Instant::now();
    let mut child = command.spawn()?;
    while !answers(address) {
        if started.elapsed() > PATIENCE || child.try_wait()?.is_some() {
            child.kill()?;
            return Err("no answer".into());
        }
    }
    println!("{}", started.elapsed().as_micros());
    end(&mut child)
}

/// Whether an answer of HTTP comes.
fn answers(address: SocketAddr) -> bool {
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /robots.txt HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut start = [0; 9];
        stream.read_exact(&mut start).map(|()| start == *b"HTTP/1.1 ")
    });
    asked.unwrap_or(false)
}

/// Ends it in order, so that it leaves nothing to be repaired by the next.
fn end(child: &mut Child) -> Result<(), Box<dyn Error>> {
    Command::new("kill").arg(child.id().to_string()).status()?;
    child.wait()?;
    Ok(())
}
