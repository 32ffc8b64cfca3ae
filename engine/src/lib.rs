//! turbo2ds downloads a list of image URLs into a sharded image dataset.
//!
//! A URL passes through the modules in this order: [`cli`] and [`config`] (options), [`list`] (rows,
//! cut into shards), `core` (a pinned thread), `fetch` over [`http`] and `net` (one URL), [`pixels`]
//! (from body to image), `dataset` (a shard is written and made durable) and `watch` (counters and
//! progress). [`run`] is a whole run, and [`machine`] is the hardware and the kernel under it. A module
//! imports only those before it in the order of `.ci/rooms`.

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
