//! Who the server says it is: certificates and their key.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

/// The server's usual certificate, and one that was good in January 2020.
pub const CERTIFICATE: &[u8] = include_bytes!("../tls/leaf.pem");
pub const EXPIRED: &[u8] = include_bytes!("../tls/expired.pem");
pub const VERSION_1: &[u8] = include_bytes!("../tls/version1.pem");
pub const KEY: &[u8] = include_bytes!("../tls/leaf.key");

/// The configuration of a server with this certificate and its key, both PEM.
pub fn identity(certificate: &[u8], key: &[u8]) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = ring::sign::any_supported_type(&PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        // Unlike `with_single_cert`, this does not look at the certificate.
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key))));
    Arc::new(config)
}
