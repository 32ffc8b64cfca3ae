//! Owns connections: the address policy, sockets, TLS, the pool of idle connections, the resolver's
//! setup, the detection of outages, and object stores. Never fetches an image.

pub(crate) mod address;
mod connect;
mod connection_pool;
mod low_water;
pub(crate) mod outage;
pub(crate) mod resolver;
mod self_signed;
pub(crate) mod storage;
pub(crate) mod stored_names;
mod tls;
mod transport;

pub(crate) use connect::{ConnectError, connect};
pub(crate) use connection_pool::{Pool, PoolKey};
pub(crate) use tls::{TlsContext, TlsError, config_with_roots, trusting_config, verifying_config};
pub(crate) use transport::Transport;
