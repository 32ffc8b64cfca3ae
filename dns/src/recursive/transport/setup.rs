//! Owns what a caller supplies to run a resolver: settings, seed, clocks, and the cache's file.
//! Never reads a clock.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use rand::TryRng;
use rand::rngs::SysRng;

use crate::recursive::machine::Settings;

/// The time, as the caller keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// The monotonic clock.
    pub now: fn() -> Instant,
    /// Seconds since 1970 on the wall clock, for the cache's file only.
    pub unix_s: fn() -> u64,
}

/// All that an iterative resolver needs to run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The machine's settings.
    pub settings: Settings,
    /// Unpredictable bytes; see [`random_seed`].
    pub seed: [u8; 32],
    /// The caller's clocks.
    pub clocks: Clocks,
    /// Where the cache is read from at the start and written to at the end.
    pub cache_file: Option<PathBuf>,
}

/// Bytes from the system's random source.
///
/// # Errors
/// The system's.
pub fn random_seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
