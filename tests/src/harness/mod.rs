//! Runs the `turbo2ds` binary against the fake web and reads its datasets back.
//!
//! [`job`] is one command line in a folder of its own, [`disk`] a small disk for it, [`watch`] waits for
//! what a run does to that folder, [`read`] turns a dataset into rows and samples, [`namespace`] gives a
//! test a network of its own. Never looks into the engine: only its
//! command line, its files, its exit code and its messages.

pub mod disk;
pub mod job;
pub mod namespace;
pub mod read;
pub mod seed;
mod tfrecord;
pub mod watch;

pub use disk::Disk;
pub use job::{Job, Outcome, RUN_MAX, Running, tool};
