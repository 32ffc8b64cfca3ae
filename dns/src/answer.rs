//! Owns what a look-up gives: addresses or the reason there are none, and the trait of whatever looks
//! names up. Never asks and never remembers.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why a name gave no address. The set is closed and holds nothing of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN), has no address (NODATA), or cannot be a name at all.
    #[error("dns not found")]
    NotFound,
    /// Every server asked refused, failed or could not be reached; also what a closing
    /// [`Service`] answers.
    #[error("dns failure")]
    Failure,
    /// No server answered in time.
    #[error("dns timed out")]
    TimedOut,
}

/// The addresses of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In the order to try them, IPv4 first; never empty.
    pub addrs: Arc<[IpAddr]>,
    /// How long the answer may be used, the least of its records.
    pub ttl: Duration,
}

/// One way to find the addresses of a name.
///
/// A resolver moves to the thread of its [`Service`] and stays there, so its futures need not be
/// `Send`. Each future must end by itself: the service sets no deadline.
pub trait Resolve: Send + 'static {
    /// Finds the addresses of `name`, which is lower case, without a final dot, and no IP literal.
    fn resolve(&self, name: &str) -> impl Future<Output = Result<Answer, DnsError>>;
}

/// IPv4's addresses, then IPv6's. Where neither has one, the less certain error stands: a name is
/// not found only if both families say so.
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
