//! Owns parsing a URL into the host to connect to and the resource to request, by the WHATWG URL
//! standard, so that every spelling of a host gives the same target as in a browser. Never resolves a
//! name and never decides whether an address may be connected to.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use url::{Position, Url};

use crate::failure::Failure;
use crate::limits::URL_BYTES_MAX;

/// The supported schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS over TCP.
    Https,
}

impl Scheme {
    /// The port of a URL without one.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn of(url: &Url) -> Result<Self, Failure> {
        match url.scheme() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(Failure::SchemeNotAllowed),
        }
    }
}

/// A URL's host in normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in lower-case ASCII (IDNA applied), without the root's trailing dot.
    Name(Arc<str>),
    /// An address literal in any spelling. IPv4-mapped IPv6 stays IPv6.
    Addr(IpAddr),
}

impl Host {
    /// `None` if the host is only the root's dot.
    pub(super) fn of(host: &url::Host<&str>) -> Option<Self> {
        match host {
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                (!name.is_empty()).then(|| Self::Name(Arc::from(name)))
            }
            url::Host::Ipv4(addr) => Some(Self::Addr(IpAddr::V4(*addr))),
            url::Host::Ipv6(addr) => Some(Self::Addr(IpAddr::V6(*addr))),
        }
    }
}

impl fmt::Display for Host {
    /// As in an authority: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Addr(IpAddr::V4(addr)) => write!(f, "{addr}"),
            Self::Addr(IpAddr::V6(addr)) => write!(f, "[{addr}]"),
        }
    }
}

/// The server and the resource of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether to use TLS.
    pub scheme: Scheme,
    /// The host to connect to; a name is resolved first.
    pub host: Host,
    /// Never 0.
    pub port: u16,
    /// Without userinfo and fragment.
    url: Url,
}

impl Target {
    /// Parses a row's URL. Surrounding whitespace, userinfo and fragment are dropped.
    ///
    /// # Errors
    /// [`Failure::InvalidUrl`], also if it is longer than [`URL_BYTES_MAX`] or has port 0;
    /// [`Failure::SchemeNotAllowed`] for a URL that is neither http nor https.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim_ascii();
        if text.is_empty() || text.len() > URL_BYTES_MAX {
            return Err(Failure::InvalidUrl);
        }
        let url = Url::parse(text).map_err(|_| Failure::InvalidUrl)?;
        Self::of(url, Failure::InvalidUrl)
    }

    /// Resolves a `Location` value against this URL. Non-ASCII bytes are percent-encoded as they are,
    /// which is right for UTF-8 and for single-byte encodings.
    ///
    /// # Errors
    /// [`Failure::BadRedirect`] if it is not a URL; [`Failure::SchemeNotAllowed`].
    pub fn join(&self, location: &[u8]) -> Result<Self, Failure> {
        let location = location.trim_ascii();
        if location.is_empty() || location.len() > URL_BYTES_MAX {
            return Err(Failure::BadRedirect);
        }
        let text = percent_encode_beyond_ascii(location);
        let url = self.url.join(&text).map_err(|_| Failure::BadRedirect)?;
        Self::of(url, Failure::BadRedirect)
    }

    /// `unusable` is the failure of a URL that parses but cannot be requested.
    fn of(mut url: Url, unusable: Failure) -> Result<Self, Failure> {
        let scheme = Scheme::of(&url)?;
        let host = url.host().as_ref().and_then(Host::of).ok_or(unusable)?;
        let port = url.port().unwrap_or(scheme.default_port());
        // Connecting to port 0 fails with an errno that looks like a fault of this machine.
        if port == 0 {
            return Err(unusable);
        }
        url.set_fragment(None);
        url.set_username("").map_err(|()| unusable)?;
        url.set_password(None).map_err(|()| unusable)?;
        // Percent-encoding can make it three times as long.
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(unusable);
        }
        Ok(Self {
            scheme,
            host,
            port,
            url,
        })
    }

    /// The value of the `Host` field. Has a port only if it is not the scheme's default.
    pub fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Scheme and authority, followed by a slash.
    pub(super) fn root(&self) -> &str {
        // The path of an http or https URL begins with a slash.
        let end = self.url[..Position::BeforePath].len() + 1;
        &self.url.as_str()[..end]
    }

    /// Whether both have the same origin (WHATWG HTML): scheme, host and port.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// The path without the query; starts with `/`.
    pub(super) fn path(&self) -> &str {
        self.url.path()
    }

    /// The authority for a `CONNECT`: always with a port.
    pub fn connect_authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The request target in origin form: starts with `/`, printable ASCII without spaces.
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// The request target in absolute form, for a proxy.
    pub(super) fn absolute(&self) -> &str {
        self.url.as_str()
    }
}

