//! Owns the result of a lookup (addresses, or the reason there are none) and the trait of resolvers.
//! Never resolves and never caches.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why a name has no address. The set is closed and carries nothing that a server sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN), has no address (NODATA), or is not a valid name.
    #[error("dns not found")]
    NotFound,
    /// Every server asked refused, failed or was unreachable. A closing [`Service`](crate::Service)
    /// answers this too.
    #[error("dns failure")]
    Failure,
    /// No server answered in time.
    #[error("dns timed out")]
    TimedOut,
}

/// The addresses of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Addresses in the order to try them, IPv4 first; never empty.
    pub addrs: Arc<[IpAddr]>,
    /// How long the answer may be used: the smallest TTL of its records.
    pub ttl: Duration,
}

/// Finds the addresses of names.
///
/// A resolver moves to the thread of its [`Service`](crate::Service) and stays there, so its futures need
/// not be `Send`. Each future must complete by itself: the service sets no deadline.
pub trait Resolve: Send + 'static {
    /// Resolves `name`, which is in lower case, without a trailing dot, and not an IP literal.
    fn resolve(&self, name: &str) -> impl Future<Output = Result<Answer, DnsError>>;
}

/// Merges the answers of both families, IPv4 first. If both failed, the less certain error wins: a name
/// is "not found" only if both families say so.
pub(crate) fn merged(
    v4: Result<Answer, DnsError>,
    v6: Result<Answer, DnsError>,
) -> Result<Answer, DnsError> {
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => Ok(Answer {
            addrs: v4.addrs.iter().chain(v6.addrs.iter()).copied().collect(),
            ttl: v4.ttl.min(v6.ttl),
        }),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(DnsError::NotFound), Err(other)) => Err(other),
        (Err(error), Err(_)) => Err(error),
    }
}
