//! Owns the running fake web: an HTTP listener, a TLS listener and a DNS responder on loopback,
//! behind one small runtime that ends with the value. Never listens beyond 127.0.0.0/8.

pub mod faults;
mod reply;
mod request;
mod serve;
mod site;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certs::Certificates;
use crate::dns;
use site::Site;

/// Threads that serve: the machine's others belong to what is tested.
const WORKERS: usize = 2;

/// Ports to listen on; 0 is one the system chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Plain HTTP over TCP.
    pub http: u16,
    /// HTTP over TLS over TCP.
    pub tls: u16,
    /// DNS over UDP.
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
        let certificates = Certificates::generate()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("fakeweb")
            .enable_all()
            .build()?;
        let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), ports.dns);
        let (http, tls, names) = runtime.block_on(async {
            let http = TcpListener::bind(any(ports.http)).await?;
            let tls = TcpListener::bind(any(ports.tls)).await?;
            Ok::<_, std::io::Error>((http, tls, UdpSocket::bind(local).await?))
        })?;
        let ports = Ports {
            http: http.local_addr()?.port(),
            tls: tls.local_addr()?.port(),
            dns: names.local_addr()?.port(),
        };
        let site = Arc::new(Site::default());
        let acceptor = TlsAcceptor::from(certificates.server);
        runtime.spawn(serve::accept(http, Arc::clone(&site), None));
        runtime.spawn(serve::accept(tls, Arc::clone(&site), Some(acceptor)));
        runtime.spawn(dns::serve(names));
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

    /// All requests seen so far.
    pub fn requests(&self) -> u64 {
        self.site.total()
    }

    /// Waits until so many requests have come in all; `false` where a minute passes first.
    pub fn wait_for_requests(&self, requests: u64) -> bool {
        self.site.wait_for_total(requests, Duration::from_secs(60))
    }

    /// The User-Agent of the latest request.
    pub fn user_agent(&self) -> String {
        self.site.user_agent()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // Stalled connections must not hold up whoever drops us.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
