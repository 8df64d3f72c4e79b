//! Connections to others: TCP, and TLS where the address is https.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use stagedoor_flows::port::BoxError;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tower::Service;

/// What may be spoken over TLS, as ALPN has it (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2, or HTTP/1.1 with those who do not know it.
    Http2,
}

/// Connects to others, with TLS verified against the roots of the operating system, or Mozilla's where it has none.
///
/// The roots are read for the first https connection, once for the whole process: they are hundreds of files, take longer
/// than the rest of a start, and a gateway that calls nobody needs none.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    spoken: Spoken,
    tls: ConfigBuilder<ClientConfig, WantsVerifier>,
    https: Arc<OnceCell<HttpsConnector<HttpConnector>>>,
}

impl Connector {
    /// Prepares connections. `connect` is how long TCP may take.
    pub(crate) fn new(connect: Duration, spoken: Spoken) -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect));
        Ok(Self { tcp, spoken, tls, https: Arc::default() })
    }

    /// Connects to where an address leads.
    pub(crate) async fn connect(&self, uri: Uri) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, BoxError> {
        if uri.scheme() == Some(&Scheme::HTTP) {
            return Ok(MaybeHttpsStream::Http(self.tcp.clone().call(uri).await?));
        }
        self.https.get_or_try_init(|| self.https()).await?.clone().call(uri).await
    }

    async fn https(&self) -> Result<HttpsConnector<HttpConnector>, BoxError> {
        static TRUSTING: OnceCell<ConfigBuilder<ClientConfig, WantsClientCert>> = OnceCell::const_new();
        let read = || {
            tokio::task::spawn_blocking({
                let tls = self.tls.clone();
                move || trusting(tls)
            })
        };
        let mut config = TRUSTING.get_or_try_init(read).await?.clone().with_no_client_auth();
        if self.spoken == Spoken::Http2 {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(HttpsConnector::from((self.tcp.clone(), config)))
    }
}

/// Reads the roots.
fn trusting(tls: ConfigBuilder<ClientConfig, WantsVerifier>) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    tls.clone().with_native_roots().unwrap_or_else(|_| tls.with_webpki_roots())
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.connect(uri).await })
    }
}
