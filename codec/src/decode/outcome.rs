//! Owns the results that the decoders of all formats share. Never decodes.

use crate::error::CodecError;
use crate::pixels::{Planes, Shape, Size};
use crate::turbo::Subsampling;

/// The content of the buffer after decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// Grey, RGB or RGBA.
    Raster(Shape),
    /// The components of a JPEG as stored.
    Planes {
        planes: Planes,
        subsampling: Subsampling,
    },
}

/// Whether an image is complete, by the structure of its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// All of the image is in the body.
    Complete,
    /// A part is missing or malformed.
    Truncated,
    /// Only decoding can find out.
    Unknown,
}

/// Checks that the decoder finds the same size as the header.
pub(super) fn same_size(width: u32, height: u32, header: Size) -> Result<(), CodecError> {
    if Size::new(width, height) == header {
        Ok(())
    } else {
        Err(CodecError::Decode)
    }
}
