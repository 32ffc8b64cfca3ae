//! Owns one name server as hickory sees it, and what its answers and errors mean to us.
//! Never chooses between servers.

use std::io;
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

/// Errno values that say the machine, not the server, is short of something (errno(3), Linux).
const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const EADDRINUSE: i32 = 98;
const ENOBUFS: i32 = 105;

/// One recursive name server, over UDP and, for truncated answers, TCP.
pub(super) struct Upstream {
    resolver: TokioResolver,
}

/// Why a server gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The machine is short of something; the server was not to blame.
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

fn refusal_of(error: &NetError) -> Refusal {
    match error {
        NetError::Busy => Refusal::Local,
        NetError::Io(error) if is_local(error) => Refusal::Local,
        NetError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            Refusal::Final(DnsError::TimedOut)
        }
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

fn is_local(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(EAGAIN | ENOMEM | ENFILE | EMFILE | EADDRINUSE | ENOBUFS)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_machine_out_of_descriptors_is_not_the_servers_failure() {
        let error = NetError::Io(Arc::new(io::Error::from_raw_os_error(EMFILE)));
        assert_eq!(refusal_of(&error), Refusal::Local);
    }

    #[test]
    fn an_unreachable_server_is_a_failure() {
        let error = NetError::Io(Arc::new(io::ErrorKind::NetworkUnreachable.into()));
        assert_eq!(refusal_of(&error), Refusal::Final(DnsError::Failure));
    }
}
