//! Owns turning the DNS options into a running resolver: its servers, limits and fallback. Never
//! resolves a name, except those of encrypted name servers.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::time::{Instant, SystemTime};

use turbo2ds_dns::recursive::{
    Clocks, ServerLimits, Settings, Setup, TtlBounds, random_seed, root_servers,
};
use turbo2ds_dns::{Forwarder, ForwarderError, Server, ServerWay, Service, system_servers};

use crate::config::{DnsConfig, NameServer, Resolver, SecureServer};
use crate::error::{Error, Message};
use crate::limits::{self, FDS_PER_NAME};

use crate::net::{TlsError, verifying_config};

/// Sockets to the fallback's servers, which are mostly idle.
const FALLBACK_SOCKETS: u16 = 16;
/// Fewest sockets of a resolver: a forged answer has to guess the port.
const SOCKETS_MIN: u16 = 4;

/// Why the resolver cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The thread, the sockets or the random numbers.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// The name servers, or the file that lists them.
    #[error(transparent)]
    Servers(#[from] ForwarderError),
    /// The name of an encrypted server has no reachable address.
    #[error("the name server `{0}` has no address that can be reached")]
    NoAddress(String),
    /// TLS to the servers.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        let hint = match &error {
            SetupError::System(_) => "look at the limits on processes, descriptors and memory",
            SetupError::Servers(error) => error.hint(),
            SetupError::NoAddress(_) => "give its address, such as tls://9.9.9.9#dns.quad9.net",
            SetupError::Tls(_) => "this is a fault of turbo2ds",
        };
        Self::local_resource(
            Message::because("name resolution cannot start", error),
            hint,
        )
    }
}

/// A resolver that is ready to start.
pub(crate) enum Backend {
    /// The built-in resolver. If it resolves from the root, the servers in resolv.conf are its
    /// fallback.
    BuiltIn {
        settings: Box<Settings>,
        fallback: Option<Box<Settings>>,
    },
    /// The library, for what the built-in one does not support: TLS, HTTPS, several ports.
    Library(Box<Forwarder>),
}

/// Most names resolved at a time.
pub(crate) fn names_active_max(dns: &DnsConfig, by_descriptors: usize) -> usize {
    let most = match dns.resolver {
        Resolver::Recursive => limits::DNS_NAMES_ACTIVE_MAX,
        // The library opens sockets for each name, and the server of a home router refuses more.
        Resolver::System | Resolver::Listed => by_descriptors,
    };
    most.min(dns.limits.queries)
}

/// Starts the resolver of a run.
///
/// # Errors
/// See [`SetupError`].
pub(crate) fn start(dns: &DnsConfig, by_descriptors: usize) -> Result<Service, SetupError> {
    match backend(dns, by_descriptors)? {
        Backend::Library(forwarder) => {
            let active = names_active_max(dns, by_descriptors);
            Ok(Service::spawn(*forwarder, active, Instant::now)?)
        }
        Backend::BuiltIn { settings, fallback } => {
            let main = setup(*settings, dns.cache_path())?;
            Ok(match fallback {
                Some(fallback) => Service::spawn_backed(main, setup(*fallback, None)?)?,
                None => Service::spawn_recursive(main)?,
            })
        }
    }
}

pub(crate) fn backend(dns: &DnsConfig, by_descriptors: usize) -> Result<Backend, SetupError> {
    let ipv6 = has_ipv6();
    let bounded = |settings| Box::new(bounded(settings, dns, ipv6, by_descriptors));
    let servers = match dns.resolver {
        Resolver::Recursive => {
            let walking = Settings {
                roots: root_servers(ipv6),
                ..Settings::default()
            };
            return Ok(Backend::BuiltIn {
                settings: bounded(walking),
                fallback: fallback(ipv6).map(bounded),
            });
        }
        Resolver::System => system_servers()?.into_iter().map(Server::plain).collect(),
        Resolver::Listed => addresses_of(&dns.servers, ipv6)?,
    };
    if let Some(settings) = forwarding(&servers, ipv6) {
        return Ok(Backend::BuiltIn {
            settings: bounded(settings),
            fallback: None,
        });
    }
    let forwarder = Forwarder::to_servers(&servers, ipv6, verifying_config()?)?;
    Ok(Backend::Library(Box::new(forwarder)))
}

