//! Owns running the `turbo2ds` binary against the fake web and reading its datasets back.
//!
//! [`job`] is one command line in its own folder, [`disk`] a small disk for it, [`watch`] waits for
//! what a run does in that folder, [`read`] turns a dataset into rows and samples, and [`namespace`]
//! gives a test its own network. Never uses the engine's internals: only its command line, files, exit
//! code and messages.

pub mod disk;
pub mod job;
pub mod namespace;
pub mod read;
pub mod seed;
mod tfrecord;
pub mod watch;

pub use disk::Disk;
pub use job::{Job, OPEN_SHARDS_MAX, Outcome, RUN_MAX, Running, tool, tool_in, tool_started};
