//! Owns one name server behind hickory's resolver, and mapping its answers and errors to ours.
//! Never chooses between servers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as HickoryDnsError, NetError};
use hickory_resolver::{Resolver, TokioResolver};
use rustls::ClientConfig;

use crate::answer::{Answer, DnsError};

/// Addresses of one family kept of an answer, which over TCP could hold thousands.
const ADDRS_PER_FAMILY_MAX: usize = 16;
/// Answers hickory caches for all cores, per server.
const SHARED_ANSWERS_MAX: u64 = 8192;
/// Open requests on one connection to an encrypted server: as many as the service allows.
const REQUESTS_PER_CONNECTION_MAX: usize = 1024;

/// A recursive name server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port it listens on.
    pub addr: SocketAddr,
    /// The protocol.
    pub way: ServerWay,
}

/// The protocol to ask a name server over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerWay {
    /// Over UDP and, for truncated answers, TCP.
    Plain,
    /// DNS over TLS (RFC 7858).
    Tls {
        /// The name or address that its certificate must be for.
        name: Arc<str>,
    },
    /// DNS over HTTPS (RFC 8484).
    Https {
        /// The name or address that its certificate must be for.
        name: Arc<str>,
        /// Path of the query URL.
        path: Arc<str>,
    },
}

impl Server {
    /// A server to ask over UDP, and over TCP for truncated answers.
    pub const fn plain(addr: SocketAddr) -> Self {
        Self {
            addr,
            way: ServerWay::Plain,
        }
    }

    fn connections(&self) -> Vec<ConnectionConfig> {
        let mut all = match &self.way {
            ServerWay::Plain => vec![ConnectionConfig::udp(), ConnectionConfig::tcp()],
            ServerWay::Tls { name } => vec![ConnectionConfig::tls(name.clone())],
            ServerWay::Https { name, path } => {
                vec![ConnectionConfig::https(name.clone(), Some(path.clone()))]
            }
        };
        for one in &mut all {
            one.port = self.addr.port();
        }
        all
    }
}

/// One recursive name server, with hickory's connections to it.
pub(super) struct Upstream {
    resolver: TokioResolver,
    is_plain: bool,
}

/// Why a query brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The query could not be sent; the server is not to blame.
    Local,
    /// The server failed, timed out, or has no such name.
    Final(DnsError),
}

impl Upstream {
    /// Sets up hickory for `server`; does not connect yet.
    ///
    /// # Errors
    /// hickory's, if it rejects the configuration.
    pub(super) fn new(
        server: &Server,
        tls: ClientConfig,
        query_time: Duration,
    ) -> Result<Self, NetError> {
        let is_plain = server.way == ServerWay::Plain;
        let server = NameServerConfig::new(server.addr.ip(), true, server.connections());
        let config = ResolverConfig::from_name_servers(vec![server]);
        let mut options = ResolverOpts::default();
        options.timeout = query_time;
        // The forwarder counts tries, and looks into the hosts file before it asks a server.
        options.attempts = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.num_concurrent_reqs = 1;
        options.cache_size = SHARED_ANSWERS_MAX;
        options.max_active_requests = REQUESTS_PER_CONNECTION_MAX;
        let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .with_tls_config(tls)
            .build()?;
        Ok(Self { resolver, is_plain })
    }

    /// Queries the records of `kind` (A or AAAA) of the absolute `name`.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, Refusal> {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => answer_of(&lookup, kind).map_err(Refusal::Final),
            Err(error) => Err(refusal_of(&error, self.is_plain)),
        }
    }
}

/// The addresses of the records of `kind`. The TTL is the smallest of all records, aliases included.
pub(super) fn answer_of(lookup: &Lookup, kind: RecordType) -> Result<Answer, DnsError> {
    let records = lookup.answers();
    let addrs = records
        .iter()
        .filter(|record| record.record_type() == kind)
        .filter_map(|record| record.data.ip_addr())
        .take(ADDRS_PER_FAMILY_MAX)
        .collect::<Vec<IpAddr>>();
    if addrs.is_empty() {
        return Err(DnsError::NotFound);
    }
    let ttl_s = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    Ok(Answer {
        addrs: addrs.into(),
        ttl: Duration::from_secs(ttl_s.into()),
    })
}

/// Maps hickory's errors. Its pool turns every I/O error of its only server into `NoConnections`, and
/// also reports its own full queue so. Over UDP these are local: no server answers with an I/O error.
/// Over a stream they are the server's, which does not listen or has the wrong certificate.
fn refusal_of(error: &NetError, is_plain: bool) -> Refusal {
    match error {
        NetError::Busy => Refusal::Local,
        NetError::NoConnections | NetError::Io(_) if is_plain => Refusal::Local,
        NetError::Timeout => Refusal::Final(DnsError::TimedOut),
        NetError::Dns(HickoryDnsError::NoRecordsFound(none))
            if matches!(
                none.response_code,
                ResponseCode::NXDomain | ResponseCode::NoError
            ) =>
        {
            Refusal::Final(DnsError::NotFound)
        }
        _ => Refusal::Final(DnsError::Failure),
    }
}
