//! Connecting: what is made, what is refused, and who is trusted.

use std::error::Error;
use std::fs;
use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use stagedoor_flows::port::Store as _;
use stagedoor_store::Postgres;
use stagedoor_store::postgres::ConnectError;
use tempfile::TempDir;

use crate::servers::postgres::{PASSWORD, Server};
use crate::{SERVER, connect, parse};

async fn refused(url: &str) -> ConnectError {
    Postgres::connect(&parse(url)).await.expect_err("a refusal")
}

/// The whole of what a person would read.
fn said(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_together_make_one_schema() {
    let database = SERVER.database();
    let url = SERVER.url(&database);
    let start = || {
        let url = parse(&url);
        tokio::spawn(async move { Postgres::connect(&url).await })
    };
    let starts: Vec<_> = (0..8).map(|_| start()).collect();
    for start in starts {
        start.await.unwrap().unwrap().ready().await.unwrap();
    }
    assert_eq!(SERVER.sql(&database, "SELECT count(*) FROM stagedoor.migration"), "1");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let database = SERVER.database();
    let url = SERVER.url(&database);
    connect(&url).await;
    SERVER.sql(&database, "INSERT INTO stagedoor.migration (version) VALUES (99)");
    let error = refused(&url).await;
    assert!(matches!(error, ConnectError::Newer { found: 99, .. }), "{error:?}");
    assert!(error.to_string().contains("run the newer Stagedoor"), "{error}");
}

#[tokio::test]
async fn a_schema_of_somebody_else_is_refused_and_left_alone() {
    let database = SERVER.database();
    SERVER.sql(&database, "CREATE SCHEMA stagedoor CREATE TABLE actors (name text)");
    let error = refused(&SERVER.url(&database)).await;
    assert!(matches!(error, ConnectError::Foreign { .. }), "{error:?}");
    let tables = "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'stagedoor'::regnamespace";
    assert_eq!(SERVER.sql(&database, tables), "actors");
}

#[tokio::test]
async fn looking_makes_nothing() {
    let database = SERVER.database();
    let url = parse(&SERVER.url(&database));
    let error = Postgres::connect_to_existing(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Empty { .. }), "{error:?}");
    assert_eq!(SERVER.sql(&database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'stagedoor'"), "0");
    Postgres::connect(&url).await.unwrap();
    Postgres::connect_to_existing(&url).await.unwrap();
}

#[tokio::test]
async fn a_user_who_may_only_use_a_schema_made_for_them_is_enough() {
    let database = SERVER.database();
    SERVER.sql("postgres", &format!("CREATE ROLE {database}_user LOGIN PASSWORD '{PASSWORD}'"));
    let url = SERVER.url_of(&format!("{database}_user"), &database);
    let error = refused(&url).await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    SERVER.sql(&database, &format!("CREATE SCHEMA stagedoor AUTHORIZATION {database}_user"));
    connect(&url).await.ready().await.unwrap();
}

#[tokio::test]
async fn mn_12_what_fails_is_said_without_the_password() {
    let nobody = format!("postgres://stagedoor:{PASSWORD}@127.0.0.1:1/db");
    let wrong_password = format!("postgres://stagedoor:not-{PASSWORD}@127.0.0.1:{}/postgres", SERVER.port());
    let stranger = SERVER.url_of("stranger", "postgres");
    let cases = [
        (nobody, "no PostgreSQL server answers at 127.0.0.1:1"),
        (wrong_password, "password authentication failed"),
        (stranger, "check user, password and database"),
        (SERVER.url("absent"), "does not exist"),
    ];
    for (url, part) in cases {
        let error = refused(&url).await;
        let said = format!("{} {error:?}", said(&error));
        assert!(said.contains(part) && !said.contains(PASSWORD), "{said}");
    }
}

/// A server with a certificate for `localhost` by an authority of the test's own.
struct Encrypted {
    server: Server,
    /// `ca.pem` is that authority, `other.pem` another one.
    directory: TempDir,
}

static ENCRYPTED: LazyLock<Encrypted> = LazyLock::new(|| Encrypted::start().expect("certificates"));

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

impl Encrypted {
    fn start() -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let trusted = authority()?;
        fs::write(directory.path().join("ca.pem"), trusted.pem())?;
        fs::write(directory.path().join("other.pem"), authority()?.pem())?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &trusted)?;
        let server = Server::start_encrypted(&certificate.pem(), &key.serialize_pem());
        Ok(Self { server, directory })
    }

    fn url(&self, host: &str, options: &str) -> String {
        let roots = self.directory.path().display().to_string();
        let options = options.replace("ROOTS", &roots);
        format!("postgres://stagedoor:{PASSWORD}@{host}:{}/postgres?{options}", self.server.port())
    }
}

#[tokio::test]
async fn a_server_whose_authority_is_trusted_is_spoken_to_in_secret() {
    for mode in ["require", "verify-full", "prefer"] {
        let url =
            ENCRYPTED.url("localhost", &format!("sslmode={mode}&sslrootcert=ROOTS/ca.pem&application_name={mode}"));
        connect(&url).await.ready().await.unwrap();
        let store = connect(&url).await;
        let encrypted = format!(
            "SELECT bool_and(ssl) FROM pg_stat_ssl NATURAL JOIN pg_stat_activity WHERE application_name = '{mode}'"
        );
        assert_eq!(ENCRYPTED.server.sql("postgres", &encrypted), "t", "{mode}");
        drop(store);
    }
}

#[tokio::test]
async fn mn_30_no_mode_speaks_to_a_server_that_is_not_verified() {
    let wrong = [
        // Nobody that the system trusts has signed the certificate.
        ("localhost", "sslmode=require"),
        ("localhost", "sslmode=verify-full"),
        ("localhost", "sslmode=prefer"),
        ("localhost", "sslmode=require&sslrootcert=ROOTS/other.pem"),
        // The certificate is for another name.
        ("127.0.0.1", "sslmode=require&sslrootcert=ROOTS/ca.pem"),
        ("127.0.0.1", "sslmode=prefer&sslrootcert=ROOTS/ca.pem"),
    ];
    for (host, options) in wrong {
        let error = refused(&ENCRYPTED.url(host, options)).await;
        assert!(matches!(error, ConnectError::Untrusted { .. }), "{host} {options}: {error:?}");
        assert!(said(&error).contains("certificate"), "{}", said(&error));
    }
}

#[tokio::test]
async fn mn_30_a_server_without_tls_is_refused_where_tls_is_required() {
    for mode in ["require", "verify-full"] {
        let error = refused(&format!("{}?sslmode={mode}", SERVER.url("postgres"))).await;
        assert!(matches!(error, ConnectError::Untrusted { .. }), "{error:?}");
        assert!(said(&error).contains("does not support TLS"), "{}", said(&error));
    }
}

#[tokio::test]
async fn a_unix_socket_is_a_way_in() {
    let directory = SERVER.directory().display().to_string().replace('/', "%2F");
    let database = SERVER.database();
    let url = format!("postgres://stagedoor:{PASSWORD}@{directory}:{}/{database}", SERVER.port());
    connect(&url).await.ready().await.unwrap();
}

#[tokio::test]
async fn of_several_servers_the_one_that_can_be_written_is_taken() {
    let database = SERVER.database();
    let url = format!("postgres://stagedoor:{PASSWORD}@127.0.0.1:1,127.0.0.1:{}/{database}", SERVER.port());
    connect(&url).await.ready().await.unwrap();
    SERVER.sql("postgres", &format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    let error = refused(&url).await;
    assert!(said(&error).contains("takes no writes, as a standby does; name the primary"), "{}", said(&error));
}
