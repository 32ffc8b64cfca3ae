//! Owns what the recursive resolver remembers for all cores: addresses, absences, failures, and the
//! servers of zones. Bounded in bytes (see [`store`]), and saved to a file (see [`persist`]).
//! Never reads a clock and never asks.

mod cache;
mod entry;
mod persist;
mod store;
#[cfg(test)]
mod tests;

pub use cache::TtlBounds;
pub(crate) use cache::{Known, RecordCache};
pub(crate) use entry::Delegation;
pub use persist::{CacheFileError, check_cache_file};
pub(crate) use persist::{load, save};
