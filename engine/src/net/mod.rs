//! Owns connections: the address policy, sockets, TLS, the pool of idle connections, the resolver's
//! setup and the detection of outages. Never speaks HTTP.

pub(crate) mod address;
mod connect;
mod connection_pool;
mod low_water;
pub(crate) mod outage;
pub(crate) mod resolver;
mod self_signed;
mod tls;
mod transport;

pub(crate) use connect::{ConnectError, connect};
pub(crate) use connection_pool::{Pool, PoolKey};
pub(crate) use tls::{TlsContext, TlsError, verifying_config};
pub(crate) use transport::Transport;
