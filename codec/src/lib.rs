//! Bytes to pixels and back, by img2dataset's rules. Owns sniffing, header limits, decoding,
//! resizing, encoding and EXIF text. Never does I/O, never starts a thread, never reads a clock,
//! and allocates no pixel before the header passed its limits.

pub mod settings;

pub use settings::{
    Antialias, EncodeFormat, Interpolation, JpegDecoder, Limits, ReencodePolicy, ResizeMode,
    Settings, SizeFilter,
};
