//! Owns the cookies of one row: its redirects set them, and later hops send them (RFC 6265bis, 5.6 to
//! 5.8). A row starts without cookies, and none outlives it. Never reads a clock, never exceeds its
//! limits, and knows no list of public suffixes: a cookie reaches another host only under a domain of
//! at least two labels that contains the host which set it. A suffix such as `co.uk` passes as such a
//! domain. That is harmless, since the host could put the same data into its `Location`.

use std::net::IpAddr;
use std::time::SystemTime;

use super::date::parse_http_date;
use super::target::{Host, Scheme, Target};

/// Most cookies of a row; the oldest is dropped.
const COOKIES_MAX: usize = 32;
/// Most bytes of a cookie's name and value together.
const COOKIE_BYTES_MAX: usize = 4096;
/// Most bytes of an attribute's value; longer ones are ignored.
const ATTRIBUTE_BYTES_MAX: usize = 1024;
/// Most bytes of a row's cookies, so that servers accept the request's head.
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

/// Which hosts a cookie is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Domain {
    /// Only this host.
    Host(Host),
    /// This name and all its subdomains.
    WithSubdomains(String),
}

impl Domain {
    /// Whether any host gets the cookies of both.
    fn overlaps(&self, other: &Self) -> bool {
        match (self.name(), other.name()) {
            (Some(one), Some(two)) => is_within(one, two) || is_within(two, one),
            _ => self == other,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Host(Host::Name(name)) => Some(name),
            Self::WithSubdomains(name) => Some(name),
            Self::Host(Host::Addr(_)) => None,
        }
    }
}

impl CookieJar {
    /// Stores the `Set-Cookie` values of a response from `target`. Ignores what a browser would not
    /// store.
    pub fn store(&mut self, target: &Target, values: &[Vec<u8>], now: SystemTime) {
        for value in values {
            if let Some((cookie, expired)) = Cookie::parse(target, value, now) {
                self.insert(cookie, expired, target.scheme);
            }
        }
    }

    /// Appends the pairs for `target` to `out`, longer paths first, separated by `; `. Returns false if
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

    /// Whether a request for `target` sends any cookie.
    pub(super) fn has_any_for(&self, target: &Target) -> bool {
        self.cookies.iter().any(|cookie| cookie.is_for(target))
    }

    fn insert(&mut self, cookie: Cookie, expired: bool, scheme: Scheme) {
        // A cookie set over plain HTTP, where anybody on the path can write, never replaces or shadows
        // one set over TLS.
        if scheme == Scheme::Http && self.cookies.iter().any(|old| old.is_shadowed_by(&cookie)) {
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
    /// Parses one `Set-Cookie` value and says whether it has expired, which deletes the cookie. `None`
    /// for an invalid cookie, or one that `target` may not set.
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
        cookie.satisfies_prefix().then_some((cookie, expired))
    }

    fn name(&self) -> &[u8] {
        &self.pair[..self.name_bytes]
    }

    /// Whether the cookie satisfies the prefix of its name, `__Secure-` or `__Host-` (RFC 6265bis,
    /// 4.1.3).
    fn satisfies_prefix(&self) -> bool {
        let name = self.name().to_ascii_lowercase();
        let host_only = matches!(self.domain, Domain::Host(_)) && self.path == "/";
        (!name.starts_with(b"__secure-") || self.secure)
            && (!name.starts_with(b"__host-") || self.secure && host_only)
    }

    fn is_shadowed_by(&self, other: &Self) -> bool {
        self.secure
            && self.name() == other.name()
            && self.domain.overlaps(&other.domain)
            && path_matches(&other.path, &self.path)
    }

    fn is_for(&self, target: &Target) -> bool {
        let host_matches = match (&self.domain, &target.host) {
            (Domain::Host(own), host) => own == host,
            (Domain::WithSubdomains(domain), Host::Name(name)) => is_within(name, domain),
            (Domain::WithSubdomains(_), Host::Addr(_)) => false,
        };
        host_matches
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

/// The scope of a cookie: the domain it asks for, or else the host that set it. `None` if the host is
/// not in that domain; an address is in no domain.
fn domain(host: &Host, asked: Option<String>) -> Option<Domain> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Some(Domain::Host(host.clone()));
    };
    match host {
        Host::Name(name) if **name == *asked && !asked.contains('.') => {
            Some(Domain::Host(host.clone()))
        }
        Host::Name(name) if is_within(name, &asked) && asked.contains('.') => {
            Some(Domain::WithSubdomains(asked))
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

/// The URL's path without its last segment.
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

/// The attributes after a cookie's value; the last of each kind counts.
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

/// Seconds, saturating.
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