/// The fallback: the servers in resolv.conf that can be reached.
pub(crate) fn fallback(ipv6: bool) -> Option<Settings> {
    let servers: Vec<IpAddr> = system_servers()
        .unwrap_or_default()
        .into_iter()
        .map(|server| server.ip())
        .filter(|server| server.is_ipv4() || ipv6)
        .collect();
    (!servers.is_empty()).then(|| Settings {
        sockets: FALLBACK_SOCKETS,
        ..Settings::forwarding(servers, 53)
    })
}

/// The built-in resolver as a forwarder to `servers`, if it can ask all of them: they speak plain DNS
/// on one port, and those with IPv6 addresses are reachable.
fn forwarding(servers: &[Server], ipv6: bool) -> Option<Settings> {
    let port = servers.first()?.addr.port();
    let usable = |server: &Server| {
        server.way == ServerWay::Plain
            && server.addr.port() == port
            && (server.addr.is_ipv4() || ipv6)
    };
    let addresses = servers.iter().map(|server| server.addr.ip()).collect();
    let all = servers.iter().all(usable);
    all.then(|| Settings::forwarding(addresses, port))
}

fn bounded(settings: Settings, dns: &DnsConfig, ipv6: bool, by_descriptors: usize) -> Settings {
    let limits = &dns.limits;
    let least = settings.server;
    let rate = limits.rate_per_server.map(|rate| rate as f32);
    let active = if settings.forward {
        by_descriptors.min(limits.queries)
    } else {
        names_active_max(dns, by_descriptors)
    };
    // A quarter of the descriptors reserved for names: both families, TCP and the fallback need some
    // too.
    let sockets = u16::try_from(by_descriptors * FDS_PER_NAME / 4).unwrap_or(u16::MAX);
    Settings {
        ipv6,
        sockets: sockets.clamp(SOCKETS_MIN, settings.sockets),
        names_active_max: active,
        queries_outstanding_max: limits.queries,
        server: ServerLimits {
            outstanding_max: limits.queries_per_server.unwrap_or(least.outstanding_max),
            rate_per_s: rate.unwrap_or(least.rate_per_s),
            // A quarter of a second's worth, as in the default.
            burst: rate.map_or(least.burst, |rate| (rate / 4.0).max(1.0)),
        },
        cache_bytes_max: limits.cache_bytes,
        ttl: TtlBounds {
            min: limits.ttl_min,
            max: limits.ttl_max,
        },
        ..settings
    }
}

pub(crate) fn setup(settings: Settings, cache_file: Option<&Path>) -> std::io::Result<Setup> {
    Ok(Setup {
        settings,
        seed: random_seed()?,
        clocks: Clocks {
            now: Instant::now,
            unix_s: || {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                since.map_or(0, |since| since.as_secs())
            },
        },
        cache_file: cache_file.map(Into::into),
    })
}

fn addresses_of(servers: &[NameServer], ipv6: bool) -> Result<Vec<Server>, SetupError> {
    let mut all = Vec::new();
    for server in servers {
        match server {
            NameServer::Plain(addr) => all.push(Server::plain(*addr)),
            NameServer::Tls(secure) => {
                let name = secure.certificate_name.as_str().into();
                let way = ServerWay::Tls { name };
                all.push(secure_server(secure, way, ipv6)?);
            }
            NameServer::Https(secure) => {
                let way = ServerWay::Https {
                    name: secure.certificate_name.as_str().into(),
                    path: secure.path.as_str().into(),
                };
                all.push(secure_server(secure, way, ipv6)?);
            }
        }
    }
    Ok(all)
}

/// Resolves a server that was given by name, once, with the system's resolver.
fn secure_server(secure: &SecureServer, way: ServerWay, ipv6: bool) -> Result<Server, SetupError> {
    let place = (secure.host.as_str(), secure.port);
    let found: Vec<SocketAddr> = place
        .to_socket_addrs()
        .map_or_else(|_| Vec::new(), Iterator::collect);
    let usable = found.iter().find(|addr| addr.is_ipv4() || ipv6);
    match usable {
        Some(&addr) => Ok(Server { addr, way }),
        None => Err(SetupError::NoAddress(secure.host.clone())),
    }
}

