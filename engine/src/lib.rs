//! turbo2ds: a list of image URLs goes in, a sharded, training-ready image dataset comes out.
//!
//! The way of one URL runs through the modules in this order: [`options`] and [`config`] (what was
//! asked), [`input`] (rows), [`plan`] (shards), `core` (a pinned thread), `fetch` (one URL),
//! `http` (one exchange), `compute` (pixels), `shard` (one output shard, its commit) and `report`.

pub mod address;
pub mod config;
pub mod error;
pub mod failure;
pub mod limits;
pub mod options;
