//! Owns one name server as hickory sees it, and what its answers and errors mean to us.
//! Never chooses between servers.

use std::net::{IpAddr, SocketAddr};
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

use crate::{Answer, DnsError};

/// Addresses of one family kept of one answer; over TCP it could hold thousands.
const ADDRS_PER_FAMILY_MAX: usize = 16;
/// Answers hickory shares between the cores, per server.
const SHARED_ANSWERS_MAX: u64 = 8192;

/// One recursive name server, over UDP and, for truncated answers, TCP.
pub(super) struct Upstream {
    resolver: TokioResolver,
}

/// Why a server gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The question could not be sent; the server was not to blame.
    Local,
    /// The server's doing.
    Final(DnsError),
}

impl Upstream {
    /// Prepares to ask `server`; connects to nothing yet.
    ///
    /// # Errors
    /// hickory's, if it does not take the configuration.
    pub(super) fn new(server: SocketAddr, query_time: Duration) -> Result<Self, NetError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut one| {
            one.port = server.port();
            one
        });
        let server = NameServerConfig::new(server.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        let mut options = ResolverOpts::default();
        options.timeout = query_time;
        // Tries are counted by the forwarder; hosts are looked up before any server is.
        options.attempts = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.num_concurrent_reqs = 1;
        options.cache_size = SHARED_ANSWERS_MAX;
        let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()?;
        Ok(Self { resolver })
    }

    /// Asks for the records of `kind` (A or AAAA) of the absolute `name`.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, Refusal> {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => answer_of(&lookup, kind).map_err(Refusal::Final),
            Err(error) => Err(refusal_of(&error)),
        }
    }
}

/// The addresses among the records of `kind`; the TTL is the least of all records, aliases included.
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

/// `NoConnections` is what hickory's pool makes of every I/O error of its only server, and of a queue
/// of its own that is full. All are trouble on this side: nobody answers a datagram with an error.
fn refusal_of(error: &NetError) -> Refusal {
    match error {
        NetError::NoConnections | NetError::Busy | NetError::Io(_) => Refusal::Local,
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
