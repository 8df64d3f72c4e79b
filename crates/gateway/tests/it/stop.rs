//! Stopping: nothing that was asked for is dropped, and nothing keeps the gateway for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stagedoor_gateway::{Browsers, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, PUBLIC_URL, Plan, Upstream, raw, raw_connection, until};

const REQUEST: &[u8] = b"GET /zoom/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_request_in_flight_is_finished() {
    let upstream = Upstream::start().await;
    let plan = Plan::upstream(upstream.address).open().with(|config| config.limits.stop = 10 * PATIENCE);
    let mut gateway = plan.build().run().await;
    let address = gateway.address;
    let late = tokio::spawn(async move { raw(address, b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n").await });
    until("the request is under way", async || upstream.hits() == 1).await;
    gateway.stop();
    gateway.closed().await;
    upstream.release();
    gateway.stopped().await;
    let answer = late.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_dropped_while_the_gateway_stops_under_load() {
    let mut gateway = Plan::default().build().run().await;
    let address = gateway.address;
    let (answered, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let (answered, dropped, over) = (Arc::clone(&answered), Arc::clone(&dropped), Arc::clone(&over));
            tokio::spawn(async move {
                // A connection that cannot be made was never accepted: the next replica gets it.
                while let (false, Ok(stream)) = (over.load(Ordering::Relaxed), TcpStream::connect(address).await) {
                    dropped.fetch_add(ask_until_closed(stream, &answered).await, Ordering::Relaxed);
                }
            })
        })
        .collect();
    until("there is load", async || answered.load(Ordering::Relaxed) > 100).await;
    gateway.stop();
    gateway.stopped().await;
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
}

/// Asks again and again on one connection until the server says that it closes; counts requests without an answer.
async fn ask_until_closed(mut stream: TcpStream, answered: &AtomicUsize) -> usize {
    loop {
        if stream.write_all(REQUEST).await.is_err() {
            return 1;
        }
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.ends_with(b"]}") {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return 1,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
            }
        }
        answered.fetch_add(1, Ordering::Relaxed);
        if String::from_utf8_lossy(&answer).contains("connection: close") {
            return 0;
        }
    }
}

#[tokio::test]
async fn new_connections_are_refused_once_the_gateway_stops() {
    let mut gateway = Plan::default().build().run().await;
    let (address, admin) = (gateway.address, gateway.admin);
    gateway.stop();
    gateway.stopped().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(TcpStream::connect(admin).await.is_err());
}

#[tokio::test]
async fn what_never_ends_is_cut_at_the_deadline() {
    let upstream = Upstream::start().await;
    let limits = Limits { stop: Duration::from_millis(500), ..Limits::default() };
    let house = Plan::upstream(upstream.address)
        .with(|config| {
            config.app.as_mut().unwrap().browsers = Browsers::Allow;
            config.limits = limits;
        })
        .build();
    let mut gateway = house.run().await;
    let mut socket = raw_connection(gateway.address).await;
    let handshake = format!(
        "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: {PUBLIC_URL}\r\n\r\n"
    );
    socket.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    let mut slow = raw_connection(gateway.address).await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    until("both are under way", async || upstream.hits() == 2).await;
    let started = Instant::now();
    gateway.stop();
    // Neither ends by itself.
    gateway.stopped().await;
    assert!(started.elapsed() >= Duration::from_millis(500), "{:?}", started.elapsed());
    tokio::time::timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}
