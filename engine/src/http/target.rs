//! Owns what a URL means: scheme, host, port, path, by the WHATWG rules of the `url` crate, which
//! also turn every odd spelling of an address into that address.

use std::net::IpAddr;
use std::sync::Arc;

use percent_encoding::{AsciiSet, percent_encode};
use url::Url;

use crate::failure::Failure;
use crate::limits::URL_BYTES_MAX;

/// Nothing of ASCII: what lies above it is always encoded.
const RAW: &AsciiSet = &AsciiSet::EMPTY;

/// A scheme we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name, lower case, in its ASCII form, without a trailing dot.
    Name(Arc<str>),
    /// An address.
    Addr(IpAddr),
}

/// What to connect to and what to ask for.
#[derive(Clone, Debug)]
pub struct Target {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host.
    pub host: Host,
    /// Port, the scheme's own where none is given.
    pub port: u16,
    url: Url,
}

impl Target {
    /// Reads a URL of the list.
    ///
    /// # Errors
    /// `InvalidUrl`, `SchemeNotAllowed`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim_ascii();
        if text.is_empty() || text.len() > URL_BYTES_MAX {
            return Err(Failure::InvalidUrl);
        }
        let url = Url::parse(text).map_err(|_| Failure::InvalidUrl)?;
        Self::from_url(url)
    }

    /// Reads a redirect's Location against this target. Bytes that are not UTF-8 are percent-encoded
    /// as they stand.
    ///
    /// # Errors
    /// `BadRedirect`, `SchemeNotAllowed`.
    pub fn join(&self, location: &[u8]) -> Result<Self, Failure> {
        let location = location.trim_ascii();
        if location.is_empty() || location.len() > URL_BYTES_MAX {
            return Err(Failure::BadRedirect);
        }
        let text = match std::str::from_utf8(location) {
            Ok(text) => text.to_owned(),
            Err(_) => percent_encode(location, RAW).to_string(),
        };
        let url = self.url.join(&text).map_err(|_| Failure::BadRedirect)?;
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(Failure::BadRedirect);
        }
        Self::from_url(url).map_err(|failure| match failure {
            Failure::InvalidUrl => Failure::BadRedirect,
            other => other,
        })
    }

    fn from_url(mut url: Url) -> Result<Self, Failure> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(Failure::SchemeNotAllowed),
        };
        let host = match url.host().ok_or(Failure::InvalidUrl)? {
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                if name.is_empty() || name.len() > 253 {
                    return Err(Failure::InvalidUrl);
                }
                Host::Name(name.into())
            }
            url::Host::Ipv4(address) => Host::Addr(address.into()),
            url::Host::Ipv6(address) => Host::Addr(address.into()),
        };
        let port = url.port_or_known_default().ok_or(Failure::InvalidUrl)?;
        url.set_fragment(None);
        Ok(Self { scheme, host, port, url })
    }

    /// The Host header's value: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// CONNECT's target: host and port, always both.
    pub fn connect_authority(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.port)
    }

    /// The origin form: path and query.
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// The absolute form, for plain-HTTP proxies: no user information, no fragment.
    pub fn absolute(&self) -> String {
        format!("{}://{}{}", self.url.scheme(), self.authority(), self.path_and_query())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Target {
        Target::parse(text).expect("a URL")
    }

    #[test]
    fn a_url_gives_host_port_and_path() {
        let target = parse(" https://User:pw@EXAMPLE.test:8443/a b?q=1#part ");
        assert_eq!(target.scheme, Scheme::Https);
        assert_eq!(target.host, Host::Name("example.test".into()));
        assert_eq!(target.port, 8443);
        assert_eq!(target.authority(), "example.test:8443");
        assert_eq!(target.path_and_query(), "/a%20b?q=1");
        assert_eq!(target.absolute(), "https://example.test:8443/a%20b?q=1");
    }

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        for text in ["http://0x7f.1/", "http://2130706433/", "http://127.1/", "http://0177.0.0.1/"] {
            assert_eq!(parse(text).host, Host::Addr([127, 0, 0, 1].into()), "{text}");
        }
        let mapped = parse("http://[::ffff:7f00:1]/").host;
        assert_eq!(mapped, Host::Addr("::ffff:127.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_its_own_failure() {
        for text in ["", "   ", "not a url", "http://", "http://a b/", "//x/y"] {
            assert_eq!(Target::parse(text).err(), Some(Failure::InvalidUrl), "{text}");
        }
        for text in ["file:///etc/passwd", "ftp://x/y", "data:image/png,x", "javascript:1"] {
            assert_eq!(Target::parse(text).err(), Some(Failure::SchemeNotAllowed), "{text}");
        }
        let long = format!("http://x/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(Target::parse(&long).err(), Some(Failure::InvalidUrl));
    }

    #[test]
    fn redirects_are_joined_as_browsers_join_them() {
        let base = parse("https://a.test/dir/page?x=1");
        let joined = |location: &[u8]| base.join(location).map(|target| target.absolute());
        assert_eq!(joined(b"//b.test/x").as_deref(), Ok("https://b.test/x"));
        assert_eq!(joined(b"?q").as_deref(), Ok("https://a.test/dir/page?q"));
        assert_eq!(joined(b"\\up").as_deref(), Ok("https://a.test/up"));
        assert_eq!(joined(b" img 1.jpg ").as_deref(), Ok("https://a.test/dir/img%201.jpg"));
        assert_eq!(joined(b"/\xe9t\xe9").as_deref(), Ok("https://a.test/%E9t%E9"));
        assert_eq!(joined(b"file:///etc/passwd").err(), Some(Failure::SchemeNotAllowed));
        assert_eq!(joined(b"").err(), Some(Failure::BadRedirect));
        assert_eq!(joined(b"http://").err(), Some(Failure::BadRedirect));
    }

    #[test]
    fn an_international_name_is_asked_for_in_ascii() {
        assert_eq!(parse("http://b\u{fc}cher.test/").host, Host::Name("xn--bcher-kva.test".into()));
    }
}
