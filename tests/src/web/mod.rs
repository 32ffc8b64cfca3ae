//! Owns the running fake web: an HTTP listener, a TLS listener and a DNS responder on loopback,
//! behind one small runtime that ends with the value. Never listens beyond 127.0.0.0/8.

mod connections;
pub mod faults;
mod reply;
mod request;
mod serve;
mod site;
mod tls;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

use crate::certs::Certificates;
use crate::dns;
pub use site::Said;
use site::Site;
use tls::Face;

/// Threads that serve: the machine's others belong to what is tested.
const WORKERS: usize = 2;

/// Connections that may wait to be accepted; the system bounds it further.
const BACKLOG: u32 = 16_384;

/// Ports to listen on; 0 is one the system chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Plain HTTP over TCP.
    pub http: u16,
    /// HTTP over TLS over TCP.
    pub tls: u16,
    /// DNS over UDP and TCP.
    pub dns: u16,
}

/// A fake web that serves until it is dropped.
pub struct Web {
    ports: Ports,
    authority_pem: String,
    site: Arc<Site>,
    /// Dropped last: the tasks hold the site.
    runtime: Option<Runtime>,
}

impl Web {
    /// Listens and begins to serve; when this returns, connections are accepted.
    ///
    /// # Errors
    /// A port that is taken, or certificates that cannot be made.
    pub fn start(ports: Ports) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Self::start_also_at(ports, &[])
    }

    /// The same, and at these addresses of this machine too.
    ///
    /// # Errors
    /// As [`Web::start`]; an address that is not this machine's.
    pub fn start_also_at(
        ports: Ports,
        also: &[IpAddr],
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let certificates = Certificates::generate()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("fakeweb")
            .enable_all()
            .build()?;
        let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), ports.dns);
        let (http, tls, names) = runtime.block_on(async {
            let (http, tls) = (listen(any(ports.http))?, listen(any(ports.tls))?);
            Ok::<_, std::io::Error>((http, tls, dns::bind(local).await?))
        })?;
        let ports = Ports {
            http: http.local_addr()?.port(),
            tls: tls.local_addr()?.port(),
            dns: names.port()?,
        };
        let site = Arc::new(Site::new(ports, also));
        let face = Arc::new(Face {
            usual: certificates.server,
            authority: certificates.authority,
        });
        // What is IPv4 the listeners on every address hear already.
        for address in also.iter().filter(|address| address.is_ipv6()) {
            let at = |port| listen(SocketAddr::new(*address, port));
            let _inside = runtime.enter();
            let (http, tls) = (at(ports.http)?, at(ports.tls)?);
            runtime.spawn(serve::accept(http, Arc::clone(&site), None));
            runtime.spawn(serve::accept(tls, Arc::clone(&site), Some(face.clone())));
        }
        runtime.spawn(serve::accept(http, Arc::clone(&site), None));
        runtime.spawn(serve::accept(tls, Arc::clone(&site), Some(face)));
        runtime.spawn(names.serve());
        let authority_pem = certificates.authority_pem;
        Ok(Self {
            ports,
            authority_pem,
            site,
            runtime: Some(runtime),
        })
    }

    /// The ports in use.
    pub const fn ports(&self) -> Ports {
        self.ports
    }

    /// The certificate a client must trust for the TLS listener, PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// The responder's address, as `--dns_servers` takes it.
    pub fn dns_server(&self) -> String {
        format!("127.0.0.1:{}", self.ports.dns)
    }

    /// A path on 127.0.0.1, plain.
    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// A path on a host, plain.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.ports.http)
    }

    /// A path on a host, over TLS.
    pub fn tls_url_at(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.ports.tls)
    }

    /// Requests seen so far for a path (without its query), over all hosts.
    pub fn hits(&self, path: &str) -> u32 {
        self.site.hits(path)
    }

    /// Connections accepted so far, at the ports of HTTP and TLS.
    pub fn connections(&self) -> u64 {
        self.site.connections().accepted(None)
    }

    /// Those of them at one of this machine's addresses.
    pub fn connections_to(&self, address: IpAddr) -> u64 {
        self.site.connections().accepted(Some(address))
    }

    /// Most connections that were open at a time.
    pub fn connections_peak(&self) -> u64 {
        self.site.connections().peak()
    }

    /// All requests seen so far.
    pub fn requests(&self) -> u64 {
        self.site.total()
    }

    /// Waits until so many requests have come in all; `false` where a minute passes first.
    pub fn wait_for_requests(&self, requests: u64) -> bool {
        self.site.wait_for_total(requests, Duration::from_secs(60))
    }

    /// Answers everything under `/held/`, now and from now on.
    pub fn release_held(&self) {
        self.site.gathering().end();
    }

    /// Holds it back from now on.
    pub fn hold_again(&self) {
        self.site.gathering().begin();
    }

    /// The latest request for a path (without its query), where its query had `said=1`.
    pub fn said(&self, path: &str) -> Option<Said> {
        self.site.said(path)
    }

    /// The User-Agent of the latest request.
    pub fn user_agent(&self) -> String {
        self.site.user_agent()
    }
}

/// A listener that takes a crowd at once. Called within the runtime.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Drop for Web {
    fn drop(&mut self) {
        // Stalled connections must not hold up whoever drops us.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
