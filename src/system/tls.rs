//! TLS towards a server: whom it may be, and the handshake.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::stream::Stream;
use crate::config::read_bytes;

/// Largest file of certificates, in bytes; all authorities of a system together have some 200 KiB.
const MAX_CA_FILE: u64 = 4 << 20;

/// How the server's certificate is verified.
#[derive(Debug)]
pub(crate) enum Trust<'a> {
    /// The server asked for, by an authority of the system, or as the file of certificates says, if there is one.
    Verified(Option<&'a Path>),
    /// Anybody.
    Anybody,
}

/// Secures a connection to `host`.
///
/// # Errors
/// Returns an error if the certificates cannot be read, the handshake fails, or the server's certificate is not accepted:
/// then rustls's own error is inside.
pub(crate) async fn secure(stream: Box<dyn Stream>, host: &str, trust: &Trust<'_>) -> io::Result<Box<dyn Stream>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::other(format!("no certificate can be for the name {host:?}")))?;
    let stream = TlsConnector::from(Arc::new(config(trust)?)).connect(name, stream).await?;
    Ok(Box::new(stream))
}

fn config(trust: &Trust<'_>) -> io::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(trust, &provider).map_err(io::Error::other)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Checks a server's certificate. Each of the administrator's own certificates is an authority, and is accepted as the
/// server's own too. The administrator has said whose it is, so its name and dates do not matter, as in DANE (RFC 7671,
/// section 5.1). This accepts a server that signed its certificate itself; rustls alone refuses one that says
/// `CA:TRUE`, as openssl makes them.
#[derive(Debug)]
struct Verifier {
    anybody: bool,
    roots: RootCertStore,
    own: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(trust: &Trust<'_>, provider: &CryptoProvider) -> Result<Self, String> {
        let algorithms = provider.signature_verification_algorithms;
        let mut verifier = Self { anybody: true, roots: RootCertStore::empty(), own: Vec::new(), algorithms };
        let Trust::Verified(file) = trust else { return Ok(verifier) };
        verifier.anybody = false;
        // Some that are damaged or missing show as an unknown authority.
        verifier.roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = file {
            verifier.own = certificates(file)?;
            for certificate in &verifier.own {
                let damaged = |error| problem(file, &format!("holds a damaged certificate: {error}"));
                verifier.roots.add(certificate.clone()).map_err(damaged)?;
            }
        }
        if verifier.roots.is_empty() {
            return Err("this machine has no certificates of authorities: install the package ca-certificates".into());
        }
        Ok(verifier)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.anybody && !self.own.contains(end_entity) {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Reads the certificates in `notification.smtp.ca_file`, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read_bytes(file, MAX_CA_FILE);
    let pem = pem.map_err(|error| problem(file, &format!("cannot be read: {error}")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(problem(file, "holds no certificate in PEM form")),
    }
}

fn problem(file: &Path, why: &str) -> String {
    format!("notification.smtp.ca_file {} {why}", file.display())
}
