//! Owns decoding Windows and OS/2 bitmaps by OpenCV's rules. Never applies a colour space or profile.
//!
//! Where OpenCV 4.14 differs from other readers: an OS/2 1.x bitmap is always grey; a palette of greys gives
//! a grey image; 32 bits have alpha only with bit fields, and masks only if they are in the header itself;
//! 5 and 6 bits are shifted up, not scaled.

mod rle;
#[cfg(test)]
mod tests;

use super::outcome::Completeness;
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

const FILE_HEADER_BYTES: usize = 14;
const CORE_HEADER_BYTES: usize = 12;
const PALETTE_LEN: usize = 256;

type Colour = [u8; 3];

/// Decodes to grey, RGB or RGBA.
pub(super) fn decode(body: &[u8], size: Size, out: &mut Buffer) -> Result<Shape, CodecError> {
    read(body, size, out).ok_or(CodecError::Decode)
}

/// Whether all rows are in the body, if they are uncompressed.
pub(super) fn completeness(body: &[u8], size: Size) -> Completeness {
    let fits = || {
        const PLAIN: [i32; 3] = [0, 3, 6];
        let core = i32_at(body, FILE_HEADER_BYTES)? == CORE_HEADER_BYTES as i32;
        let (depth, compression) = if core {
            (u16_at(body, 24)?, 0)
        } else {
            (u16_at(body, 28)?, i32_at(body, 30)?)
        };
        if !PLAIN.contains(&compression) || !matches!(depth, 1 | 4 | 8 | 16 | 24 | 32) {
            return None;
        }
        let row_bits = u64::from(size.width) * u64::from(depth);
        let rows = (row_bits.div_ceil(32) * 4).checked_mul(size.height.into())?;
        let start = u64::try_from(i32_at(body, 10)?).ok()?;
        Some(start.checked_add(rows)? <= body.len() as u64)
    };
    match fits() {
        Some(true) => Completeness::Complete,
        Some(false) => Completeness::Truncated,
        None => Completeness::Unknown,
    }
}

fn read(body: &[u8], size: Size, out: &mut Buffer) -> Option<Shape> {
    let header = Header::read(body)?;
    let pixels = body.get(header.pixels_at..)?;
    let shape = Shape::new(size, header.channels());
    if let Encoding::Rle { nibbles } = header.encoding {
        let mut canvas = rle::Canvas::new(out.bytes_mut(shape.bytes()), shape, &header.palette);
        if nibbles {
            canvas.decode_4(pixels)?;
        } else {
            canvas.decode_8(pixels)?;
        }
    } else {
        let pitch = header.row_bytes(size.width as usize);
        // Checked before memory is allocated for what the header claims.
        let rows = pixels.get(..pitch.checked_mul(size.height as usize)?)?;
        let targets = out
            .bytes_mut(shape.bytes())
            .chunks_exact_mut(shape.stride());
        for (target, source) in targets.zip(rows.chunks_exact(pitch)) {
            header.put_row(source, target);
        }
    }
    if !header.top_down {
        flip(out.bytes_mut(shape.bytes()), shape.stride());
    }
    Some(shape)
}

fn flip(samples: &mut [u8], stride: usize) {
    let rows = samples.len() / stride;
    let (upper, lower) = samples.split_at_mut(rows / 2 * stride);
    let lower = lower.chunks_exact_mut(stride).rev();
    for (above, below) in upper.chunks_exact_mut(stride).zip(lower) {
        above.swap_with_slice(below);
    }
}

/// How pixels are stored.
enum Encoding {
    Indexed { bits: usize },
    Rle { nibbles: bool },
    Rgb555,
    Rgb565,
    Bgr,
    Bgrx,
    Bgra(Option<[Mask; 4]>),
}

/// One channel of a 32-bit pixel.
#[derive(Clone, Copy)]
struct Mask {
    bits: u32,
    shift: u32,
    scale: f32,
}

impl Mask {
    fn new(bits: u32) -> Self {
        let shift = if bits == 0 { 0 } else { bits.trailing_zeros() };
        Self {
            bits,
            shift,
            scale: 255.0 / (bits >> shift) as f32,
        }
    }

    fn of(self, pixel: u32) -> u8 {
        (((pixel & self.bits) >> self.shift) as f32 * self.scale) as u8
    }
}

struct Header {
    pixels_at: usize,
    top_down: bool,
    encoding: Encoding,
    /// Whether the result is grey.
    grey: bool,
    palette: Palette,
}

/// The colours of the palette; missing ones are black.
struct Palette([Colour; PALETTE_LEN]);

