//! TLS towards a database: always verified, by the certificates that the system trusts or by those of one file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use stagedoor_flows::port::BoxError;

/// What verifies a server by the certificates in the PEM file `ca`, or by those that the system trusts
/// (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured).
pub(crate) fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>, BoxError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let roots = match ca {
        Some(file) => roots_in(file)?,
        None => roots_of_the_system()?,
    };
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn roots_in(file: &Path) -> Result<RootCertStore, BoxError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(roots)
}

fn roots_of_the_system() -> Result<RootCertStore, BoxError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Old systems carry certificates that no longer parse; the others still count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let error = found.errors.into_iter().next();
        return Err(error.map_or_else(|| "the system trusts none".into(), BoxError::from));
    }
    Ok(roots)
}
