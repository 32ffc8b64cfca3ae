//! Owns choosing a proxy by the usual environment variables (`http_proxy`, `https_proxy`, `all_proxy`,
//! `no_proxy`), as curl and Python read them. Never reads the environment itself and never resolves a
//! name.

use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use url::Url;

use super::target::{Host, Scheme, Target};

/// A proxy that speaks plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The proxy's host.
    pub host: Host,
    /// Never 0.
    pub port: u16,
    /// The complete `Proxy-Authorization` value.
    pub authorization: Option<String>,
}

/// A proxy variable that cannot be used. Never shows the value, which may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The value is not a URL with a host and a port.
    #[error("{variable} is not a proxy URL; expected http://host:port")]
    Invalid {
        /// The variable's name.
        variable: String,
    },
    /// The proxy does not speak plain HTTP.
    #[error("{variable} names a proxy that is not http://; only HTTP proxies are supported")]
    Scheme {
        /// The variable's name.
        variable: String,
    },
}

/// The proxies of each scheme, and the targets that use none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    direct: Vec<NoProxyEntry>,
}

impl Proxies {
    /// Reads the variables from an environment. Lower case wins over upper case, and an empty value
    /// means no proxy. Upper-case `HTTP_PROXY` is ignored if `REQUEST_METHOD` is set: under CGI, a
    /// client's `Proxy` field would set it.
    ///
    /// # Errors
    /// [`ProxyError`] for a proxy that cannot be used: bypassing it is not what the user asked for.
    pub fn from_env(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ProxyError> {
        let vars: HashMap<String, String> = vars.into_iter().collect();
        let cgi = vars.contains_key("REQUEST_METHOD");
        let find = |name: &str| {
            let upper = name.to_ascii_uppercase();
            let upper = (!cgi || upper != "HTTP_PROXY")
                .then(|| vars.get_key_value(&upper))
                .flatten();
            vars.get_key_value(name).or(upper)
        };
        let proxy = |name: &str| match find(name) {
            None => find("all_proxy").map_or(Ok(None), |(name, value)| parse_proxy(name, value)),
            Some((name, value)) => parse_proxy(name, value),
        };
        let direct = find("no_proxy").map_or_else(Vec::new, |(_, value)| {
            value
                .split([',', ' ', '\t'])
                .filter_map(NoProxyEntry::parse)
                .collect()
        });
        Ok(Self {
            http: proxy("http_proxy")?,
            https: proxy("https_proxy")?,
            direct,
        })
    }

    /// The proxy for `target`; `None` connects directly.
    pub fn for_target(&self, target: &Target) -> Option<&Proxy> {
        let proxy = match target.scheme {
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        };
        proxy.filter(|_| !self.direct.iter().any(|direct| direct.covers(target)))
    }
}

fn parse_proxy(variable: &str, value: &str) -> Result<Option<Proxy>, ProxyError> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(None);
    }
    let invalid = || ProxyError::Invalid {
        variable: variable.to_owned(),
    };
    let text = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    let url = Url::parse(&text).map_err(|_| invalid())?;
    if url.scheme() != "http" {
        return Err(ProxyError::Scheme {
            variable: variable.to_owned(),
        });
    }
    let host = url.host().as_ref().and_then(Host::of).ok_or_else(invalid)?;
    let port = url.port().unwrap_or(80);
    if port == 0 {
        return Err(invalid());
    }
    Ok(Some(Proxy {
        host,
        port,
        authorization: basic_authorization(&url),
    }))
}

