//! Owns reading resolv.conf(5) and hosts(5) for the forwarder, and the errors of its configuration.
//! Never asks a server.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hickory_resolver::Hosts;
use hickory_resolver::net::NetError;
use hickory_resolver::system_conf::parse_resolv_conf;

/// The port of DNS (RFC 1035, 4.2).
const DNS_PORT: u16 = 53;
const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// Why a forwarder could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ForwarderError {
    /// The file that names the servers cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file names no usable server.
    #[error("{} names no usable name server", path.display())]
    NoUsableServer {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        source: NetError,
    },
    /// The given list of servers is empty.
    #[error("no name server was given")]
    NoServer,
    /// The resolver library rejects the configuration.
    #[error("the resolver could not be set up")]
    Setup(#[source] NetError),
}

impl ForwarderError {
    /// What the user can do about it, for a `hint:` line.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::NoUsableServer { .. } => {
                "give the file a line such as `nameserver 192.0.2.53`, or list the servers to ask"
            }
            Self::NoServer => "list at least one server, as address:port",
            Self::Setup(_) => "list the servers to ask, as address:port",
        }
    }
}

/// Reads the name servers of resolv.conf(5); its other options are ignored.
///
/// # Errors
/// The file is missing or names no usable server.
pub fn system_servers() -> Result<Vec<SocketAddr>, ForwarderError> {
    servers_in(Path::new(RESOLV_CONF))
}

/// The name servers of a file in the format of resolv.conf(5).
fn servers_in(path: &Path) -> Result<Vec<SocketAddr>, ForwarderError> {
    let text = fs::read(path).map_err(|source| ForwarderError::Unreadable {
        path: path.into(),
        source,
    })?;
    let (config, _) = parse_resolv_conf(text).map_err(|source| ForwarderError::NoUsableServer {
        path: path.into(),
        source,
    })?;
    Ok(config
        .name_servers()
        .iter()
        .map(|server| (server.ip, DNS_PORT).into())
        .collect())
}

/// Reads the hosts file; empty if there is none or it cannot be read.
pub(super) fn system_hosts() -> Hosts {
    let mut hosts = Hosts::default();
    let read = fs::File::open(HOSTS).and_then(|file| hosts.read_hosts_conf(file));
    if let Err(error) = read {
        tracing::warn!(%error, "{HOSTS} is left out");
    }
    hosts
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io::Write;

    use super::*;

    fn servers_of(text: &str) -> Result<Vec<SocketAddr>, ForwarderError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        servers_in(file.path())
    }

    #[test]
    fn resolv_conf_gives_its_servers_in_order() {
        let text = "# two\nsearch example.com\nnameserver 192.0.2.2\nnameserver 2001:db8::1\n";
        let servers = servers_of(text).unwrap();
        assert_eq!(
            servers,
            ["192.0.2.2:53", "[2001:db8::1]:53"].map(|one| one.parse().unwrap())
        );
    }

    #[test]
    fn a_resolv_conf_without_a_server_is_an_error_with_a_hint() {
        for text in [
            "",
            "search example.com\n",
            "nameserver nonsense\n",
            "\u{0}\u{1}\n",
        ] {
            let error = servers_of(text).unwrap_err();
            assert!(
                error.to_string().ends_with("names no usable name server"),
                "{error}"
            );
            assert!(error.source().is_some() && error.hint().contains("nameserver"));
        }
    }

    #[test]
    fn a_missing_resolv_conf_is_an_error_with_the_systems_reason() {
        let directory = tempfile::tempdir().unwrap();
        let error = servers_in(&directory.path().join("resolv.conf")).unwrap_err();
        assert!(matches!(error, ForwarderError::Unreadable { .. }));
        assert!(error.source().is_some());
    }
}
