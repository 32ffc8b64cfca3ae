//! Owns PDQ, a perceptual hash of 256 bits with a quality: images that look alike have hashes of which few
//! bits differ. The hash is that of the reference in C++, bit for bit, where no side is longer than 512
//! pixels; other images are scaled to 512 by 512 first, here by area. Never decodes, and never looks at alpha.
//!
//! [`mod@luma`] makes brightness of colours, [`exact`] and [`scaled`] the 64 by 64 samples of it, by [`running`]
//! sums as in the reference or by weights of the whole way at once, and [`spectrum`] the hash and the quality of
//! those. [`window`] has the geometry of all, and [`tile`] turns rows to columns.

mod exact;
mod luma;
mod running;
mod scaled;
mod spectrum;
#[cfg(test)]
mod tests;
mod tile;
mod window;

use serde::{Deserialize, Serialize};

use crate::alpha::drop_alpha;
use crate::decode::Decoded;
use crate::pixels::{Buffer, Shape, Size};
use crate::ycc::{StoredPlanes, to_rgb};
use exact::Exact;
use scaled::Scaled;
use spectrum::Spectrum;
use window::SAMPLES;

/// Longest side of an image that is hashed as it is, and the sides to which others are scaled, in pixels.
const SIDE_MAX: usize = 512;
/// Shortest side of an image that has a hash, in pixels; others have zero, with quality 0.
const SIDE_MIN: u32 = 5;

/// The brightness of an image in 64 rows of 64 samples, 0.0 to 255.0.
type Grid = [[f32; SAMPLES]; SAMPLES];

/// The perceptual hash of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pdq {
    /// The hash, its highest bits first. Two hashes are compared by the number of bits that differ.
    pub hash: [u8; 32],
    /// How much there is to be told apart in the image, 0 to 100. Hashes of low quality mean little.
    pub quality: u8,
}

impl Pdq {
    /// Of an image too small to be hashed.
    const NONE: Self = Self {
        hash: [0; 32],
        quality: 0,
    };

    /// The hash in 64 lower-case hex digits, as others write it.
    pub fn hex(&self) -> String {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(2 * self.hash.len());
        for byte in self.hash {
            // Writing to a text cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// Hashes images; keeps tables and working memory between them.
#[derive(Default)]
pub(crate) struct Hasher {
    exact: Exact,
    scaled: Scaled,
    spectrum: Spectrum,
}

impl Hasher {
    /// Hashes what was decoded into `decoded`; planes have no colours that RGB does not have. Uses `room` for colours where they are not stored as such.
    ///
    /// The colours are those that are stored, without their alpha, as the usual callers of the reference take
    /// them: what lies under transparent pixels counts.
    pub(crate) fn hash(&mut self, stored: Decoded, decoded: &Buffer, room: &mut Buffer) -> Pdq {
        match stored {
            Decoded::Raster(shape) => self.hash_raster(decoded.filled(shape.bytes()), shape, room),
            Decoded::Planes {
                planes,
                subsampling,
            } => {
                let stored = StoredPlanes {
                    samples: decoded.all(),
                    planes,
                    subsampling,
                };
                self.hash_planes(stored, room)
            }
        }
    }

    fn hash_planes(&mut self, stored: StoredPlanes<'_>, room: &mut Buffer) -> Pdq {
        let size = stored.planes.size;
        if size.smallest_side() < SIDE_MIN {
            return Pdq::NONE;
        }
        // The luma that is stored is the colours' own but for rounding.
        if is_scaled(size) {
            return self.spectrum.pdq(&self.scaled.of_luma(stored));
        }
        let shape = to_rgb(stored, room);
        let grid = self.grid(room.filled(shape.bytes()), shape);
        self.spectrum.pdq(&grid)
    }

    fn hash_raster(&mut self, samples: &[u8], shape: Shape, room: &mut Buffer) -> Pdq {
        if shape.size.smallest_side() < SIDE_MIN {
            return Pdq::NONE;
        }
        let grid = if is_scaled(shape.size) && shape.channels == 4 {
            let shape = Shape::new(shape.size, 3);
            let colours = room.bytes_mut(shape.bytes());
            drop_alpha(samples, colours);
            self.grid(colours, shape)
        } else {
            self.grid(samples, shape)
        };
        self.spectrum.pdq(&grid)
    }

    fn grid(&mut self, samples: &[u8], shape: Shape) -> Box<Grid> {
        if is_scaled(shape.size) {
            self.scaled.of_raster(samples, shape)
        } else {
            self.exact.of_raster(samples, shape)
        }
    }
}

/// Whether an image of this size is scaled before it is hashed.
fn is_scaled(size: Size) -> bool {
    size.largest_side() as usize > SIDE_MAX
}
