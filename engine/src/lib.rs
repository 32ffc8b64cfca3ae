//! turbo2ds: a list of image URLs goes in, a sharded, training-ready image dataset comes out.
//!
//! The way of one URL runs through the modules in this order: [`options`] and [`config`] (what was
//! asked), [`input`] (rows), [`plan`] (shards), `core` (a pinned thread), `fetch` (one URL),
//! [`http`] (one exchange), `compute` (pixels), `shard` (one output shard), `commit` (durable) and
//! [`run`] (the whole). [`command`] is all of it behind a command line. [`doctor`] holds the machine against what a run needs, [`verify`] a dataset
//! against what its marks promise; [`resolve`] makes the resolver and shows its ways.

pub mod address;
mod alarm;
pub mod allocator;
pub mod command;
mod commit;
mod compute;
pub mod config;
mod contain;
mod core;
mod disk;
pub mod doctor;
pub mod error;
pub mod failure;
mod fetch;
pub mod http;
pub mod input;
pub mod isolate;
pub mod limits;
mod machine;
mod net;
pub mod options;
mod outage;
mod owned;
mod pages;
mod place;
pub mod plan;
pub mod resolve;
pub mod run;
mod runtime;
pub mod say;
mod shard;
#[cfg(test)]
mod simulation;
pub mod slice;
#[doc(hidden)]
pub mod stages;
mod sync;
mod text;
pub mod verify;
mod watchdog;