impl Palette {
    const BLACK: Self = Self([[0; 3]; PALETTE_LEN]);

    /// Reads entries of blue, green, red and possibly a fourth byte.
    fn read(body: &[u8], at: usize, len: usize, entry_bytes: usize) -> Option<Self> {
        let entries = body.get(at..at.checked_add(len * entry_bytes)?)?;
        let mut palette = Self::BLACK;
        for (colour, entry) in palette.0.iter_mut().zip(entries.chunks_exact(entry_bytes)) {
            *colour = [entry[2], entry[1], entry[0]];
        }
        Some(palette)
    }

    fn is_grey(&self, len: usize) -> bool {
        self.0[..len]
            .iter()
            .all(|[red, green, blue]| red == green && green == blue)
    }

    /// Writes the colour of an index.
    fn put(&self, index: usize, target: &mut [u8]) {
        put(self.0[index], target);
    }
}

/// Writes a colour as RGB, or as its grey level if `target` has one sample.
fn put(colour: Colour, target: &mut [u8]) {
    if let [grey] = target {
        *grey = luma(colour);
    } else {
        target.copy_from_slice(&colour);
    }
}

/// The grey level of a colour in OpenCV's 14-bit fixed point.
fn luma([red, green, blue]: Colour) -> u8 {
    let sum = u32::from(red) * 4899 + u32::from(green) * 9617 + u32::from(blue) * 1868;
    ((sum + (1 << 13)) >> 14) as u8
}

impl Header {
    fn read(body: &[u8]) -> Option<Self> {
        let header_bytes = usize::try_from(i32_at(body, FILE_HEADER_BYTES)?).ok()?;
        let mut header = match header_bytes {
            CORE_HEADER_BYTES => Self::core(body)?,
            36.. => Self::info(body, header_bytes)?,
            _ => return None,
        };
        header.pixels_at = usize::try_from(i32_at(body, 10)?).ok()?;
        Some(header)
    }

    /// The header of OS/2 1.x.
    fn core(body: &[u8]) -> Option<Self> {
        let depth = usize::from(u16_at(body, 24)?);
        let (encoding, palette) = match depth {
            1 | 4 | 8 => (
                Encoding::Indexed { bits: depth },
                Palette::read(body, FILE_HEADER_BYTES + CORE_HEADER_BYTES, 1 << depth, 3)?,
            ),
            24 => (Encoding::Bgr, Palette::BLACK),
            32 => (Encoding::Bgrx, Palette::BLACK),
            _ => return None,
        };
        Some(Self {
            pixels_at: 0,
            top_down: false,
            encoding,
            grey: true,
            palette,
        })
    }

    /// The headers of Windows and of OS/2 2.x.
    fn info(body: &[u8], header_bytes: usize) -> Option<Self> {
        let depth = usize::from(u16_at(body, 28)?);
        let after = FILE_HEADER_BYTES.checked_add(header_bytes)?;
        let encoding = Self::info_encoding(body, depth, header_bytes)?;
        let (mut palette, mut grey) = (Palette::BLACK, false);
        if depth <= 8 {
            let len = match usize::try_from(i32_at(body, 46)?).ok()? {
                0 => 1 << depth,
                len @ ..=PALETTE_LEN => len,
                _ => return None,
            };
            palette = Palette::read(body, after, len, 4)?;
            grey = palette.is_grey(1 << depth);
        }
        Some(Self {
            pixels_at: 0,
            top_down: i32_at(body, 22)? < 0,
            encoding,
            grey,
            palette,
        })
    }

    fn info_encoding(body: &[u8], depth: usize, header_bytes: usize) -> Option<Encoding> {
        const NONE: i32 = 0;
        const RLE8: i32 = 1;
        const RLE4: i32 = 2;
        const BIT_FIELDS: i32 = 3;
        let after = FILE_HEADER_BYTES + header_bytes;
        Some(match (depth, i32_at(body, 30)?) {
            (1 | 4 | 8, NONE) => Encoding::Indexed { bits: depth },
            (4, RLE4) => Encoding::Rle { nibbles: true },
            (8, RLE8) => Encoding::Rle { nibbles: false },
            (16, NONE) => Encoding::Rgb555,
            (16, BIT_FIELDS) => match masks(body, after)? {
                [0x7C00, 0x3E0, 0x1F] => Encoding::Rgb555,
                [0xF800, 0x7E0, 0x1F] => Encoding::Rgb565,
                _ => return None,
            },
            (24, NONE) => Encoding::Bgr,
            (32, NONE) => Encoding::Bgrx,
            (32, BIT_FIELDS) if header_bytes >= 56 => {
                let [red, green, blue, alpha] = masks(body, 54)?;
                let known = red != 0 && green != 0 && blue != 0;
                Encoding::Bgra(known.then(|| [red, green, blue, alpha].map(Mask::new)))
            }
            (32, BIT_FIELDS) => Encoding::Bgra(None),
            _ => return None,
        })
    }

