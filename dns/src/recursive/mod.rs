//! Names to addresses from the root down, asking the authorities themselves (RFC 1034, 5.3.3).
//!
//! Owns: the state machine of resolution ([`Machine`]: bytes and `now` in, bytes and answers out), its
//! cache, and the sockets at its edge ([`transport`]).
//! Never, outside [`transport`]: a socket; and nowhere a clock: time and seed are arguments.
//!
//! The whole name is sent to every zone on the way (no query-name minimisation, RFC 9156). These are
//! names of public URLs; minimisation would cost a query per label, and it is where servers that
//! answer NXDOMAIN for an empty non-terminal lose names. For the same reason NXDOMAIN is believed for
//! the name asked and nothing below it (RFC 8020 is not used).

mod cache;
mod hints;
mod machine;
mod message;
mod name;
mod servers;
mod time;
pub(crate) mod transport;

use hickory_proto::rr::RecordType;

pub use cache::{CacheFileError, TtlBounds, check_cache_file};
pub use hints::root_servers;
pub use machine::{Machine, Output, Settings, Step, StepOutcome, TcpQuery};
pub use servers::ServerLimits;
pub use time::Time;
pub use transport::behind::is_private as is_private_name;
pub use transport::tracer::{Traced, Tracer};
pub use transport::{Clocks, Setup, random_seed};

/// How long "not found" is believed where the answer does not say.
pub(crate) const NEGATIVE_TTL_S: u32 = 60;

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    A,
    Aaaa,
}

impl Kind {
    pub(crate) const fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
        }
    }
}
