//! Owns TLS: one client configuration per process, and one rustls state machine per connection, driven
//! over a monoio socket. Never trusts anything but the platform's roots, or the certificates that the
//! user named instead.

use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::connect::read_failure;
use super::self_signed::{SelfSigned, is_self_issued};
use crate::failure::Failure;

/// Ciphertext read from the socket at once: one full TLS record and its header.
const RECEIVE_BYTES: usize = 16 * 1024 + 256;

/// Why TLS could not be set up for the run.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// rustls refused the configuration.
    #[error("TLS could not be configured: {0}")]
    Config(#[from] rustls::Error),
    /// rustls refused the roots.
    #[error("TLS roots could not be used: {0}")]
    Roots(#[from] rustls::client::VerifierBuilderError),
    /// A file of roots is unfit.
    #[error("the file of certificates could not be used: {0}")]
    File(String),
}

/// A configuration that trusts the platform's roots (SSL_CERT_FILE and SSL_CERT_DIR first) and offers
/// no ALPN protocol.
///
/// # Errors
/// If rustls refuses the configuration.
pub(crate) fn verifying_config() -> Result<ClientConfig, TlsError> {
    Ok(with_platform_roots()?.0)
}

/// [`verifying_config`], with the number of roots that were read.
fn with_platform_roots() -> Result<(ClientConfig, usize), TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut store = RootCertStore::empty();
    let named_by_user = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(std::env::var_os);
    let (mut own, mut added) = (Vec::new(), 0);
    for root in rustls_native_certs::load_native_certs().certs {
        let is_own = named_by_user.iter().any(Option::is_some) && is_self_issued(&root);
        // webpki does not accept a version 1 certificate as a root either.
        added += usize::from(store.add(root.clone()).is_ok() || is_own);
        own.extend(is_own.then_some(root));
    }
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let config = if own.is_empty() {
        builder.with_root_certificates(store)
    } else {
        let verifier = SelfSigned::new(
            own,
            provider.signature_verification_algorithms,
            verifier_of(store, provider)?,
        );
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    };
    Ok((config.with_no_client_auth(), added))
}

