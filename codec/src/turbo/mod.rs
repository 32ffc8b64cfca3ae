//! Owns the bindings to libjpeg-turbo: decoding in `decompress`, encoding in `compress`. Never resizes and
//! never converts CMYK.

mod compress;
mod decompress;

pub(crate) use compress::Compressor;
pub(crate) use decompress::{Decompressor, Subsampling, padded_bytes};
