//! Decodes, resizes and encodes images by img2dataset's rules. Owns sniffing, header limits, decoding,
//! resizing, blurring, encoding, perceptual hashes and EXIF text. Never does I/O, starts a thread or reads a
//! clock, and never allocates pixels before the header has passed the limits.

#![deny(unreachable_pub)]

mod alpha;
mod blur;
mod codec;
mod decode;
mod encode;
mod error;
mod exif;
mod header;
#[cfg_attr(not(target_arch = "x86_64"), path = "jpeg/elsewhere.rs")]
mod jpeg;
mod pdq;
mod pixels;
mod resize;
pub mod settings;
mod sniff;
#[doc(hidden)]
pub mod stages;
mod turbo;
mod versions;
mod whole;
mod ycc;

pub use blur::BoundingBox;
pub use codec::{Codec, Encoded, ImageFacts, Processed};
pub use error::CodecError;
pub use exif::exif_json;
pub use header::{Header, read_header};
pub use pdq::Pdq;
pub use settings::{
    Antialias, EncodeFormat, Interpolation, JpegDecoder, Limits, ReencodePolicy, ResizeMode,
    Settings, SizeFilter,
};
pub use sniff::{Format, sniff};
pub use versions::libraries;
pub use whole::WholeCheck;
