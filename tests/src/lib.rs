//! A fake web on loopback and a harness around the `turbo2ds` binary.
//!
//! [`web`] is an HTTP/1.1 and TLS origin with named faults, [`dns`] a responder for the names the
//! origin is known by, [`dnslab`] a whole name hierarchy with faults, [`pictures`] what it serves, [`list`] the URL lists that point at it, [`proxy`] a
//! forward proxy; [`lists`] draws lists of every form and judges what a run makes of them;
//! [`harness`] runs the binary and reads its datasets back. Nothing here reaches past loopback.

pub mod certs;
pub mod dns;
pub mod dnslab;
pub mod harness;
pub mod list;
pub mod lists;
pub mod pictures;
pub mod proxy;
mod self_signed;
pub mod web;
