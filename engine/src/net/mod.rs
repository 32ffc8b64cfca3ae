//! Owns connections: sockets, TLS on them, and the pool they rest in between requests. Never knows
//! what HTTP is and never resolves a name.

pub mod address;
mod connect;
mod low_water;
pub(crate) mod outage;
mod pool;
pub(crate) mod resolver;
mod self_signed;
mod tls;
mod transport;

pub use connect::{ConnectError, connect};
pub use pool::{Pool, PoolKey};
pub use tls::{TlsContext, TlsError, verifying_config};
pub use transport::Transport;
