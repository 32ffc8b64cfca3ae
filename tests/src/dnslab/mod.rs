//! A whole name hierarchy of fake authorities: root, top-level domains, hosting providers, content
//! networks and self-hosted domains, computed from a seed so that millions of names exist without a
//! list, with named faults per domain.
//!
//! Owns: what every server of the hierarchy answers ([`Authority`]), which names exist and what a
//! resolver must find for them ([`Population`]), and serving it all over loopback sockets
//! ([`sockets::Served`]). Never resolves, and knows nothing of the resolver under test.

pub mod authority;
pub mod population;
pub mod public;
pub mod sockets;

pub use authority::Authority;
pub use population::{Expected, Fault, Population};

/// One of the numbers that follow from a seed and a place: SplitMix64's finaliser.
pub fn mixed(seed: u64, place: u64) -> u64 {
    let mut z = seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
