//! Owns the certificates of the fake web: authorities and leaves, made anew by every process.
//! Never writes a private key anywhere.

use std::error::Error;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DEFAULT_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::self_signed::SelfSigned;

/// Names and addresses the leaf is valid for. `deep.name.ok.test` is not among them: a wildcard
/// covers one label (RFC 6125, section 6.4.3).
const LEAF_NAMES: [&str; 5] = ["*.ok.test", "*.web.test", "localhost", "127.0.0.1", "::1"];

type Failed = Box<dyn Error + Send + Sync>;

/// An authority and a server that presents a leaf signed by it.
pub struct Certificates {
    /// The authority's certificate, and those of hosts that vouch for themselves, PEM: what a client must
    /// trust.
    pub authority_pem: String,
    /// TLS 1.2 and 1.3 with the leaf, no client authentication, HTTP/1.1 by ALPN.
    pub server: Arc<ServerConfig>,
    /// The authority, for other leaves.
    pub authority: Authority,
}

impl Certificates {
    /// Makes both key pairs and both certificates.
    ///
    /// # Errors
    /// What `rcgen` or `rustls` refuse; with fixed parameters that is a fault of this module.
    pub fn generate() -> Result<Self, Failed> {
        let mut authority = Authority::generate("fake web authority")?;
        authority.own_of_hosts = SelfSigned::generate()?;
        let mut leaf = CertificateParams::new(LEAF_NAMES.map(String::from))?;
        leaf.distinguished_name.push(DnType::CommonName, "fake web");
        Ok(Self {
            authority_pem: authority.pem.clone() + &pem(authority.own_of_hosts.certificates()),
            server: server(authority.issue(leaf)?)?,
            authority,
        })
    }
}

/// Who signs certificates.
pub struct Authority {
    pem: String,
    own: CertificateDer<'static>,
    /// What goes behind a leaf: the authorities below the root, the nearest first.
    between: Vec<CertificateDer<'static>>,
    issuer: Issuer<'static, KeyPair>,
    /// What hosts present that need no authority.
    own_of_hosts: SelfSigned,
}

impl Authority {
    /// A root of this name.
    ///
    /// # Errors
    /// See [`Certificates::generate`].
    pub fn generate(name: &str) -> Result<Self, Failed> {
        let key = KeyPair::generate()?;
        let params = signer(name, IsCa::Ca(BasicConstraints::Unconstrained));
        let own = params.self_signed(&key)?;
        Ok(Self {
            pem: own.pem(),
            own: own.der().clone(),
            between: Vec::new(),
            issuer: Issuer::new(params, key),
            own_of_hosts: SelfSigned::default(),
        })
    }

    /// An authority signed by this one, if it is one.
    ///
    /// # Errors
    /// See [`Certificates::generate`].
    pub(crate) fn below(&self, is_ca: IsCa) -> Result<Self, Failed> {
        let key = KeyPair::generate()?;
        let name = format!("fake web authority, step {}", self.between.len() + 1);
        let params = signer(&name, is_ca);
        let own = params.signed_by(&key, &self.issuer)?;
        let mut between = vec![own.der().clone()];
        between.extend(self.between.iter().cloned());
        Ok(Self {
            pem: own.pem(),
            own: own.der().clone(),
            between,
            issuer: Issuer::new(params, key),
            own_of_hosts: SelfSigned::default(),
        })
    }

    /// A certificate with a key of its own, and what has to come behind it.
    ///
    /// # Errors
    /// See [`Certificates::generate`].
    pub(crate) fn issue(&self, leaf: CertificateParams) -> Result<Identity, Failed> {
        let key = KeyPair::generate()?;
        let mut chain = vec![leaf.signed_by(&key, &self.issuer)?.der().clone()];
        chain.extend(self.between.iter().cloned());
        Ok(Identity { chain, key })
    }
}

impl Authority {
    /// What a host presents that vouches for itself, and that clients were given.
    ///
    /// # Errors
    /// Where there is none for it.
    pub(crate) fn own_of(&self, host: &str) -> Result<Identity, Failed> {
        self.own_of_hosts.of(host)
    }
}

fn pem<'a>(certificates: impl Iterator<Item = &'a CertificateDer<'static>>) -> String {
    let mut text = String::new();
    for certificate in certificates {
        let base64 = STANDARD.encode(certificate);
        text += &format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    }
    text
}

fn signer(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = is_ca;
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

/// What a server presents, whether or not it fits together.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

/// Presents one identity to everybody, unlike rustls without a look at whether it is sound.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A server of TLS 1.2 and 1.3, no client authentication, HTTP/1.1 by ALPN.
pub(crate) fn server(identity: Identity) -> Result<Arc<ServerConfig>, Failed> {
    identity.with_versions(DEFAULT_VERSIONS)
}

impl Identity {
    /// The same in these versions only.
    pub(crate) fn with_versions(
        self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Arc<ServerConfig>, Failed> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(self.always()?);
        Ok(Arc::new(speaking_http(config)))
    }

    /// The same, for clients alone that the authority vouches for.
    pub(crate) fn demanding(
        self,
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Arc<ServerConfig>, Failed> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.own.clone())?;
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(self.always()?);
        Ok(Arc::new(speaking_http(config)))
    }

    fn always(self) -> Result<Arc<Always>, Failed> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let key = rustls::crypto::ring::sign::any_supported_type(&key)?;
        Ok(Arc::new(Always(Arc::new(CertifiedKey::new(
            self.chain, key,
        )))))
    }
}

fn speaking_http(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
