//! Owns the cookies of one row: those that its redirects set, for the hops behind them (RFC 6265bis, 5.6
//! to 5.8). Nothing outlives the row, and a row has no cookie at first.
//! Never reads a clock, never keeps what it has no room for, and knows no list of public suffixes: a
//! cookie reaches another host only below a domain of two labels that the host which set it is part of.
//! A suffix such as `co.uk` passes for one, and what it could carry is what that host may write into its
//! Location as well.

use std::net::IpAddr;
use std::time::SystemTime;

use super::date::parse_http_date;
use super::target::{Host, Scheme, Target};

/// Cookies that a row may hold; the oldest goes.
const COOKIES_MAX: usize = 32;
/// Longest name and value of a cookie together, bytes.
const COOKIE_BYTES_MAX: usize = 4096;
/// Longest value of an attribute, bytes: longer ones are passed over.
const ATTRIBUTE_BYTES_MAX: usize = 1024;
/// What a row's cookies may come to, bytes: a request's head stays one that servers take.
const JAR_BYTES_MAX: usize = 8 * 1024;

/// A row's cookies, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    /// `name=value`, or the value alone, as it is sent.
    pair: Vec<u8>,
    name_bytes: usize,
    domain: Domain,
    path: String,
    secure: bool,
}

/// Where a cookie goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Domain {
    /// To this host alone.
    Host(Host),
    /// To this name and all below it.
    Below(String),
}

impl Domain {
    /// Whether some host gets the cookies of both.
    fn overlaps(&self, other: &Self) -> bool {
        match (self.name(), other.name()) {
            (Some(one), Some(two)) => is_within(one, two) || is_within(two, one),
            _ => self == other,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Host(Host::Name(name)) => Some(name),
            Self::Below(name) => Some(name),
            Self::Host(Host::Addr(_)) => None,
        }
    }
}

impl CookieJar {
    /// Takes the `Set-Cookie` values of an answer from `target`. What a browser would not keep is passed
    /// over.
    pub fn take(&mut self, target: &Target, values: &[Vec<u8>], now: SystemTime) {
        for value in values {
            if let Some((cookie, expired)) = Cookie::parse(target, value, now) {
                self.put(cookie, expired, target.scheme);
            }
        }
    }

    /// Appends the pairs for `target` to `out`, longer paths first and `; ` between them; false where
    /// there are none.
    pub(super) fn write(&self, out: &mut Vec<u8>, target: &Target) -> bool {
        let mut sent: Vec<&Cookie> = self.cookies.iter().filter(|c| c.is_for(target)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        for (at, cookie) in sent.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(&cookie.pair);
        }
        !sent.is_empty()
    }

    /// Whether a request for `target` has any.
    pub(super) fn has_any_for(&self, target: &Target) -> bool {
        self.cookies.iter().any(|cookie| cookie.is_for(target))
    }

    fn put(&mut self, cookie: Cookie, expired: bool, scheme: Scheme) {
        // What came over TLS is not replaced, nor hidden, by what anybody on the way may have written.
        if scheme == Scheme::Http && self.cookies.iter().any(|old| old.is_hidden_by(&cookie)) {
            return;
        }
        self.cookies.retain(|old| {
            (old.name(), &old.domain, &old.path) != (cookie.name(), &cookie.domain, &cookie.path)
        });
        if !expired {
            self.cookies.push(cookie);
        }
        while self.cookies.len() > COOKIES_MAX || self.bytes() > JAR_BYTES_MAX {
            self.cookies.remove(0);
        }
    }

    fn bytes(&self) -> usize {
        self.cookies.iter().map(|cookie| cookie.pair.len()).sum()
    }
}

impl Cookie {
    /// One value of `Set-Cookie`, and whether it is a cookie's end; none for what is no cookie, or none
    /// of this host's.
    fn parse(target: &Target, value: &[u8], now: SystemTime) -> Option<(Self, bool)> {
        if value.iter().any(|&b| b.is_ascii_control() && b != b'\t') {
            return None;
        }
        let mut parts = value.split(|&b| b == b';');
        let (name, content) = name_and_value(parts.next()?)?;
        let attributes = Attributes::read(parts);
        let secure = attributes.secure;
        if secure && target.scheme == Scheme::Http {
            return None;
        }
        let path = attributes.path.filter(|path| path.starts_with('/'));
        let cookie = Self {
            pair: pair(name, content),
            name_bytes: name.len(),
            domain: domain(&target.host, attributes.domain)?,
            path: path.unwrap_or_else(|| default_path(target)),
            secure,
        };
        let expired = match (attributes.max_age, attributes.expires) {
            (Some(seconds), _) => seconds <= 0,
            (None, Some(at)) => at <= now,
            (None, None) => false,
        };
        cookie.keeps_its_prefix().then_some((cookie, expired))
    }