/// A configuration that trusts any certificate and offers no ALPN protocol.
///
/// # Errors
/// If rustls refuses the configuration.
pub(crate) fn trusting_config() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(TrustEverybody {
        algorithms: provider.signature_verification_algorithms,
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// A configuration that trusts the roots of a file of certificates (PEM), which may be self-signed certificates of
/// servers, and offers no ALPN protocol.
///
/// # Errors
/// If the file cannot be read or holds no certificate, or rustls refuses the configuration.
pub(crate) fn config_with_roots(file: &Path) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let roots: Vec<CertificateDer<'static>> =
        read.map_err(|error| TlsError::File(error.to_string()))?;
    let (mut store, mut own) = (RootCertStore::empty(), Vec::new());
    for root in roots {
        let is_own = is_self_issued(&root);
        if store.add(root.clone()).is_err() && !is_own {
            return Err(TlsError::File("a certificate is no root".to_owned()));
        }
        own.extend(is_own.then_some(root));
    }
    if store.is_empty() && own.is_empty() {
        return Err(TlsError::File("it holds no certificate".to_owned()));
    }
    let verifier = SelfSigned::new(
        own,
        provider.signature_verification_algorithms,
        verifier_of(store, provider.clone())?,
    );
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// webpki's verifier for these roots; `None` if there are none.
fn verifier_of(
    store: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, TlsError> {
    if store.is_empty() {
        return Ok(None);
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider);
    Ok(Some(verifier.build()?))
}

/// The process-wide TLS configuration.
#[derive(Clone)]
pub(crate) struct TlsContext {
    config: Arc<ClientConfig>,
}

impl TlsContext {
    /// Reads the platform's roots (SSL_CERT_FILE and SSL_CERT_DIR first), or trusts any certificate.
    /// Returns the number of roots that were read, too.
    ///
    /// # Errors
    /// If rustls refuses the configuration.
    pub(crate) fn new(ignore_certificates: bool) -> Result<(Self, usize), TlsError> {
        let (mut config, roots) = if ignore_certificates {
            (trusting_config()?, 0)
        } else {
            with_platform_roots()?
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((
            Self {
                config: Arc::new(config),
            },
            roots,
        ))
    }
}

/// A TLS connection over a socket.
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: ClientConnection,
    /// Ciphertext buffer; empty while an operation holds it.
    buffer: Vec<u8>,
}

impl TlsStream {
    /// Performs the handshake for `host`.
    ///
    /// # Errors
    /// `TlsCertificate` if the certificate does not verify, `TlsHandshake` for other TLS errors, and
    /// the failures of the connection.
    pub(crate) async fn connect(
        context: &TlsContext,
        socket: TcpStream,
        host: &str,
    ) -> Result<Self, Failure> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| Failure::TlsHandshake)?;
        let session = ClientConnection::new(context.config.clone(), name)
            .map_err(|_| Failure::TlsHandshake)?;
        let mut stream = Self {
            socket,
            session,
            buffer: Vec::with_capacity(RECEIVE_BYTES),
        };
        while stream.session.is_handshaking() {
            stream.send_pending().await?;
            if stream.session.is_handshaking() && !stream.receive().await? {
                return Err(Failure::TlsHandshake);
            }
        }
        stream.send_pending().await?;
        Ok(stream)
    }

    /// Encrypts and sends all of `plain`.
    pub(crate) async fn write_all(&mut self, plain: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let mut sent = 0;
        while sent < plain.len() {
            let taken = io::Write::write(&mut self.session.writer(), &plain[sent..])
                .map_err(|_| Failure::TlsHandshake)?;
            sent += taken;
            self.send_pending().await?;
        }
        Ok(plain)
    }

    /// Reads into the spare capacity of `into`; 0 is the end of the stream.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> Result<usize, Failure> {
        loop {
            match self.take_plain(into) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(_) => return Err(Failure::TlsHandshake),
            }
            if !self.receive().await? {
                return Ok(0);
            }
            if self.session.wants_write() {
                self.send_pending().await?;
            }
        }
    }

    /// Moves decrypted bytes to `into`, as many as fit.
    fn take_plain(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let room = into.capacity() - into.len();
        let mut reader = self.session.reader();
        let plain = reader.fill_buf()?;
        let count = plain.len().min(room);
        into.extend_from_slice(&plain[..count]);
        reader.consume(count);
        Ok(count)
    }

    async fn send_pending(&mut self) -> Result<(), Failure> {
        while self.session.wants_write() {
            let mut out = std::mem::take(&mut self.buffer);
            out.clear();
            while self.session.wants_write() {
                self.session
                    .write_tls(&mut out)
                    .map_err(|_| Failure::TlsHandshake)?;
            }
            let (result, back) = self.socket.write_all(out).await;
            self.buffer = back;
            result.map_err(|error| read_failure(&error))?;
        }
        Ok(())
    }

    /// Reads from the socket once and feeds the bytes to rustls; false at the end of the stream.
    async fn receive(&mut self) -> Result<bool, Failure> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.reserve(RECEIVE_BYTES);
        let (result, back) = self.socket.read(buffer).await;
        self.buffer = back;
        let count = result.map_err(|error| read_failure(&error))?;
        let mut cipher = &self.buffer[..count];
        if count == 0 {
            // Tells rustls that the stream has ended, so that its reader ends too.
            self.session
                .read_tls(&mut cipher)
                .map_err(|_| Failure::TlsHandshake)?;
            return Ok(false);
        }
        while !cipher.is_empty() {
            self.session
                .read_tls(&mut cipher)
                .map_err(|_| Failure::TlsHandshake)?;
            self.session
                .process_new_packets()
                .map_err(|error| failure_of(&error))?;
        }
        Ok(true)
    }
}

fn failure_of(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Failure::TlsCertificate
        }
        _ => Failure::TlsHandshake,
    }
}

/// `--ignore_ssl_certificate`: skips the certificate chain, but verifies the handshake's signature.
#[derive(Debug)]
struct TrustEverybody {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for TrustEverybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
