//! turbo2ds: a list of image URLs goes in, a sharded, training-ready image dataset comes out.
//!
//! The way of one URL runs through the modules in this order: [`cli`] and [`config`] (what was asked),
//! [`list`] (rows, cut into shards), `core` (a pinned thread), `fetch` over [`http`] and `net` (one URL),
//! [`pixels`] (a body becomes an image), `dataset` (one shard, written and made durable), `watch` (counted and
//! told) and [`run`] (the whole). [`machine`] is what all of it runs on. Each imports only those below it; `.ci/rooms` holds the
//! order.

#![deny(unreachable_pub)]

pub mod cli;
pub mod config;
mod core;
pub mod dataset;
pub mod error;
pub mod failure;
mod fetch;
pub mod http;
pub mod limits;
pub mod list;
pub mod machine;
mod net;
pub mod pixels;
pub mod run;
mod text;
mod watch;
