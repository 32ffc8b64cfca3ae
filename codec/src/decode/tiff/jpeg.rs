//! Owns JPEG streams in TIFF (Technical Note 2): separate tables, and the colour space from the TIFF tags
//! instead of the JPEG markers. Never decodes a stream itself.

use super::directory::{Directory, photometric};
use super::samples::Fetched;
use crate::decode::jpeg as decoder;
use crate::pixels::{Buffer, Size};
use crate::turbo::Decompressor;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP14: u8 = 0xEE;

/// Most rows of a stream past the image.
const LONGER_ROWS_MAX: u32 = 1024;

/// The decoder of the streams.
pub(in crate::decode) enum Jpeg<'a> {
    Turbo(&'a mut Decompressor),
    Zune { scans_max: u32 },
}

/// A chunk in the layout.
pub(super) struct JpegChunk {
    pub(super) width: u32,
    pub(super) rows: u32,
    pub(super) row_bytes: usize,
    pub(super) last_strip: bool,
}

/// The frame header of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    size: Size,
    precision: u8,
    /// Sampling factors of the first component.
    sampling: (u8, u8),
    components: u8,
    /// Whether the sampling factors of the other components are 1.
    others_are_single: bool,
}

impl Jpeg<'_> {
    /// Decodes a chunk's stream into `out`, rows of `chunk.row_bytes`.
    pub(super) fn decode(
        &mut self,
        directory: &Directory,
        stored: &[u8],
        chunk: &JpegChunk,
        out: &mut [u8],
    ) -> Fetched {
        let Some((stream, frame)) = whole_stream(directory, stored) else {
            return Fetched::Missing;
        };
        if !fits(directory, &frame, chunk) {
            return Fetched::Missing;
        }
        let mut pixels = Buffer::default();
        // A stream that cannot be decoded at all is not drawn as black.
        let Some(channels) = self.pixels(&stream, frame.size, &mut pixels) else {
            return Fetched::Missing;
        };
        let stride = frame.size.width as usize * channels;
        if channels != usize::from(frame.components) || stride > chunk.row_bytes {
            return Fetched::Missing;
        }
        let rows = pixels
            .filled(stride * frame.size.height as usize)
            .chunks_exact(stride);
        for (target, source) in out.chunks_exact_mut(chunk.row_bytes).zip(rows) {
            target[..stride].copy_from_slice(source);
        }
        Fetched::Whole
    }

    fn pixels(&mut self, stream: &[u8], size: Size, out: &mut Buffer) -> Option<usize> {
        match self {
            Self::Turbo(decompressor) => {
                let file = decompressor.open(stream, size).ok()?;
                Some(file.read_pixels(out).ok()?.channels)
            }
            Self::Zune { scans_max } => {
                Some(decoder::zune(stream, size, *scans_max, out).ok()?.channels)
            }
        }
    }
}

/// Whether libtiff accepts a frame for a chunk.
fn fits(directory: &Directory, frame: &Frame, chunk: &JpegChunk) -> bool {
    let Size { width, height } = frame.size;
    // Some writers encode the last strip in full height. libtiff accepts any height there.
    let longer = chunk.last_strip && width == chunk.width;
    let rows_max = chunk.rows + if longer { LONGER_ROWS_MAX } else { 0 };
    if width > chunk.width || height > rows_max {
        return false;
    }
    let components = if directory.separate {
        1
    } else {
        directory.samples
    };
    let subsampled = directory.photometric == photometric::YCBCR && !directory.separate;
    let sampling = match directory.subsampling {
        _ if !subsampled => (1, 1),
        Some(sampling) => sampling,
        None => (frame.sampling.0.into(), frame.sampling.1.into()),
    };
    u16::from(frame.components) == components
        && u16::from(frame.precision) == directory.bits
        && (u16::from(frame.sampling.0), u16::from(frame.sampling.1)) == sampling
        && [sampling.0, sampling.1]
            .iter()
            .all(|factor| matches!(factor, 1 | 2 | 4))
        && frame.others_are_single
}

/// A complete stream: with its tables, and with a marker for its colour space.
fn whole_stream(directory: &Directory, stored: &[u8]) -> Option<(Vec<u8>, Frame)> {
    let ycbcr = directory.photometric == photometric::YCBCR && !directory.separate;
    let mut stream = vec![0xFF, SOI, 0xFF, APP14, 0, 14];
    stream.extend(b"Adobe\0\x64\0\0\0\0");
    stream.push(ycbcr.into());
    if let Some(tables) = directory.jpeg_tables {
        for segment in Segments::new(tables)? {
            stream.extend(segment?.bytes);
        }
    }
    let mut frame = None;
    let mut segments = Segments::new(stored)?;
    for segment in &mut segments {
        let segment = segment?;
        match segment.marker {
            APP0 | APP14 => continue,
            0xC0..=0xCF if !matches!(segment.marker, 0xC4 | 0xC8 | 0xCC) => {
                frame = Some(Frame::read(&segment.bytes[4..])?);
            }
            _ => {}
        }
        stream.extend(segment.bytes);
        if segment.marker == SOS {
            break;
        }
    }
    stream.extend(segments.rest);
    // A truncated stream is drawn as far as it goes.
    stream.extend([0xFF, EOI]);
    Some((stream, frame?))
}

impl Frame {
    /// Parses a frame header after its length.
    fn read(header: &[u8]) -> Option<Self> {
        let &[precision, h1, h0, w1, w0, components, ref rest @ ..] = header else {
            return None;
        };
        let mut sampling = rest.chunks_exact(3).map(|component| component[1]);
        let first = sampling.next()?;
        Some(Self {
            size: Size::new(
                u16::from_be_bytes([w1, w0]).into(),
                u16::from_be_bytes([h1, h0]).into(),
            ),
            precision,
            sampling: (first >> 4, first & 0xF),
            components,
            others_are_single: sampling.all(|factors| factors == 0x11),
        })
        .filter(|frame| frame.size.width > 0 && frame.size.height > 0)
    }
}

/// A marker segment, including marker and length.
struct Segment<'a> {
    marker: u8,
    bytes: &'a [u8],
}

/// The segments after SOI, up to EOI or the end.
struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    fn new(stream: &'a [u8]) -> Option<Self> {
        let rest = stream.strip_prefix(&[0xFF, SOI])?;
        Some(Self { rest })
    }

    fn read(&mut self) -> Option<Segment<'a>> {
        // Fill bytes may precede a marker.
        while let [0xFF, 0xFF, ..] = self.rest {
            self.rest = &self.rest[1..];
        }
        let &[0xFF, marker, high, low, ..] = self.rest else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (bytes, rest) = self.rest.split_at_checked(2 + len)?;
        self.rest = rest;
        (len >= 2).then_some(Segment { marker, bytes })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Option<Segment<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rest {
            [] | [0xFF, EOI, ..] => None,
            _ => Some(self.read()),
        }
    }
}
