//! The iterative resolver against the lab of fake authorities: simulated, with its own clock, and over
//! loopback sockets; and against real authorities.
//!
//! The lab is a module of the tests' crate, included by path: that crate depends on all others, and these
//! tests need only this one.

// What only the measurement uses of the lab is not used here.
#[allow(dead_code)]
#[path = "../../../tests/src/dnslab/mod.rs"]
mod dnslab;

mod debian;
mod fallback;
mod faults;
mod forged;
mod forwarding;
mod loopback;
mod simulate;
