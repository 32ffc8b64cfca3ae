//! Owns the certificates that vouch for themselves and that clients are given beside the authority's. Made
//! anew by every process; the first label of a host says which it presents.

use std::error::Error;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SigningKey, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::certs::Identity;

type Failed = Box<dyn Error + Send + Sync>;
type Made = Result<CertificateDer<'static>, Failed>;

/// Label of a host, and how its certificate is made.
type Kind = (&'static str, fn(&KeyPair, &str) -> Made);

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    ("cert-own", |key, host| changed(key, host, |_| {})),
    ("cert-own-tls-1-2", |key, host| changed(key, host, |_| {})),
    ("cert-own-of-other-key", |key, host| changed(key, host, |_| {})),
    ("cert-own-of-other-key-tls-1-2", |key, host| changed(key, host, |_| {})),
    ("cert-own-authority", |key, host| changed(key, host, |own| own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
    ("cert-own-no-authority", |key, host| changed(key, host, |own| own.is_ca = IsCa::ExplicitNoCa)),
    ("cert-own-wildcard", |key, _| changed(key, "*.ok.test", |_| {})),
    ("cert-own-for-servers", |key, host| changed(key, host, |own| own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])),
    ("cert-own-common-name", |key, host| named(key, host, None)),
    ("cert-own-version-1", |key, host| version_1(key, host, "491231235959Z")),
    ("cert-own-version-1-tls-1-2", |key, host| version_1(key, host, "491231235959Z")),
    ("cert-own-expired", |key, host| changed(key, host, |own| own.not_after = date_time_ymd(2020, 1, 1))),
    ("cert-own-not-yet-valid", |key, host| changed(key, host, |own| own.not_before = date_time_ymd(2090, 1, 1))),
    ("cert-own-other-host", |key, _| changed(key, "other.test", |_| {})),
    ("cert-own-for-clients", |key, host| changed(key, host, |own| own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])),
    ("cert-own-signs-alone", |key, host| changed(key, host, |own| own.key_usages = vec![KeyUsagePurpose::KeyCertSign])),
    ("cert-own-odd-extension", |key, host| changed(key, host, odd)),
    ("cert-own-common-name-second", |key, host| named(key, host, Some("other.test"))),
    ("cert-own-version-1-other-host", |key, _| version_1(key, "other.ok.test", "491231235959Z")),
    ("cert-own-version-1-expired", |key, host| version_1(key, host, "200101000000Z")),
    ("cert-own-issued", issued),
];

/// One of them.
struct Own {
    label: &'static str,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// All of them, for the hosts below `ok.test`.
#[derive(Default)]
pub(crate) struct SelfSigned(Vec<Own>);

impl SelfSigned {
    /// Makes them.
    pub(crate) fn generate() -> Result<Self, Failed> {
        let own = KINDS.iter().map(|(label, make)| {
            let key = KeyPair::generate()?;
            let certificate = make(&key, &format!("{label}.ok.test"))?;
            Ok(Own {
                label,
                certificate,
                key: key.serialize_der(),
            })
        });
        own.collect::<Result<_, _>>().map(Self)
    }

    /// What a client is given.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.0.iter().map(|own| &own.certificate)
    }

    /// What a host presents.
    pub(crate) fn of(&self, host: &str) -> Result<Identity, Failed> {
        let label = host.strip_suffix(".ok.test").unwrap_or(host);
        let own = self.0.iter().find(|own| own.label == label);
        let own = own.ok_or("no certificate of its own")?;
        Ok(Identity {
            chain: vec![own.certificate.clone()],
            key: KeyPair::try_from(own.key.as_slice())?,
        })
    }
}

fn changed(key: &KeyPair, name: &str, change: fn(&mut CertificateParams)) -> Made {
    let mut own = CertificateParams::new([name.to_owned()])?;
    own.distinguished_name
        .push(DnType::CommonName, "a host of its own");
    change(&mut own);
    Ok(own.self_signed(key)?.der().clone())
}

fn odd(own: &mut CertificateParams) {
    let mut odd = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    odd.set_criticality(true);
    own.custom_extensions.push(odd);
}

/// The host for a common name, and perhaps an alternative one.
fn named(key: &KeyPair, host: &str, alternative: Option<&str>) -> Made {
    let names: Vec<String> = alternative.into_iter().map(str::to_owned).collect();
    let mut own = CertificateParams::new(names)?;
    own.distinguished_name.push(DnType::CommonName, host);
    Ok(own.self_signed(key)?.der().clone())
}

/// A certificate that somebody else signed, of whom nobody was told.
fn issued(key: &KeyPair, host: &str) -> Made {
    let (mut above, above_key) = (CertificateParams::default(), KeyPair::generate()?);
    above
        .distinguished_name
        .push(DnType::CommonName, "an authority elsewhere");
    above.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let leaf = CertificateParams::new([host.to_owned()])?;
    Ok(leaf
        .signed_by(key, &Issuer::new(above, above_key))?
        .der()
        .clone())
}

/// As `openssl x509 -req -signkey` made them for years: version 1, without any extension (RFC 5280, 4.1).
fn version_1(key: &KeyPair, host: &str, not_after: &str) -> Made {
    const SEQUENCE: u8 = 0x30;
    const SET: u8 = 0x31;
    let algorithm = der(SEQUENCE, &[b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"]);
    let common_name = [b"\x06\x03\x55\x04\x03", &der(0x0c, &[host.as_bytes()])[..]].concat();
    let name = der(SEQUENCE, &[&der(SET, &[&der(SEQUENCE, &[&common_name])])]);
    let time = |text: &str| der(0x17, &[text.as_bytes()]);
    let validity = der(SEQUENCE, &[&time("190101000000Z"), &time(not_after)]);
    let key_info = key.subject_public_key_info();
    let signed = der(
        SEQUENCE,
        &[
            b"\x02\x01\x01",
            &algorithm,
            &name,
            &validity,
            &name,
            &key_info,
        ],
    );
    let signature = der(0x03, &[b"\0", &key.sign(&signed)?]);
    Ok(der(SEQUENCE, &[&signed, &algorithm, &signature]).into())
}

/// A value of DER with its tag and length.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=0x7f => vec![short as u8],
        long => [&[0x82][..], &(long as u16).to_be_bytes()].concat(),
    };
    [&[tag][..], &length, &content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_made_and_found_by_its_host() {
        let own = SelfSigned::generate().expect("they can be made");
        assert_eq!(own.certificates().count(), KINDS.len());
        assert!(own.of("cert-own.ok.test").is_ok() && own.of("a.ok.test").is_err());
    }
}
