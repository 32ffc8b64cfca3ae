//! Owns the DNS options: the resolver, its limits, and fixed addresses.
//! Never resolves a name: a server given by name is looked up when the run starts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::check::{check_writable, location};
use super::value::{Values, integer, optional, text};
use crate::config::{DnsConfig, DnsLimits, Location, NameServer, Resolver, SecureServer};
use crate::error::Error;

/// Default ports of DNS over UDP and TCP, over TLS (RFC 7858) and over HTTPS (RFC 8484).
const PLAIN_PORT: u16 = 53;
const TLS_PORT: u16 = 853;
const HTTPS_PORT: u16 = 443;
/// Default path of HTTPS servers, as in the examples of RFC 8484 and in common use.
const HTTPS_PATH: &str = "/dns-query";

/// Smallest cache of the resolver, bytes: about 2,000 names.
const CACHE_BYTES_MIN: u64 = 1 << 20;
/// Longest TTL that can be set, seconds: 30 days.
const TTL_S_MAX: u64 = 30 * 86_400;

/// One part of `--dns`.
#[derive(Clone, Debug)]
enum Part {
    Word(Resolver),
    Server(NameServer),
}

/// Reads the DNS options.
pub(super) fn dns(v: &Values) -> Result<DnsConfig, Error> {
    let (resolver, servers) = resolver(v)?;
    let cache_file = cache_file(v)?;
    if cache_file.is_some() && resolver != Resolver::Recursive {
        return Err(Error::usage(
            "`--dns_cache` is for `--dns recursive` only",
            "leave one of the two out",
        ));
    }
    Ok(DnsConfig {
        resolver,
        cache_file,
        servers,
        limits: limits(v)?,
        fixed: v.read_list("resolve", fixed_answer)?,
    })
}

/// Where names are kept between runs.
fn cache_file(v: &Values) -> Result<Option<Location>, Error> {
    const OPTION: &str = "dns_cache";
    if v.read(OPTION, optional(text))?.is_none() {
        return Ok(None);
    }
    let place = location(v, OPTION)?;
    check_writable(&place, OPTION)?;
    Ok(Some(place))
}

fn resolver(v: &Values) -> Result<(Resolver, Vec<NameServer>), Error> {
    let mut servers = Vec::new();
    let mut words = Vec::new();
    for part in v.read_list("dns", part)? {
        match part {
            Part::Word(word) => words.push(word),
            Part::Server(server) => servers.push(server),
        }
    }
    let listed = v.read_list("dns_servers", any_server)?;
    // Listed servers replace those of `system` and the default.
    if !listed.is_empty() && (words == [Resolver::System] || !v.is_given("dns")) {
        words.clear();
    }
    servers.extend(listed);
    match (&words[..], servers.is_empty()) {
        ([], false) => Ok((Resolver::Listed, servers)),
        ([one], true) => Ok((*one, servers)),
        ([], true) => Err(Error::usage("`--dns` names nobody to ask", DNS_HINT)),
        _ => Err(Error::usage(
            "`--dns` and `--dns_servers` name more than one way to resolve names",
            DNS_HINT,
        )),
    }
}

const DNS_HINT: &str =
    "give `recursive` alone, `system` alone, or servers such as `9.9.9.9,1.1.1.1`";

fn limits(v: &Values) -> Result<DnsLimits, Error> {
    let ttl = |name| v.read(name, integer(0, TTL_S_MAX)).map(Duration::from_secs);
    let limits = DnsLimits {
        cache_bytes: v.read("dns_cache_bytes", integer(CACHE_BYTES_MIN, 1 << 40))?,
        queries: v.read("dns_max_queries", integer(1, 1 << 20))?,
        queries_per_server: v.read(
            "dns_max_queries_per_server",
            optional(integer(1, u64::from(u16::MAX))),
        )?,
        rate_per_server: v.read("dns_max_rate_per_server", optional(integer(1, 1_000_000)))?,
        ttl_min: ttl("dns_min_ttl")?,
        ttl_max: ttl("dns_max_ttl")?,
    };
    if limits.ttl_min > limits.ttl_max {
        return Err(Error::usage(
            "`--dns_min_ttl` is more than `--dns_max_ttl`",
            "answers are believed for their TTL, moved between the two",
        ));
    }
    Ok(limits)
}

fn part(text: &str) -> Result<Part, String> {
    match text {
        "system" => Ok(Part::Word(Resolver::System)),
        "recursive" => Ok(Part::Word(Resolver::Recursive)),
        _ => any_server(text)
            .map(Part::Server)
            .map_err(|expected| format!("system, recursive, or {expected}")),
    }
}

/// A name server in any spelling.
fn any_server(text: &str) -> Result<NameServer, String> {
    match text.split_once("://") {
        None => name_server(text).ok().map(NameServer::Plain),
        Some(("tls", rest)) => over_tls(rest).map(NameServer::Tls),
        Some(("https", rest)) => over_https(rest).map(NameServer::Https),
        Some(_) => None,
    }
    .ok_or_else(expected_server)
}

