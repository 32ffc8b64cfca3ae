//! Owns the faults of TLS: certificates, broken or missing handshakes, and connections that end without
//! a close alert (RFC 8446, RFC 5246, RFC 5280).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};

use super::Expect::{Download, Resize, Success};
use super::framing::{CHUNKED, half, half_then, jpeg, send};
use super::{Expect, Fault, Way, row};
use crate::certs::{Authority, Identity, server};
use crate::web::reply::{Reply, Step, chunked, head};
use crate::web::site::Ask;

const CERTIFICATE: Expect = Download("tls certificate error");
const HANDSHAKE: Expect = Download("tls handshake error");
const TIMED_OUT: Expect = Download("timed out");
const INCOMPLETE: Expect = Download("incomplete body");

/// What can be wrong with it.
pub(crate) enum Handshake {
    /// Played instead of it, once the client has said hello.
    Raw(fn() -> Reply),
    /// A true handshake of a server with this configuration, made for the host.
    Server(fn(&Authority, &str) -> Made),
}

/// A configuration, or why there is none.
pub(crate) type Made = Result<Arc<ServerConfig>, Box<dyn std::error::Error + Send + Sync>>;

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    serves("cert-good", "a certificate for the host", Success, |authority, host| server(authority.issue(leaf(host)?)?)),
    serves("cert-expired", "a certificate of years ago", CERTIFICATE, |authority, host| signed(authority, host, |leaf| leaf.not_after = date_time_ymd(2020, 1, 1))),
    serves("cert-not-yet-valid", "a certificate of years to come", CERTIFICATE, |authority, host| signed(authority, host, |leaf| leaf.not_before = date_time_ymd(2090, 1, 1))),
    serves("cert-other-host", "a certificate for another host", CERTIFICATE, |authority, _| server(authority.issue(leaf("other.test")?)?)),
    serves("cert-parent-host", "a certificate for the domain above the host", CERTIFICATE, |authority, _| server(authority.issue(leaf("ok.test")?)?)),
    serves("cert-wildcard-deep", "a wildcard a label too far up", CERTIFICATE, |authority, _| server(authority.issue(leaf("*.test")?)?)),
    serves("cert-for-address", "a certificate for the address alone", CERTIFICATE, |authority, _| server(authority.issue(leaf("127.0.0.1")?)?)),
    serves("cert-without-names", "a certificate that names nobody", CERTIFICATE, |authority, _| server(authority.issue(CertificateParams::default())?)),
    serves("cert-self-signed", "a certificate that vouches for itself", CERTIFICATE, |_, host| { let key = KeyPair::generate()?; let own = leaf(host)?.self_signed(&key)?; server(Identity { chain: vec![own.der().clone()], key }) }),
    serves("cert-own", "a certificate that vouches for itself, and that the client was given", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-tls-1-2", "the same under TLS 1.2", Success, |authority, host| authority.own_of(host)?.with_versions(&[&TLS12])),
    serves("cert-own-authority", "the same as an authority's", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-no-authority", "the same as expressly no authority's", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-wildcard", "the same with a wildcard", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-for-servers", "the same for servers", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-common-name", "the same with the host for a common name and no other", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-version-1", "the same of version 1", Success, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-version-1-tls-1-2", "the same of version 1 under TLS 1.2", Success, |authority, host| authority.own_of(host)?.with_versions(&[&TLS12])),
    serves("cert-own-padded", "the same with others behind it, under a name it does not have", CERTIFICATE, |authority, _| { let mut own = authority.own_of("cert-own.ok.test")?; own.chain.extend(authority.issue(leaf("other.test")?)?.chain); server(own) }),
    serves("cert-own-expired", "the same of years ago", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-not-yet-valid", "the same of years to come", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-other-host", "the same for another host", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-for-clients", "the same for clients", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-signs-alone", "the same with a key that may do nothing but sign certificates", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-odd-extension", "the same with a critical extension nobody knows", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-common-name-second", "the same with the host for a common name and another for an alternative", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-version-1-other-host", "the same of version 1 for another host", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-version-1-expired", "the same of version 1 of years ago", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-own-of-other-key", "the same, which is somebody else's", CERTIFICATE, |authority, host| server(Identity { key: KeyPair::generate()?, ..authority.own_of(host)? })),
    serves("cert-own-of-other-key-tls-1-2", "the same, which is somebody else's, under TLS 1.2", CERTIFICATE, |authority, host| Identity { key: KeyPair::generate()?, ..authority.own_of(host)? }.with_versions(&[&TLS12])),
    serves("cert-own-twin", "a certificate that vouches for itself and looks like one that was given", CERTIFICATE, |_, host| { let key = KeyPair::generate()?; let mut own = leaf(host)?; own.distinguished_name.push(DnType::CommonName, "a host of its own"); let own = own.self_signed(&key)?; server(Identity { chain: vec![own.der().clone()], key }) }),
    serves("cert-own-issued", "a certificate that was given, of an authority that was not", CERTIFICATE, |authority, host| server(authority.own_of(host)?)),
    serves("cert-unknown-authority", "a certificate of an authority nobody knows", CERTIFICATE, |_, host| server(Authority::generate("nobody")?.issue(leaf(host)?)?)),
    serves("cert-same-named-authority", "a certificate of an authority that has a known one's name", CERTIFICATE, |_, host| server(Authority::generate("fake web authority")?.issue(leaf(host)?)?)),
    serves("cert-for-clients", "a certificate for clients", CERTIFICATE, |authority, host| signed(authority, host, |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])),
    serves("cert-odd-extension", "a critical extension nobody knows", CERTIFICATE, |authority, host| signed(authority, host, |leaf| { let mut odd = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]); odd.set_criticality(true); leaf.custom_extensions.push(odd); })),
    serves("cert-is-authority", "an authority's certificate for a server's", CERTIFICATE, |authority, host| signed(authority, host, |leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
    serves("cert-chain", "a certificate and the authority between", Success, |authority, host| { let between = authority.below(IsCa::Ca(BasicConstraints::Unconstrained))?; server(between.issue(leaf(host)?)?) }),
    serves("cert-chain-cut", "a certificate without the authority between", CERTIFICATE, |authority, host| { let between = authority.below(IsCa::Ca(BasicConstraints::Unconstrained))?; let mut own = between.issue(leaf(host)?)?; own.chain.truncate(1); server(own) }),
    serves("cert-chain-of-leaf", "a certificate signed by a server's", CERTIFICATE, |authority, host| { let between = authority.below(IsCa::ExplicitNoCa)?; server(between.issue(leaf(host)?)?) }),
    serves("cert-chain-deep", "ten authorities between", CERTIFICATE, |authority, host| { let mut last = authority.below(IsCa::Ca(BasicConstraints::Unconstrained))?; for _ in 0..9 { last = last.below(IsCa::Ca(BasicConstraints::Unconstrained))?; } server(last.issue(leaf(host)?)?) }),
    serves("cert-chain-padded", "a certificate with a hundred others behind it", Success, |authority, host| { let mut own = authority.issue(leaf(host)?)?; let other = authority.issue(leaf("other.test")?)?.chain; own.chain.extend(other.iter().cycle().take(100).cloned()); server(own) }),
    serves("cert-forged", "a certificate with a bit of its signature inverted", CERTIFICATE, |authority, host| { let mut own = authority.issue(leaf(host)?)?; let mut der = own.chain[0].to_vec(); if let Some(last) = der.last_mut() { *last ^= 1; } own.chain[0] = der.into(); server(own) }),
    serves("cert-of-other-key", "a certificate that is somebody else's", CERTIFICATE, |authority, host| { let own = authority.issue(leaf(host)?)?; server(Identity { key: KeyPair::generate()?, ..own }) }),
    serves("cert-garbage", "bytes for a certificate", CERTIFICATE, |_, _| server(Identity { chain: vec![vec![0x30; 300].into()], key: KeyPair::generate()? })),
    serves("cert-none", "no certificate", CERTIFICATE, |_, _| server(Identity { chain: Vec::new(), key: KeyPair::generate()? })),
    serves("tls-1-2", "TLS 1.2 alone", Success, |authority, host| authority.issue(leaf(host)?)?.with_versions(&[&TLS12])),
    serves("tls-1-3", "TLS 1.3 alone", Success, |authority, host| authority.issue(leaf(host)?)?.with_versions(&[&TLS13])),
    serves("tls-http-2-alone", "a server that speaks HTTP/2 alone", HANDSHAKE, |authority, host| { let config = server(authority.issue(leaf(host)?)?)?; let mut config = ServerConfig::clone(&config); config.alpn_protocols = vec![b"h2".to_vec()]; Ok(Arc::new(config)) }),
    serves("tls-wants-client", "a server that demands the client's certificate", HANDSHAKE, |authority, host| authority.issue(leaf(host)?)?.demanding(authority, &[&TLS13])),
    serves("tls-1-2-wants-client", "the same under TLS 1.2", HANDSHAKE, |authority, host| authority.issue(leaf(host)?)?.demanding(authority, &[&TLS12])),

    plays("tls-plain-answer", "plain HTTP at a port of TLS", HANDSHAKE, || Reply::raw(*b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    plays("tls-ssh", "a secure shell's greeting", HANDSHAKE, || Reply::raw(*b"SSH-2.0-OpenSSH_9.6\r\n")),
    plays("tls-garbage", "noise", HANDSHAKE, || Reply::raw(vec![0x99; 500])),
    plays("tls-close", "closes after the hello", HANDSHAKE, || Reply::closing([])),
    plays("tls-reset", "resets after the hello", Download("connection reset"), || Reply::closing([Step::Reset])),
    plays("tls-stall", "says nothing after the hello", TIMED_OUT, || Reply::closing([Step::Stall])),
    plays("tls-drip", "a byte of a hello a second", TIMED_OUT, || Reply::closing([Step::Drip(Bytes::from_static(SERVER_HELLO), Duration::from_secs(1))])),
    plays("tls-hello-cut", "half a hello, then closes", HANDSHAKE, || Reply::raw(half(SERVER_HELLO))),
    plays("tls-hello-stall", "a hello, then nothing", TIMED_OUT, || Reply::closing([send(SERVER_HELLO), Step::Stall])),
    plays("tls-1-1", "a server that knows TLS 1.1 at most", HANDSHAKE, || hello_of(0x02)),
    plays("tls-1-0", "a server that knows TLS 1.0 at most", HANDSHAKE, || hello_of(0x01)),
    plays("tls-ssl-3", "a server that knows SSL 3 at most", HANDSHAKE, || hello_of(0x00)),
    plays("tls-cipher-not-offered", "a cipher that was not offered", HANDSHAKE, || { let mut hello = SERVER_HELLO.to_vec(); hello[44..46].copy_from_slice(&[0x00, 0x05]); Reply::raw(hello) }),
    plays("tls-alert-handshake", "an alert: no common cipher", HANDSHAKE, || alert(40)),
    plays("tls-alert-version", "an alert: no common version", HANDSHAKE, || alert(70)),
    plays("tls-alert-name", "an alert: no such host", HANDSHAKE, || alert(112)),
    plays("tls-alert-internal", "an alert: the server is at fault", HANDSHAKE, || alert(80)),
    plays("tls-alert-unassigned", "an alert nobody assigned", HANDSHAKE, || alert(233)),
    plays("tls-alerts-endless", "warnings that do not end", HANDSHAKE, || Reply::closing([Step::Endless(Bytes::from_static(b"\x15\x03\x03\x00\x02\x01\x5a"))])),
    plays("tls-record-large", "a record longer than may be", HANDSHAKE, || Reply::closing([send(b"\x16\x03\x03\xff\xff"), Step::Endless(Bytes::from(vec![2; 4096]))])),
    plays("tls-record-empty-endless", "empty records that do not end", HANDSHAKE, || Reply::closing([Step::Endless(Bytes::from_static(b"\x16\x03\x03\x00\x00"))])),
    plays("tls-record-type", "a record of no known type", HANDSHAKE, || Reply::raw(*b"\x63\x03\x03\x00\x05hello")),
    plays("tls-message-large", "a certificate of 16 MB", HANDSHAKE, || Reply::closing([send(SERVER_HELLO), Step::Endless(Bytes::from(large_message()))])),
    plays("tls-cipher-change-endless", "changes of the cipher that do not end", HANDSHAKE, || Reply::closing([Step::Endless(Bytes::from_static(b"\x14\x03\x03\x00\x01\x01"))])),
    plays("tls-data-before", "data before the handshake", HANDSHAKE, || Reply::raw(*b"\x17\x03\x03\x00\x10HTTP/1.1 200 OK\r")),

    answers("tls-truncated", "closes TLS in the middle of a body with a length", INCOMPLETE, |ask| half_then(ask, Step::Pause(Duration::ZERO))),
    answers("tls-cut-in-body", "closes TCP in the middle of a body with a length", INCOMPLETE, |ask| half_then(ask, Step::Cut)),
    answers("tls-cut-in-chunk", "closes TCP in the middle of a chunk", INCOMPLETE, |ask| Reply::closing([Step::Send(head("200 OK", &[CHUNKED]).into()), Step::Send(Bytes::from(half(&chunked(&jpeg(ask), 1000)).to_vec())), Step::Cut])),
    answers("tls-cut-in-eof-body", "closes TCP in the middle of a body without a length", Resize("Image decoding error"), |ask| Reply::closing([send(b"HTTP/1.1 200 OK\r\n\r\n"), Step::Send(jpeg(ask).slice(..2000)), Step::Cut])),
    answers("tls-cut-after-eof-body", "closes TCP where TLS should be closed, behind the whole image", Success, |ask| Reply::closing([send(b"HTTP/1.1 200 OK\r\n\r\n"), Step::Send(jpeg(ask)), Step::Cut])),
    answers("tls-cut-before-head", "closes TCP instead of answering", Download("connection closed"), |_| Reply::closing([Step::Cut])),
    answers("tls-reset-in-body", "resets in the middle of the body", Download("connection reset"), |ask| { let mut reply = half_then(ask, Step::Pause(Duration::from_millis(100))); reply.steps.push(Step::Reset); reply }),
    answers("tls-stall-in-body", "stops in the middle of the body", TIMED_OUT, |ask| half_then(ask, Step::Stall)),
    answers("tls-garbage-in-body", "noise below TLS in the middle of the body", HANDSHAKE, |ask| half_then(ask, Step::Beneath(Bytes::from_static(&[0x99; 200])))),
    answers("tls-forged-record", "a record of the right form in the middle of the body that nobody encrypted", HANDSHAKE, |ask| half_then(ask, Step::Beneath(Bytes::from_static(b"\x17\x03\x03\x00\x20abcdefghijklmnopqrstuvwxyz012345")))),
    answers("tls-alert-in-body", "a plain alert in the middle of the body", HANDSHAKE, |ask| half_then(ask, Step::Beneath(Bytes::from_static(b"\x15\x03\x03\x00\x02\x02\x50")))),
    answers("tls-404", "404 over TLS", Download("HTTP Error 404: Not Found"), |_| Reply::bare("404 Not Found", &[])),
    answers("tls-malformed", "no HTTP below TLS", Download("malformed response"), |_| Reply::raw(*b"220 mail.ok.test ESMTP ready\r\n\r\n")),
    answers("tls-drip-fast", "the image a record of one byte at a time", Success, |ask| { let body = jpeg(ask); Reply::closing([Step::Send(super::framing::sized(&body)), Step::Drip(body.slice(..200), Duration::ZERO), Step::Send(body.slice(200..))]) }),
];

/// Record and hello of a server of TLS 1.2: version, random number, no session, a cipher every client
/// offers, no compression.
const SERVER_HELLO: &[u8] = b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03\
    0123456789abcdef0123456789abcdef\x00\xc0\x2f\x00";

const fn serves(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    make: fn(&Authority, &str) -> Made,
) -> Fault {
    row(name, does, expect, Way::Handshake(Handshake::Server(make)))
}

const fn plays(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    play: fn() -> Reply,
) -> Fault {
    row(name, does, expect, Way::Handshake(Handshake::Raw(play)))
}

const fn answers(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    reply: fn(&Ask<'_>) -> Reply,
) -> Fault {
    row(name, does, expect, Way::TlsAnswer(reply))
}

fn leaf(host: &str) -> Result<CertificateParams, rcgen::Error> {
    CertificateParams::new([host.to_owned()])
}

/// A certificate for the host that the authority signed after a change.
fn signed(authority: &Authority, host: &str, change: fn(&mut CertificateParams)) -> Made {
    let mut leaf = leaf(host)?;
    change(&mut leaf);
    server(authority.issue(leaf)?)
}

/// The hello of a server of this minor version.
fn hello_of(minor: u8) -> Reply {
    let mut hello = SERVER_HELLO.to_vec();
    hello[2] = minor;
    hello[10] = minor;
    Reply::raw(hello)
}

fn alert(description: u8) -> Reply {
    Reply::raw([0x15, 3, 3, 0, 2, 2, description])
}

/// A record of a handshake message that says it has 16 MB.
fn large_message() -> Vec<u8> {
    let mut record = vec![0x16, 3, 3, 0x40, 0x00, 0x0b, 0xff, 0xff, 0xff];
    record.resize(5 + 0x4000, 7);
    record
}
