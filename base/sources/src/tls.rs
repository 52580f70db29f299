//! TLS, with the authorities that this machine trusts.

use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::Fault;

/// Read when it is first needed: most sources are files.
#[derive(Default)]
pub(crate) struct Tls(OnceLock<Result<TlsConnector, Fault>>);

impl Tls {
    pub(crate) fn connector(&self) -> Result<TlsConnector, Fault> {
        self.0.get_or_init(connector).clone()
    }
}

fn connector() -> Result<TlsConnector, Fault> {
    let mut authorities = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    authorities.add_parsable_certificates(found.certs);
    if authorities.is_empty() {
        let message = "this machine knows no certificate authorities: install ca-certificates";
        return Err(Fault::Nonsense(message.into()));
    }
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let config = versions
        .map_err(|error| Fault::Nonsense(error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
