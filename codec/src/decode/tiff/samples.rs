//! Owns samples in memory: how a chunk was decoded, zeroed buffers, byte order. Never reads a file.

/// The result of reading a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// All of it was read.
    Whole,
    /// It was read in part; the rest is zero.
    Broken,
    /// Its stored bytes are not in the file, or its codec rejects them.
    Missing,
}

/// Zeroes `samples` at length `len`. A larger vector is allocated anew: the kernel's zero pages cost nothing
/// until they are written.
pub(super) fn make_zeros(samples: &mut Vec<u8>, len: usize) {
    if samples.capacity() < len {
        *samples = vec![0; len];
    } else {
        samples.clear();
        samples.resize(len, 0);
    }
}

/// Reverses the bytes of each group of `N`.
pub(super) fn reverse_each<const N: usize>(samples: &mut [u8]) {
    samples.chunks_exact_mut(N).for_each(<[u8]>::reverse);
}
