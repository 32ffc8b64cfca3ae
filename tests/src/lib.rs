//! A fake web on loopback and a harness around the `turbo2ds` binary.
//!
//! [`web`] is an HTTP/1.1 and TLS server with named faults, and [`pictures`] are the images it serves.
//! [`dns`] answers for its names, [`dnslab`] is a whole DNS hierarchy with faults, and [`proxy`] a
//! forward proxy. [`stores`] are object stores and a proxy that fails before them. [`list`] has the URL lists that point at it. [`lists`] generates lists in every form
//! and judges what a run makes of them. [`harness`] runs the binary and reads its datasets back. Never
//! leaves loopback.

pub mod certs;
pub mod dns;
pub mod dnslab;
pub mod harness;
pub mod list;
pub mod lists;
pub mod pictures;
pub mod program;
pub mod proxy;
mod self_signed;
pub mod stores;
pub mod web;
