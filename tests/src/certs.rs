//! Owns the certificates of the fake web: an authority and one leaf, made anew by every process.
//! Never writes a private key anywhere.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Names and addresses the leaf is valid for. `deep.name.ok.test` is not among them: a wildcard
/// covers one label (RFC 6125, section 6.4.3).
const LEAF_NAMES: [&str; 5] = ["*.ok.test", "*.web.test", "localhost", "127.0.0.1", "::1"];

/// An authority and a server that presents a leaf signed by it.
pub struct Certificates {
    /// The authority's certificate, PEM: what a client must trust.
    pub authority_pem: String,
    /// TLS 1.2 and 1.3 with the leaf, no client authentication, HTTP/1.1 by ALPN.
    pub server: Arc<ServerConfig>,
}

impl Certificates {
    /// Makes both key pairs and both certificates.
    ///
    /// # Errors
    /// What `rcgen` or `rustls` refuse; with fixed parameters that is a fault of this module.
    pub fn generate() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut authority = CertificateParams::default();
        authority
            .distinguished_name
            .push(DnType::CommonName, "fake web authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut leaf = CertificateParams::new(LEAF_NAMES.map(String::from))?;
        leaf.distinguished_name.push(DnType::CommonName, "fake web");
        let leaf_key = KeyPair::generate()?;
        let chain = vec![leaf.signed_by(&leaf_key, &issuer)?.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            authority_pem,
            server: Arc::new(server),
        })
    }
}
