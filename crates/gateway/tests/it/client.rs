//! The client for calls to Zoom.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use stagedoor_flows::port::{Deadline, Http, HttpError};
use stagedoor_gateway::{HttpClient, OutboundLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{Log, PATIENCE, listen, nowhere};

fn client(total: Duration) -> HttpClient {
    HttpClient::new(OutboundLimits { connect: total, total, body: 1000 }).unwrap()
}

/// A server that sends `answer` and then keeps the connection open, or closes it.
async fn server(answer: Vec<u8>, keep_open: bool) -> String {
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&answer).await;
                if keep_open {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    format!("http://{address}/oauth/token?code=canary")
}

async fn send(url: &str) -> Result<http::Response<Bytes>, HttpError> {
    client(PATIENCE).send(Request::get(url).body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn an_answer_is_read_whatever_its_status() {
    let url = server(b"HTTP/1.1 429 Slow down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}".to_vec(), true).await;
    let answer = send(&url).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (429, &b"{}"[..]));
}

#[tokio::test]
async fn a_clock_that_is_off_is_said_with_by_how_much_and_in_which_direction() {
    let date = |minutes: i64| {
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&then).unwrap()
    };
    for (minutes, said) in [(-10, "s ahead of that of 127.0.0.1"), (10, "s behind that of 127.0.0.1"), (0, "")] {
        let (log, _guard) = Log::of_this_thread();
        let answer = format!("HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: 0\r\n\r\n", date(minutes));
        send(&server(answer.into_bytes(), true).await).await.unwrap();
        let text = log.text();
        assert_eq!(text.contains("this machine's clock is"), minutes != 0, "{text}");
        assert!(text.contains(said), "{text}");
        let is_near = (595..=605).any(|seconds| text.contains(&format!("clock is {seconds} s")));
        assert_eq!(is_near, minutes != 0, "{text}");
    }
}

#[tokio::test]
async fn mn_25_a_redirect_is_not_followed() {
    let url =
        server(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec(), true)
            .await;
    assert_eq!(send(&url).await.unwrap().status().as_u16(), 302);
}

#[tokio::test]
async fn a_request_may_bring_a_deadline_of_its_own() {
    let url = server(Vec::new(), true).await;
    for deadline in [Duration::from_millis(50), Duration::from_millis(800)] {
        let mut request = Request::get(&url).body(Bytes::new()).unwrap();
        request.extensions_mut().insert(Deadline(deadline));
        let started = Instant::now();
        assert!(matches!(client(10 * PATIENCE).send(request).await, Err(HttpError::Timeout { .. })));
        assert!(started.elapsed() >= deadline && started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn mn_25_a_server_that_hangs_or_trickles_runs_into_the_deadline() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"] {
        let url = server(answer.to_vec(), true).await;
        let client = client(Duration::from_millis(400));
        let answer = client.send(Request::get(url).body(Bytes::new()).unwrap());
        let answer = tokio::time::timeout(PATIENCE, answer).await.expect("an end within the deadline");
        assert!(matches!(answer, Err(HttpError::Timeout { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn mn_25_a_large_answer_is_not_read() {
    for head in ["Content-Length: 5000\r\n\r\n", "\r\n"] {
        let url = server(format!("HTTP/1.1 200 OK\r\n{head}{}", "x".repeat(5000)).into_bytes(), false).await;
        assert!(matches!(send(&url).await, Err(HttpError::TooLarge { .. })));
    }
}

#[tokio::test]
async fn garbage_and_broken_answers_are_broken() {
    for answer in ["garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", ""] {
        let url = server(answer.into(), false).await;
        assert!(matches!(send(&url).await, Err(HttpError::Broken { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let (_socket, unused) = nowhere();
    assert!(matches!(send(&format!("http://{unused}/")).await, Err(HttpError::Connect { .. })));
}

/// A server with a certificate of its own making, and what a client needs that knows it.
async fn self_made_server() -> (std::net::SocketAddr, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let (listener, acceptor) = (listen().await, TlsAcceptor::from(Arc::new(config)));
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            let _ = stream.shutdown().await;
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    (address, ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test]
async fn mn_30_a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let (address, knows_it) = self_made_server().await;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut stream = TlsConnector::from(Arc::new(knows_it)).connect(address.ip().into(), stream).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200", "it works for who knows it");

    let error = send(&format!("https://{address}/oauth/token?code=canary")).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn mn_12_an_error_names_the_host_and_nothing_else() {
    let (_socket, unused) = nowhere();
    let error = send(&format!("http://{unused}/secret-path?code=canary")).await.unwrap_err();
    let chain = format!("{error} {error:?}");
    assert!(chain.contains("127.0.0.1") && !chain.contains("canary") && !chain.contains("secret-path"), "{chain}");
}
