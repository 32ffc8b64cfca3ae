//! Owns the resolver's I/O on the thread "dns": the sockets, the event loop over them, and the turn to
//! other name servers where the authorities cannot help.
//! Never decides anything about names: the [`Machine`](super::machine::Machine) does.

mod event_loop;
mod fallback;
mod setup;
mod source;
mod spawn;
mod tcp;
mod tracer;
mod udp;

pub use fallback::is_private as is_private_name;
pub use setup::{Clocks, Setup, random_seed};
pub use tracer::{Traced, Tracer};