fn percent_encode_beyond_ascii(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii() {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap_or_else(|failure| panic!("{text}: {failure}"))
    }

    fn asks(target: &Target) -> (&str, &str) {
        (target.authority(), target.path_and_query())
    }

    #[test]
    fn a_url_is_split_into_its_parts() {
        let t = target(" https://Example.COM/a/b.jpg?x=1#top\r\n");
        assert_eq!((t.scheme, t.port), (Scheme::Https, 443));
        assert_eq!(t.host, Host::Name("example.com".into()));
        assert_eq!(asks(&t), ("example.com", "/a/b.jpg?x=1"));
    }

    #[test]
    fn a_default_port_is_omitted_from_the_authority() {
        assert_eq!(target("http://a:80/").authority(), "a");
        assert_eq!(target("http://a:443/").authority(), "a:443");
        assert_eq!(target("https://a/").connect_authority(), "a:443");
        assert_eq!(
            target("http://[2001:db8::1]:81/").authority(),
            "[2001:db8::1]:81"
        );
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        let own = target("http://a.example/x");
        for same in [
            "http://A.example:80/y",
            "http://a.example./",
            "http://u:p@a.example/?q",
        ] {
            assert!(own.same_origin(&target(same)), "{same}");
        }
        for other in [
            "https://a.example/x",
            "http://a.example:81/x",
            "http://b.a.example/x",
        ] {
            assert!(!own.same_origin(&target(other)), "{other}");
        }
        assert_eq!(target("http://[::1]:81/a?b").root(), "http://[::1]:81/");
        assert_eq!(target("https://a.example").root(), "https://a.example/");
    }

    #[test]
    fn userinfo_is_accepted_and_never_sent() {
        let t = target("http://user:secret@host/x");
        assert_eq!(asks(&t), ("host", "/x"));
        assert!(!t.absolute().contains("secret"));
    }

    #[test]
    fn a_trailing_dot_is_the_same_host() {
        assert_eq!(
            target("http://host.example./").host,
            Host::Name("host.example".into())
        );
        assert_eq!(Target::parse("http://./"), Err(Failure::InvalidUrl));
    }

    #[test]
    fn an_international_name_becomes_ascii() {
        assert_eq!(
            target("http://Bücher.example/").authority(),
            "xn--bcher-kva.example"
        );
    }

    #[test]
    fn odd_spellings_of_an_ipv4_address_are_that_address() {
        for spelling in [
            "0x7f.1",
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "127.0.0.1",
            "１２７.1",
        ] {
            let expected = Host::Addr("127.0.0.1".parse().unwrap());
            assert_eq!(
                target(&format!("http://{spelling}/")).host,
                expected,
                "{spelling}"
            );
        }
    }

    #[test]
    fn a_mapped_address_stays_an_ipv6_address() {
        let expected = Host::Addr("::ffff:127.0.0.1".parse().unwrap());
        assert_eq!(target("http://[::ffff:7f00:1]/").host, expected);
        assert_eq!(target("http://[::ffff:127.0.0.1]/").host, expected);
    }

    #[test]
    fn invalid_urls_are_refused() {
        for text in [
            "",
            "  ",
            "no scheme",
            "example.com/x.jpg",
            "http://",
            "http://a b/",
            "http://[::1",
            "http://a:70000/",
            "http://a:0/",
            "http://1.2.3.999/",
            "//host/x",
        ] {
            assert_eq!(Target::parse(text), Err(Failure::InvalidUrl), "{text}");
        }
    }

    #[test]
    fn only_http_and_https_are_fetched() {
        for text in [
            "ftp://a/x",
            "file:///etc/passwd",
            "data:image/png;base64,AA",
            "javascript:1",
        ] {
            assert_eq!(
                Target::parse(text),
                Err(Failure::SchemeNotAllowed),
                "{text}"
            );
        }
    }

    #[test]
    fn a_url_is_bounded_before_and_after_percent_encoding() {
        let plain = format!("http://a/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(Target::parse(&plain), Err(Failure::InvalidUrl));
        let grows = format!("http://a/{}", "é".repeat(URL_BYTES_MAX / 3));
        assert_eq!(Target::parse(&grows), Err(Failure::InvalidUrl));
    }

    #[test]
    fn the_path_is_safe_for_a_request_line() {
        let t = target("http://a/b c\u{1}\td\n/é?q=' \"&ü");
        assert!(
            t.path_and_query().bytes().all(|b| b.is_ascii_graphic()),
            "{}",
            t.path_and_query()
        );
        assert_eq!(target("http://a?q").path_and_query(), "/?q");
    }

    #[test]
    fn a_location_is_resolved_in_every_usual_spelling() {
        let base = target("https://host/dir/a.jpg?old");
        for (location, authority, path) in [
            (&b"https://other/x"[..], "other", "/x"),
            (b"//other/x", "other", "/x"),
            (b"/x", "host", "/x"),
            (b"x", "host", "/dir/x"),
            (b"../x", "host", "/x"),
            (b"?q", "host", "/dir/a.jpg?q"),
            (b"\\x\\y", "host", "/x/y"),
            (b"http:\\\\other\\x", "other", "/x"),
            (b"  /a b.jpg \t", "host", "/a%20b.jpg"),
            (b"/caf\xe9", "host", "/caf%E9"),
            ("/café?ü".as_bytes(), "host", "/caf%C3%A9?%C3%BC"),
            (
                "http://bücher.example/".as_bytes(),
                "xn--bcher-kva.example",
                "/",
            ),
            (b"/x#fragment", "host", "/x"),
            (b"HTTP://user:pw@OTHER:80/x", "other", "/x"),
        ] {
            let t = base
                .join(location)
                .unwrap_or_else(|f| panic!("{location:?}: {f}"));
            assert_eq!(asks(&t), (authority, path), "{location:?}");
        }
    }

    #[test]
    fn a_location_may_leave_https_only_for_http() {
        let base = target("https://host/");
        assert_eq!(base.join(b"http://host/").unwrap().scheme, Scheme::Http);
        assert_eq!(base.join(b"ftp://host/"), Err(Failure::SchemeNotAllowed));
        assert_eq!(
            base.join(b"file:///etc/passwd"),
            Err(Failure::SchemeNotAllowed)
        );
    }

    #[test]
    fn an_invalid_location_is_a_bad_redirect() {
        let base = target("http://host/");
        let long = vec![b'x'; URL_BYTES_MAX + 1];
        for location in [
            &b""[..],
            b" ",
            b"http://",
            b"http://[::1",
            b"//a:0/",
            b"//b\xfccher/",
            &long,
        ] {
            assert_eq!(
                base.join(location),
                Err(Failure::BadRedirect),
                "{location:?}"
            );
        }
    }
}
