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

mod hints;
mod kind;
mod machine;
mod message;
mod record_cache;
mod servers;
mod time;
mod transport;
mod wire_name;

pub use hints::root_servers;
pub use machine::{Machine, Output, Settings, Step, StepOutcome, TcpQuery};
pub use record_cache::{CacheFileError, TtlBounds, check_cache_file};
pub use servers::ServerLimits;
pub use time::Time;
pub use transport::{Clocks, Setup, Traced, Tracer, is_private_name, random_seed};
