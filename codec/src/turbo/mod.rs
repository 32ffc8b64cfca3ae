//! Owns what this crate asks of libjpeg-turbo: reading in `decompress`, writing in `compress`. Never
//! resizes, and never turns ink into light.

mod compress;
mod decompress;

pub(crate) use compress::Compressor;
pub(crate) use decompress::{Decompressor, Subsampling, rooms_bytes};