    fn name(&self) -> &[u8] {
        &self.pair[..self.name_bytes]
    }

    /// A name may promise how its cookie was set (RFC 6265bis, 4.1.3).
    fn keeps_its_prefix(&self) -> bool {
        let name = self.name().to_ascii_lowercase();
        let is_hosts = matches!(self.domain, Domain::Host(_)) && self.path == "/";
        (!name.starts_with(b"__secure-") || self.secure)
            && (!name.starts_with(b"__host-") || self.secure && is_hosts)
    }

    fn is_hidden_by(&self, other: &Self) -> bool {
        self.secure
            && self.name() == other.name()
            && self.domain.overlaps(&other.domain)
            && path_matches(&other.path, &self.path)
    }

    fn is_for(&self, target: &Target) -> bool {
        let is_hosts = match (&self.domain, &target.host) {
            (Domain::Host(own), host) => own == host,
            (Domain::Below(domain), Host::Name(name)) => is_within(name, domain),
            (Domain::Below(_), Host::Addr(_)) => false,
        };
        is_hosts
            && (!self.secure || target.scheme == Scheme::Https)
            && path_matches(target.path(), &self.path)
    }
}

fn name_and_value(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = match pair.iter().position(|&b| b == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (&b""[..], pair),
    };
    let (name, value) = (name.trim_ascii(), value.trim_ascii());
    let length = name.len() + value.len();
    (1..=COOKIE_BYTES_MAX)
        .contains(&length)
        .then_some((name, value))
}

fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
    if name.is_empty() {
        return value.to_vec();
    }
    [name, b"=", value].concat()
}

/// The host that set a cookie, or the domain that it asks for, where it is part of that. The host of an
/// address is part of nothing.
fn domain(host: &Host, asked: Option<String>) -> Option<Domain> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Some(Domain::Host(host.clone()));
    };
    match host {
        Host::Name(name) if **name == *asked && !asked.contains('.') => {
            Some(Domain::Host(host.clone()))
        }
        Host::Name(name) if is_within(name, &asked) && asked.contains('.') => {
            Some(Domain::Below(asked))
        }
        Host::Addr(address) if asked.parse::<IpAddr>() == Ok(*address) => {
            Some(Domain::Host(host.clone()))
        }
        _ => None,
    }
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// All but the last part of the URL's path.
fn default_path(target: &Target) -> String {
    let path = target.path();
    match path.rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}

fn path_matches(path: &str, own: &str) -> bool {
    path.strip_prefix(own)
        .is_some_and(|rest| rest.is_empty() || own.ends_with('/') || rest.starts_with('/'))
}

/// What stands behind a cookie's value; the last of each kind counts.
#[derive(Default)]
struct Attributes {
    domain: Option<String>,
    path: Option<String>,
    max_age: Option<i64>,
    expires: Option<SystemTime>,
    secure: bool,
}

impl Attributes {
    fn read<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut attributes = Self::default();
        for part in parts.filter_map(|part| std::str::from_utf8(part).ok()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim_ascii(), value.trim_ascii());
            if value.len() > ATTRIBUTE_BYTES_MAX {
                continue;
            }
            match name.to_ascii_lowercase().as_str() {
                "domain" => {
                    let bare = value.strip_prefix('.').unwrap_or(value);
                    attributes.domain = Some(bare.to_ascii_lowercase());
                }
                "path" => attributes.path = Some(value.to_owned()),
                "max-age" => attributes.max_age = max_age(value).or(attributes.max_age),
                "expires" => attributes.expires = parse_http_date(value).or(attributes.expires),
                "secure" => attributes.secure = true,
                _ => {}
            }
        }
        attributes
    }
}

/// Seconds; how many more than fit does not matter.
fn max_age(value: &str) -> Option<i64> {
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, value),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| sign * digits.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "cookies_tests.rs"]
mod tests;
