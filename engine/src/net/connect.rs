//! Owns opening a TCP connection to an allowed address, and telling errors of the network from
//! shortages of this machine. Never decides which addresses are allowed.

use std::io;
use std::net::SocketAddr;

use monoio::net::TcpStream;
use rustix::io::Errno;

use crate::failure::Failure;

/// Why a connection failed.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// The network or the host refused it.
    Remote(Failure),
    /// This machine is short of descriptors, ports or memory: wait and try again.
    Local(io::Error),
}

/// Connects to exactly `address`.
///
/// # Errors
/// See [`ConnectError`].
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    TcpStream::connect_addr(address).await.map_err(classify)
}

fn classify(error: io::Error) -> ConnectError {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    match errno {
        Some(
            Errno::MFILE
            | Errno::NFILE
            | Errno::NOBUFS
            | Errno::NOMEM
            | Errno::ADDRNOTAVAIL
            | Errno::AGAIN,
        ) => ConnectError::Local(error),
        _ => ConnectError::Remote(read_failure(&error)),
    }
}

/// The failure to record for an error of a connection.
pub(super) fn read_failure(error: &io::Error) -> Failure {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::CONNREFUSED) => Failure::ConnectionRefused,
        Some(Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED) => Failure::ConnectionReset,
        Some(Errno::TIMEDOUT) => Failure::TimedOut,
        Some(
            Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::HOSTDOWN
            | Errno::ACCESS
            | Errno::PERM
            | Errno::INVAL
            | Errno::AFNOSUPPORT,
        ) => Failure::NetworkUnreachable,
        _ => Failure::ConnectionClosed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_shortage_is_never_a_failure_of_the_url() {
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::ADDRNOTAVAIL,
            Errno::NOBUFS,
        ] {
            assert!(matches!(classify(errno.into()), ConnectError::Local(_)));
        }
        let refused = classify(Errno::CONNREFUSED.into());
        assert!(matches!(
            refused,
            ConnectError::Remote(Failure::ConnectionRefused)
        ));
    }
}
