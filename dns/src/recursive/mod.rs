//! Resolves names iteratively from the root, asking the authoritative servers (RFC 1034, 5.3.3).
//!
//! Owns: the state machine of resolution ([`Machine`]: bytes and `now` in, bytes and answers out), its
//! cache, and the sockets ([`transport`]).
//! Never uses a socket outside [`transport`], and never reads a clock: time and seed are arguments.
//!
//! Every zone on the way gets the full name: there is no query name minimisation (RFC 9156). The names
//! are those of public URLs; minimisation would cost a query per label, and lose names whose servers
//! answer NXDOMAIN for an empty non-terminal. For the same reason NXDOMAIN holds for the queried name
//! only and not for names below it (RFC 8020 is not used).

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
