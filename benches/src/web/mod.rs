//! A simulated web: what a list of image URLs meets out there, from one seed, on loopback.
//!
//! Owns the plan of that web ([`World`]: hosts, what becomes of each request), its images
//! ([`Pool`]), its servers ([`serve`], [`dns`]) and the lists that point at it ([`list`]). Everything
//! is a function of the seed, so that the servers and the writer of a list need not meet.
//! Never measures, and never listens beyond 127.0.0.0/8.

pub mod dns;
pub mod list;
mod photo;
mod pool;
mod request;
pub mod serve;
mod world;

pub use pool::Pool;
pub use world::{Fate, Host, Outcome, Shares, World};

/// What can go wrong in setting up.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
