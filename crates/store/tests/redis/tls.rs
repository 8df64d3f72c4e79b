//! TLS is always verified.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use stagedoor_store::Redis;
use stagedoor_store::redis::{ConnectError, RedisUrl};
use tempfile::TempDir;

use crate::port::Port;
use crate::servers::RedisServer;
use crate::{chain, draft, insert};

/// A server whose certificate is for `localhost`, and the authority that signed it.
struct Encrypted {
    _server: RedisServer,
    port: Port,
    directory: TempDir,
}

impl Encrypted {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str| directory.path().join(name);
        let authority = authority(&file("ca.pem"));
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        fs::write(file("server.pem"), certificate.pem()).expect("a file");
        fs::write(file("server.key"), key.serialize_pem()).expect("a file");

        let port = Port::free();
        let path = |name: &str| file(name).to_str().expect("a plain path").to_owned();
        let (ca, certificate, key) = (path("ca.pem"), path("server.pem"), path("server.key"));
        let options = [
            ["--tls-port", &port.number().to_string()],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &ca],
            ["--tls-auth-clients", "no"],
        ];
        Self { _server: RedisServer::start_with(options.as_flattened()), port, directory }
    }

    fn url(&self, host: &str, ca: &Path) -> RedisUrl {
        let ca = ca.to_str().expect("a plain path");
        RedisUrl::parse(&format!("rediss://{host}:{}?ca={ca}", self.port.number())).expect("a URL")
    }

    fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }
}

/// A new authority, whose certificate is written to `file`.
fn authority(file: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    fs::write(file, authority.pem()).expect("a file");
    authority
}

/// Why there is no connection.
async fn refusal(url: RedisUrl) -> String {
    let error = Redis::connect(url).await.expect_err("a refusal");
    assert!(matches!(error, ConnectError::Unreachable { .. } | ConnectError::Other { .. }), "{error:?}");
    chain(&error)
}

#[tokio::test]
async fn a_server_with_a_certificate_of_the_named_authority_is_trusted() {
    let server = Encrypted::start();
    let store = Redis::connect(server.url("localhost", &server.ca())).await.unwrap();
    insert(&store, draft(1)).await;
}

#[tokio::test]
async fn mn_30_a_server_whose_certificate_does_not_fit_is_not() {
    let server = Encrypted::start();
    let other = server.directory.path().join("other.pem");
    authority(&other);
    let why = refusal(server.url("localhost", &other)).await;
    assert!(why.contains("invalid peer certificate"), "{why}");
    let why = refusal(server.url("127.0.0.1", &server.ca())).await;
    assert!(why.contains("not valid for name"), "{why}");
    let untrusted = RedisUrl::parse(&format!("rediss://localhost:{}", server.port.number())).unwrap();
    let why = refusal(untrusted).await;
    assert!(why.contains("invalid peer certificate"), "{why}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_in_the_clear() {
    let server = RedisServer::start();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    authority(&ca);
    let url = format!("rediss://localhost:{}?ca={}", server.port(), ca.display());
    // It waits for the end of a line, and never answers the greeting of TLS.
    let refused = Redis::connect(RedisUrl::parse(&url).unwrap()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Timeout { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let missing = directory.path().join("missing.pem");
    for file in [empty, missing] {
        let why = refusal(RedisUrl::parse(&format!("rediss://localhost?ca={}", file.display())).unwrap()).await;
        assert!(why.contains(file.to_str().unwrap()), "{why}");
    }
}
