//! Owns what a caller supplies to run a resolver: settings, seed, clocks and the path of the cache file.
//! Never reads a clock.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use rand::TryRng;
use rand::rngs::SysRng;

use crate::recursive::machine::Settings;

/// The caller's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// The monotonic clock.
    pub now: fn() -> Instant,
    /// Seconds since 1970 on the wall clock, for the cache file only.
    pub unix_s: fn() -> u64,
}

/// All that the recursive resolver needs to run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The settings of the state machine.
    pub settings: Settings,
    /// Unpredictable bytes; see [`random_seed`].
    pub seed: [u8; 32],
    /// The caller's clocks.
    pub clocks: Clocks,
    /// The file that the cache is loaded from at the start and saved to at the end.
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