fn expected_server() -> String {
    "an address such as 9.9.9.9 or [2620:fe::fe]:53, tls://9.9.9.9#dns.quad9.net, or \
     https://dns.quad9.net/dns-query"
        .to_owned()
}

/// `HOST[:PORT][#NAME]`.
fn over_tls(rest: &str) -> Option<SecureServer> {
    let (place, name) = match rest.split_once('#') {
        Some((place, name)) => (place, Some(name)),
        None => (rest, None),
    };
    let (host, port) = host_and_port(place, TLS_PORT)?;
    let certificate_name = match name {
        Some(name) => Some(name).filter(|name| is_host(name))?.to_owned(),
        None => host.clone(),
    };
    Some(SecureServer {
        host,
        port,
        certificate_name,
        path: String::new(),
    })
}

/// `HOST[:PORT][/PATH]`.
fn over_https(rest: &str) -> Option<SecureServer> {
    let (place, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, HTTPS_PATH),
    };
    let (host, port) = host_and_port(place, HTTPS_PORT)?;
    let fits = |b: u8| b.is_ascii_graphic() && !b"{}?#\"<>\\^`|".contains(&b);
    path.bytes().all(fits).then(|| SecureServer {
        certificate_name: host.clone(),
        host,
        port,
        path: path.to_owned(),
    })
}

fn host_and_port(place: &str, default: u16) -> Option<(String, u16)> {
    if let Ok(address) = unbracketed(place) {
        return Some((address.to_string(), default));
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
        None => (place, default),
    };
    match unbracketed(host) {
        Ok(address) => Some((address.to_string(), port)),
        Err(_) => is_host(host).then(|| (host.to_ascii_lowercase(), port)),
    }
}

/// Whether `text` may be the name of a host.
fn is_host(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(fits)
}

/// A name server for plain DNS.
pub(super) fn name_server(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .or_else(|_| unbracketed(text).map(|address| SocketAddr::new(address, PLAIN_PORT)))
        .map_err(|_| "an address such as 9.9.9.9 or [2620:fe::fe]:53".to_owned())
}

fn fixed_answer(text: &str) -> Result<(String, IpAddr), String> {
    let expected = || "HOST:ADDRESS, such as example.org:192.0.2.1".to_owned();
    let (host, address) = text.split_once(':').ok_or_else(expected)?;
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match unbracketed(address) {
        Ok(address) if !host.is_empty() => Ok((host, address)),
        _ => Err(expected()),
    }
}

fn unbracketed(text: &str) -> Result<IpAddr, std::net::AddrParseError> {
    text.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text)
        .parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secure(host: &str, port: u16, certificate_name: &str, path: &str) -> SecureServer {
        SecureServer {
            host: host.into(),
            port,
            certificate_name: certificate_name.into(),
            path: path.into(),
        }
    }

    #[test]
    fn a_name_server_is_parsed_in_every_spelling() {
        let tls = |host, port, name| NameServer::Tls(secure(host, port, name, ""));
        let https = |host, port, path| NameServer::Https(secure(host, port, host, path));
        let plain = |text: &str| NameServer::Plain(text.parse().unwrap());
        for (text, server) in [
            ("9.9.9.9", plain("9.9.9.9:53")),
            ("9.9.9.9:5353", plain("9.9.9.9:5353")),
            ("2620:fe::fe", plain("[2620:fe::fe]:53")),
            ("[2620:fe::fe]:54", plain("[2620:fe::fe]:54")),
            ("tls://9.9.9.9", tls("9.9.9.9", 853, "9.9.9.9")),
            (
                "tls://9.9.9.9#dns.quad9.net",
                tls("9.9.9.9", 853, "dns.quad9.net"),
            ),
            (
                "tls://Dns.Quad9.net:8853",
                tls("dns.quad9.net", 8853, "dns.quad9.net"),
            ),
            (
                "tls://[2620:fe::fe]:853#a.b",
                tls("2620:fe::fe", 853, "a.b"),
            ),
            ("tls://2620:fe::fe", tls("2620:fe::fe", 853, "2620:fe::fe")),
            ("https://dns.google", https("dns.google", 443, "/dns-query")),
            ("https://8.8.8.8:4443/q/x", https("8.8.8.8", 4443, "/q/x")),
            ("https://[2620:fe::fe]/", https("2620:fe::fe", 443, "/")),
        ] {
            assert_eq!(any_server(text).as_ref(), Ok(&server), "{text}");
        }
    }

    #[test]
    fn invalid_name_servers_are_refused() {
        for text in [
            "dns.example",
            "",
            "9.9.9",
            "udp://9.9.9.9",
            "http://9.9.9.9",
            "tls://",
            "tls://:853",
            "tls://a:0",
            "tls://a:65536",
            "tls://a#",
            "tls://a b",
            "https://a/{?dns}",
            "https:///x",
            "https://u@a/x",
        ] {
            assert!(any_server(text).is_err(), "{text}");
        }
    }
}
