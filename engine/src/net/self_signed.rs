//! Owns trust in a self-signed certificate that the user named in SSL_CERT_FILE or SSL_CERT_DIR and that a
//! server then presents as its own: webpki takes no authority's certificate, and none of version 1, for a
//! server's. OpenSSL trusts it, and what it looks at is looked at here: the dates, the name, the purpose,
//! and the handshake's signature. Every other certificate goes webpki's way.
//! Never trusts by anything but equality, byte for byte.

use std::collections::HashSet;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::RawPublicKeyEntity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// webpki's verifier, and the certificates that are trusted as they are.
#[derive(Debug)]
pub(super) struct SelfSigned {
    own: HashSet<Vec<u8>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// None where there is no root for anybody else.
    others: Option<Arc<WebPkiServerVerifier>>,
}

/// Whether a certificate names itself as its issuer: what OpenSSL takes for the end of a chain.
pub(super) fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    parsed(certificate).is_ok_and(|own| own.subject().as_raw() == own.issuer().as_raw())
}

impl SelfSigned {
    /// Trusts each of `own` where it is what a server presents, and leaves the rest to `others`.
    pub(super) fn new(
        own: Vec<CertificateDer<'static>>,
        algorithms: WebPkiSupportedAlgorithms,
        others: Option<Arc<WebPkiServerVerifier>>,
    ) -> Self {
        Self {
            own: own.into_iter().map(|own| own.to_vec()).collect(),
            algorithms,
            others,
        }
    }

    /// The key of a certificate that is trusted as it is.
    fn own_key(
        &self,
        certificate: &CertificateDer<'_>,
    ) -> Option<SubjectPublicKeyInfoDer<'static>> {
        let own = self
            .own
            .contains(certificate.as_ref())
            .then(|| parsed(certificate));
        let key = own?.ok()?.public_key().raw.to_vec();
        Some(SubjectPublicKeyInfoDer::from(key))
    }

    /// The scheme may stand for several algorithms; the key's own is the one (RFC 5246, 7.4.1.4.1).
    fn verify_signature(
        &self,
        message: &[u8],
        key: &SubjectPublicKeyInfoDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let refused = || Error::InvalidCertificate(CertificateError::BadSignature);
        let key = RawPublicKeyEntity::try_from(key).map_err(|_| refused())?;
        let mut schemes = self.algorithms.mapping.iter();
        let (_, algorithms) = schemes
            .find(|(scheme, _)| *scheme == dss.scheme)
            .ok_or_else(refused)?;
        let signature = dss.signature();
        algorithms
            .iter()
            .any(|algorithm| key.verify_signature(*algorithm, message, signature).is_ok())
            .then(HandshakeSignatureValid::assertion)
            .ok_or_else(refused)
    }
}

impl ServerCertVerifier for SelfSigned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.own.contains(end_entity.as_ref()) {
            let others = self
                .others
                .as_ref()
                .ok_or(CertificateError::UnknownIssuer)?;
            return others.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
        }
        let own = parsed(end_entity)?;
        check_dates(&own, now)?;
        check_purpose(&own)?;
        check_name(&own, end_entity, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.own_key(certificate) {
            Some(key) => self.verify_signature(message, &key, dss),
            None => verify_tls12_signature(message, certificate, dss, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.own_key(certificate) {
            Some(key) => verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms),
            None => verify_tls13_signature(message, certificate, dss, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    match X509Certificate::from_der(certificate.as_ref()) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(CertificateError::BadEncoding.into()),
    }
}

fn check_dates(own: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = ASN1Time::from_timestamp(seconds).map_err(|_| CertificateError::BadEncoding)?;
    if now < own.validity().not_before {
        Err(CertificateError::NotValidYet.into())
    } else if now > own.validity().not_after {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}

/// Where the certificate says what it is for, that must be a TLS server; what it calls critical must be
/// understood.
fn check_purpose(own: &X509Certificate<'_>) -> Result<(), Error> {
    for extension in own.extensions() {
        let allowed = match extension.parsed_extension() {
            ParsedExtension::ExtendedKeyUsage(usage) => usage.server_auth,
            ParsedExtension::KeyUsage(usage) => {
                usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
            }
            ParsedExtension::UnsupportedExtension { .. } if extension.critical => {
                return Err(CertificateError::UnhandledCriticalExtension.into());
            }
            ParsedExtension::ParseError { .. } => return Err(CertificateError::BadEncoding.into()),
            _ => true,
        };
        if !allowed {
            return Err(CertificateError::InvalidPurpose.into());
        }
    }
    Ok(())
}

/// The alternative names, or where none of them is a host's, the subject's common name for a host.
fn check_name(
    own: &X509Certificate<'_>,
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
) -> Result<(), Error> {
    let refused = Err(CertificateError::NotValidForName.into());
    let alternatives = own.subject_alternative_name();
    let alternatives = alternatives.map_err(|_| CertificateError::BadEncoding)?;
    let names = alternatives.map_or(&[][..], |found| &found.value.general_names);
    let names_hosts = names
        .iter()
        .any(|name| matches!(name, GeneralName::DNSName(_)));
    match server_name {
        ServerName::DnsName(host) if !names_hosts => {
            let mut common = own
                .subject()
                .iter_common_name()
                .filter_map(|name| name.as_str().ok());
            if common.any(|pattern| covers(pattern, host.as_ref())) {
                Ok(())
            } else {
                refused
            }
        }
        _ if names.is_empty() => refused,
        _ => verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name),
    }
}

/// Whether a common name is this host's; a star stands for the first of three labels or more.
fn covers(pattern: &str, host: &str) -> bool {
    let below = pattern
        .strip_prefix("*.")
        .filter(|below| below.contains('.'));
    match (below, host.split_once('.')) {
        (Some(below), Some((_, rest))) => below.eq_ignore_ascii_case(rest),
        _ => pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_covers_its_host_and_a_star_one_label() {
        for (pattern, host, covered) in [
            ("a.example", "A.example", true),
            ("*.a.example", "b.a.example", true),
            ("a.example", "b.a.example", false),
            ("*.a.example", "a.example", false),
            ("*.a.example", "c.b.a.example", false),
            ("*.example", "a.example", false),
            ("*", "a", false),
            ("b*.a.example", "bc.a.example", false),
            ("", "a", false),
        ] {
            assert_eq!(covers(pattern, host), covered, "{pattern} {host}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_are_nobodys_own() {
        for bytes in [&[][..], &[0x30], &[0x30; 300]] {
            assert!(!is_self_issued(&CertificateDer::from(bytes)));
        }
    }
}
