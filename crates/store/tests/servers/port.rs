//! Ports for the servers of tests.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{TcpStream, UdpSocket};

/// A port on which nobody listens, and which no other test gets as long as this is kept.
///
/// It lies below those that the system gives to outgoing connections. Of tests, in whichever program, only the one that
/// has taken the UDP port of a number uses the TCP port of that number.
pub(crate) struct Port {
    number: u16,
    _taken: UdpSocket,
}

impl Port {
    pub(crate) fn free() -> Self {
        loop {
            let number = 10_000 + u16::try_from(RandomState::new().hash_one(0) % 22_000).expect("a small number");
            let Ok(taken) = UdpSocket::bind(("127.0.0.1", number)) else { continue };
            if TcpStream::connect(("127.0.0.1", number)).is_err() {
                return Self { number, _taken: taken };
            }
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
