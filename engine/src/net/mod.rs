//! Owns connections: sockets, TLS on them, and the pool they rest in between requests. Never knows
//! what HTTP is and never resolves a name.

pub(crate) mod address;
mod connect;
mod low_water;
pub(crate) mod outage;
mod pool;
pub(crate) mod resolver;
mod self_signed;
mod tls;
mod transport;

pub(crate) use connect::{ConnectError, connect};
pub(crate) use pool::{Pool, PoolKey};
pub(crate) use tls::{TlsContext, TlsError, verifying_config};
pub(crate) use transport::Transport;