    fn channels(&self) -> usize {
        match self.encoding {
            _ if self.grey => 1,
            Encoding::Bgra(_) => 4,
            _ => 3,
        }
    }

    /// Bytes of a stored row, padded to a multiple of four.
    fn row_bytes(&self, width: usize) -> usize {
        let bits = match self.encoding {
            Encoding::Indexed { bits } => bits,
            Encoding::Rle { .. } => 8,
            Encoding::Rgb555 | Encoding::Rgb565 => 16,
            Encoding::Bgr => 24,
            Encoding::Bgrx | Encoding::Bgra(_) => 32,
        };
        (width * bits).div_ceil(32) * 4
    }

    fn put_row(&self, source: &[u8], target: &mut [u8]) {
        let pixels = target.chunks_exact_mut(self.channels());
        match self.encoding {
            Encoding::Indexed { bits } => {
                let mask = (1 << bits) - 1;
                for (x, pixel) in pixels.enumerate() {
                    let first = x * bits;
                    let byte = usize::from(source[first / 8]);
                    self.palette
                        .put(byte >> (8 - bits - first % 8) & mask, pixel);
                }
            }
            Encoding::Rgb555 => put_words(source, pixels, [7, 2, -3], 0xF8),
            Encoding::Rgb565 => put_words(source, pixels, [8, 3, -3], 0xFC),
            Encoding::Bgr => {
                for (pixel, stored) in pixels.zip(source.chunks_exact(3)) {
                    put([stored[2], stored[1], stored[0]], pixel);
                }
            }
            Encoding::Bgrx => {
                for (pixel, stored) in pixels.zip(source.chunks_exact(4)) {
                    put([stored[2], stored[1], stored[0]], pixel);
                }
            }
            Encoding::Bgra(None) => {
                for (pixel, stored) in pixels.zip(source.chunks_exact(4)) {
                    pixel.copy_from_slice(&[stored[2], stored[1], stored[0], stored[3]]);
                }
            }
            Encoding::Bgra(Some(masks)) => {
                for (pixel, stored) in pixels.zip(source.chunks_exact(4)) {
                    put_masked(stored, &masks, pixel);
                }
            }
            Encoding::Rle { .. } => {}
        }
    }
}

/// Expands 16-bit pixels: red, green and blue are shifted right by `shifts` to the high bits of a byte;
/// `green_mask` selects the bits of green.
fn put_words<'a>(
    source: &[u8],
    pixels: impl Iterator<Item = &'a mut [u8]>,
    shifts: [i32; 3],
    green_mask: u8,
) {
    for (pixel, stored) in pixels.zip(source.chunks_exact(2)) {
        let word = u16::from_le_bytes([stored[0], stored[1]]);
        let [red, green, blue] = shifts.map(|shift| {
            if shift < 0 {
                (word << -shift) as u8
            } else {
                (word >> shift) as u8
            }
        });
        pixel.copy_from_slice(&[red & 0xF8, green & green_mask, blue & 0xF8]);
    }
}

fn put_masked(stored: &[u8], masks: &[Mask; 4], pixel: &mut [u8]) {
    let word = u32::from_le_bytes([stored[0], stored[1], stored[2], stored[3]]);
    let [red, green, blue, alpha] = masks.map(|mask| mask.of(word));
    let alpha = if masks[3].bits == 0 { u8::MAX } else { alpha };
    pixel.copy_from_slice(&[red, green, blue, alpha]);
}

/// Reads `N` masks of 32 bits.
fn masks<const N: usize>(body: &[u8], at: usize) -> Option<[u32; N]> {
    let mut masks = [0; N];
    for (index, mask) in masks.iter_mut().enumerate() {
        *mask = i32_at(body, at.checked_add(index * 4)?)? as u32;
    }
    Some(masks)
}

fn u16_at(body: &[u8], at: usize) -> Option<u16> {
    let bytes = body.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn i32_at(body: &[u8], at: usize) -> Option<i32> {
    let bytes = body.get(at..at.checked_add(4)?)?;
    Some(i32::from_le_bytes(bytes.try_into().ok()?))
}
