//! Owns the results that the decoders of all formats share. Never decodes.

use crate::error::CodecError;
use crate::pixels::{Planes, Shape, Size};
use crate::turbo::Subsampling;

/// What stands in the buffer after decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// Grey, RGB or RGBA.
    Raster(Shape),
    /// A JPEG's components as it stores them.
    Planes {
        planes: Planes,
        subsampling: Subsampling,
    },
}

/// What a container's structure tells of an image without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// All of it is there.
    Whole,
    /// A part of it is not in the body, or is broken.
    Cut,
    /// Only decoding can tell.
    Nothing,
}

/// Passes where the decoder's own idea of the size is the header's.
pub(super) fn same_size(width: u32, height: u32, header: Size) -> Result<(), CodecError> {
    if Size::new(width, height) == header {
        Ok(())
    } else {
        Err(CodecError::Decode)
    }
}
