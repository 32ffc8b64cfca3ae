//! Owns the proxies that the environment names, and which targets they are for. Only http://
//! proxies; anything else is refused at the start, never passed over in silence.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use url::Url;

use super::target::{Host, Scheme, Target};

/// A plain-HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// The Proxy-Authorization value, where the URL has a user.
    pub authorization: Option<String>,
}

/// What `no_proxy` excludes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exclusion {
    All,
    /// The name and everything under it; on one port where it is given.
    Domain(String, Option<u16>),
    Net(IpNet),
}

/// The environment's proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exclusions: Vec<Exclusion>,
}

impl Proxies {
    /// Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, lower case before upper.
    /// `HTTP_PROXY` is passed over in a CGI, where a client can set it.
    ///
    /// # Errors
    /// A sentence on a proxy that cannot be used.
    pub fn from_env(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let vars: std::collections::HashMap<String, String> = vars.into_iter().collect();
        let cgi = vars.contains_key("REQUEST_METHOD");
        let get = |name: &str| {
            let upper = name.to_ascii_uppercase();
            let upper = (!(cgi && name == "http_proxy")).then(|| vars.get(&upper)).flatten();
            vars.get(name).or(upper).map(|value| value.trim()).filter(|value| !value.is_empty())
        };
        let read = |name: &str| {
            get(name)
                .or_else(|| get("all_proxy"))
                .map(|value| parse_proxy(value).ok_or_else(|| refusal(name)))
                .transpose()
        };
        Ok(Self {
            http: read("http_proxy")?,
            https: read("https_proxy")?,
            exclusions: get("no_proxy").map_or_else(Vec::new, parse_exclusions),
        })
    }

    /// The proxy for a target, where it has one.
    pub fn for_target(&self, target: &Target) -> Option<&Proxy> {
        let proxy = match target.scheme {
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        }?;
        let excluded = self.exclusions.iter().any(|exclusion| exclusion.covers(target));
        (!excluded).then_some(proxy)
    }
}

fn refusal(name: &str) -> String {
    format!("{name} (or all_proxy) names a proxy that is no http:// URL")
}

fn parse_proxy(value: &str) -> Option<Proxy> {
    let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&text).ok()?;
    let target = Target::parse(&text).ok().filter(|target| target.scheme == Scheme::Http)?;
    let authorization = (!url.username().is_empty()).then(|| {
        let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
        pair.push(b':');
        pair.extend(percent_decode_str(url.password().unwrap_or_default()));
        format!("Basic {}", STANDARD.encode(pair))
    });
    Some(Proxy { host: target.host, port: target.port, authorization })
}

fn parse_exclusions(value: &str) -> Vec<Exclusion> {
    let parts = value.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(parse_exclusion).collect()
}

fn parse_exclusion(part: &str) -> Exclusion {
    if part == "*" {
        return Exclusion::All;
    }
    if let Ok(net) = part.parse::<IpNet>() {
        return Exclusion::Net(net);
    }
    if let Ok(address) = part.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Exclusion::Net(address.into());
    }
    let (name, port) = match part.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (part, None),
    };
    let name = name.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    match name.parse::<IpAddr>() {
        Ok(address) => Exclusion::Net(address.into()),
        Err(_) => Exclusion::Domain(name, port),
    }
}

impl Exclusion {
    fn covers(&self, target: &Target) -> bool {
        match (self, &target.host) {
            (Self::All, _) => true,
            (Self::Net(net), Host::Addr(address)) => net.contains(address),
            (Self::Domain(domain, port), Host::Name(name)) => {
                let under = name
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                under && port.is_none_or(|port| port == target.port)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(vars: &[(&str, &str)]) -> Result<Proxies, String> {
        Proxies::from_env(vars.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    fn goes_through(proxies: &Proxies, url: &str) -> bool {
        proxies.for_target(&Target::parse(url).expect("a URL")).is_some()
    }

    #[test]
    fn each_scheme_has_its_proxy_and_all_proxy_is_for_both() {
        let one = proxies(&[("http_proxy", "proxy.test:3128")]).expect("a proxy");
        assert!(goes_through(&one, "http://a.test/"));
        assert!(!goes_through(&one, "https://a.test/"));
        let both = proxies(&[("ALL_PROXY", "http://10.0.0.1:80")]).expect("a proxy");
        assert!(goes_through(&both, "http://a.test/"));
        assert!(goes_through(&both, "https://a.test/"));
    }

    #[test]
    fn no_proxy_excludes_names_nets_and_ports() {
        let all = proxies(&[
            ("http_proxy", "http://proxy.test:3128"),
            ("no_proxy", ".a.test, b.test:81,127.0.0.0/8, [::1]"),
        ])
        .expect("a proxy");
        for url in ["http://a.test/", "http://x.a.test/", "http://b.test:81/", "http://127.1/"] {
            assert!(!goes_through(&all, url), "{url}");
        }
        for url in ["http://xa.test/", "http://b.test/", "http://128.0.0.1/"] {
            assert!(goes_through(&all, url), "{url}");
        }
        let none = proxies(&[("http_proxy", "http://p:1"), ("NO_PROXY", "*")]).expect("a proxy");
        assert!(!goes_through(&none, "http://a.test/"));
    }

    #[test]
    fn a_user_becomes_basic_authorization() {
        let proxy = parse_proxy("http://us%40er:pa:ss@proxy.test:1").expect("a proxy");
        assert_eq!(proxy.authorization.as_deref(), Some("Basic dXNAZXI6cGE6c3M="));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused() {
        assert!(proxies(&[("https_proxy", "socks5://p:1")]).is_err());
        assert!(proxies(&[("http_proxy", "https://p:1")]).is_err());
        assert!(proxies(&[("http_proxy", "  ")]).is_ok());
    }

    #[test]
    fn a_cgi_does_not_take_the_clients_proxy() {
        let cgi = proxies(&[("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")]);
        assert!(!goes_through(&cgi.expect("no proxy"), "http://a.test/"));
    }
}