/// Whether this machine has a route to IPv6 addresses: a datagram socket can be connected to one. Sends
/// nothing.
pub(crate) fn has_ipv6() -> bool {
    // The address of a root server; any global address would do.
    const SOMEWHERE: (Ipv6Addr, u16) = (Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf), 53);
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .is_ok_and(|socket| socket.connect(SOMEWHERE).is_ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::DnsLimits;

    fn listed(servers: &[&str]) -> DnsConfig {
        DnsConfig {
            resolver: Resolver::Listed,
            servers: servers
                .iter()
                .map(|text| NameServer::Plain(text.parse().unwrap()))
                .collect(),
            ..DnsConfig::default()
        }
    }

    fn built_in(dns: &DnsConfig) -> Option<(Settings, Option<Settings>)> {
        match backend(dns, 512).unwrap() {
            Backend::BuiltIn { settings, fallback } => Some((*settings, fallback.map(|one| *one))),
            Backend::Library(_) => None,
        }
    }

    #[test]
    fn only_servers_on_one_port_use_the_built_in_resolver() {
        let (settings, fallback) =
            built_in(&listed(&["192.0.2.1:5300", "192.0.2.2:5300"])).unwrap();
        assert!(settings.forward && fallback.is_none());
        assert_eq!((settings.port, settings.roots.len()), (5300, 2));
        assert!(built_in(&listed(&["192.0.2.1:53", "192.0.2.2:54"])).is_none());
    }

    #[test]
    fn given_limits_reach_the_resolver() {
        let dns = DnsConfig {
            limits: DnsLimits {
                cache_bytes: 5 << 20,
                queries: 100,
                queries_per_server: Some(3),
                rate_per_server: Some(40),
                ttl_min: Duration::from_secs(1),
                ttl_max: Duration::from_secs(2),
            },
            ..DnsConfig::default()
        };
        let (settings, _) = built_in(&dns).unwrap();
        assert!(!settings.forward && settings.roots.len() >= 13);
        assert_eq!(settings.cache_bytes_max, 5 << 20);
        assert_eq!(
            (settings.names_active_max, settings.queries_outstanding_max),
            (100, 100)
        );
        let server = settings.server;
        assert_eq!(
            (server.outstanding_max, server.rate_per_s, server.burst),
            (3, 40.0, 10.0)
        );
        assert_eq!(settings.ttl.min, Duration::from_secs(1));
        assert_eq!(settings.ttl.max, Duration::from_secs(2));
    }

    #[test]
    fn few_descriptors_mean_few_sockets() {
        let sockets = |by_descriptors| match backend(&listed(&["192.0.2.1:53"]), by_descriptors) {
            Ok(Backend::BuiltIn { settings, .. }) => settings.sockets,
            _ => panic!("the built-in resolver"),
        };
        assert_eq!([1, 10, 512].map(sockets), [4, 15, 64]);
    }

    #[test]
    fn an_encrypted_server_without_an_address_is_an_error_with_a_hint() {
        let secure = SecureServer {
            host: "no-such-host.invalid".into(),
            port: 853,
            certificate_name: "no-such-host.invalid".into(),
            path: String::new(),
        };
        let dns = DnsConfig {
            resolver: Resolver::Listed,
            servers: vec![NameServer::Tls(secure)],
            ..DnsConfig::default()
        };
        let Err(error) = backend(&dns, 1).map(drop) else {
            panic!("a server without an address")
        };
        let text = Error::from(error).to_string();
        assert!(
            text.contains("no-such-host.invalid") && text.contains("hint:"),
            "{text}"
        );
    }

    #[test]
    fn why_there_is_no_resolver_goes_down_to_the_systems_error() {
        let kernel = std::io::Error::from_raw_os_error(libc::EMFILE);
        let words = kernel.to_string();
        let error = Error::from(SetupError::from(kernel));
        assert_eq!(
            error.message(),
            format!("name resolution cannot start: {words}")
        );
        let setup = std::error::Error::source(&error).expect("a source");
        let Some(SetupError::System(kernel)) = setup.downcast_ref() else {
            panic!("another source: {setup:?}");
        };
        assert_eq!(kernel.raw_os_error(), Some(libc::EMFILE));
    }
}