/// RFC 7617, from the URL's userinfo.
fn basic_authorization(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

/// One entry of `no_proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NoProxyEntry {
    hosts: NoProxyHosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NoProxyHosts {
    All,
    Net(IpNet),
    /// A name and all its subdomains.
    Domain(String),
}

impl NoProxyEntry {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim();
        if let Some(hosts) = parse_net(entry) {
            return Some(Self { hosts, port: None });
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let hosts = match parse_net(name) {
            Some(net) => net,
            None if name == "*" => NoProxyHosts::All,
            None => {
                let name = name
                    .trim_start_matches("*.")
                    .trim_matches('.')
                    .to_ascii_lowercase();
                (!name.is_empty()).then_some(NoProxyHosts::Domain(name))?
            }
        };
        Some(Self { hosts, port })
    }

    fn covers(&self, target: &Target) -> bool {
        self.port.is_none_or(|port| port == target.port)
            && match (&self.hosts, &target.host) {
                (NoProxyHosts::All, _) => true,
                (NoProxyHosts::Net(net), Host::Addr(addr)) => net.contains(addr),
                (NoProxyHosts::Domain(domain), Host::Name(name)) => name
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
                _ => false,
            }
    }
}

/// An address or a network, IPv6 with or without brackets.
fn parse_net(text: &str) -> Option<NoProxyHosts> {
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    let net = bare
        .parse()
        .ok()
        .or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from));
    net.map(NoProxyHosts::Net)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(vars: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        Proxies::from_env(vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    fn port_for(vars: &[(&str, &str)], url: &str) -> Option<u16> {
        let target = Target::parse(url).unwrap();
        proxies(vars)
            .unwrap()
            .for_target(&target)
            .map(|proxy| proxy.port)
    }

    #[test]
    fn all_proxy_serves_schemes_without_a_variable() {
        let vars = [("http_proxy", "http://p:1"), ("ALL_PROXY", "p:2")];
        assert_eq!(port_for(&vars, "http://a/"), Some(1));
        assert_eq!(port_for(&vars, "https://a/"), Some(2));
        assert_eq!(port_for(&[], "https://a/"), None);
        assert_eq!(
            port_for(&[("https_proxy", "http://p")], "https://a/"),
            Some(80)
        );
    }

    #[test]
    fn lower_case_wins_even_when_empty() {
        assert_eq!(
            port_for(&[("HTTP_PROXY", "p:1"), ("http_proxy", "p:2")], "http://a/"),
            Some(2)
        );
        assert_eq!(
            port_for(&[("HTTP_PROXY", "p:1"), ("http_proxy", "")], "http://a/"),
            None
        );
    }

    #[test]
    fn http_proxy_is_ignored_under_cgi() {
        let vars = [
            ("HTTP_PROXY", "p:1"),
            ("REQUEST_METHOD", "GET"),
            ("HTTPS_PROXY", "p:2"),
        ];
        assert_eq!(port_for(&vars, "http://a/"), None);
        assert_eq!(port_for(&vars, "https://a/"), Some(2));
    }

    #[test]
    fn credentials_become_a_basic_authorization() {
        let all = proxies(&[("http_proxy", "http://us%40er:p%3Aw@10.0.0.1:3128/")]).unwrap();
        let proxy = all.http.unwrap();
        assert_eq!(proxy.host, Host::Addr("10.0.0.1".parse().unwrap()));
        assert_eq!(proxy.authorization.as_deref(), Some("Basic dXNAZXI6cDp3"));
    }

    #[test]
    fn an_unsupported_proxy_is_an_error_without_its_password() {
        for value in ["socks5://u:secret@p:1", "https://u:secret@p:1"] {
            let error = proxies(&[("ALL_PROXY", value)]).unwrap_err();
            assert_eq!(
                error,
                ProxyError::Scheme {
                    variable: "ALL_PROXY".into()
                }
            );
            assert!(!error.to_string().contains("secret"));
        }
        for value in ["http://", "http://u:secret@p:x", "http://p:0"] {
            let error = proxies(&[("http_proxy", value)]).unwrap_err();
            assert_eq!(
                error,
                ProxyError::Invalid {
                    variable: "http_proxy".into()
                },
                "{value}"
            );
        }
    }

    #[test]
    fn no_proxy_accepts_names_suffixes_networks_and_ports() {
        let direct = |no_proxy: &str, url: &str| {
            port_for(&[("http_proxy", "p:1"), ("no_proxy", no_proxy)], url).is_none()
        };
        assert!(direct("*", "http://a/"));
        assert!(direct("x, Example.com", "http://example.com/"));
        assert!(direct(".example.com", "http://a.example.com/"));
        assert!(direct("*.example.com", "http://a.example.com./"));
        assert!(direct("example.com:8080", "http://example.com:8080/"));
        assert!(direct("10.0.0.0/8 ::1", "http://10.1.2.3/"));
        assert!(direct("10.0.0.0/8 ::1", "http://[::1]/"));
        assert!(direct("[::1]:81", "http://[::1]:81/"));
        assert!(direct("127.0.0.1", "http://127.1/"));
        assert!(!direct("example.com", "http://notexample.com/"));
        assert!(!direct("example.com:8080", "http://example.com/"));
        assert!(!direct("10.0.0.0/8", "http://11.0.0.1/"));
        assert!(!direct("", "http://a/"));
        assert!(!direct(",.,:", "http://a/"));
    }
}
