//! Owns the pictures that the fake web serves: seeded and photo-like (smooth regions, edges, grain). A
//! name gives the same bytes in every process. Never reads a file.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

/// Cached bytes after which the cache starts anew.
const CACHE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Longest side that is drawn, pixels.
const SIDE_MAX: u32 = 4096;
/// What JPEG and WebP files are written at.
const QUALITY: u8 = 86;

/// A file format the fake web can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Baseline JPEG, 4:2:0.
    Jpeg,
    /// Progressive JPEG, 4:2:0.
    ProgressiveJpeg,
    /// 8-bit RGB PNG.
    Png,
    /// Lossy WebP.
    Webp,
    /// GIF of one frame.
    Gif,
    /// Windows bitmap, 24 bits.
    Bmp,
}

impl Format {
    /// The format of a file extension.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "jpg" | "jpeg" => Self::Jpeg,
            "pjpg" => Self::ProgressiveJpeg,
            "png" => Self::Png,
            "webp" => Self::Webp,
            "gif" => Self::Gif,
            "bmp" => Self::Bmp,
            _ => return None,
        })
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg | Self::ProgressiveJpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
        }
    }
}

impl Format {
    /// A file of RGB8 rows without padding; `quality` (1..=100) is for JPEG and WebP.
    ///
    /// # Panics
    /// Where a side is 0 or above 4096, or `pixels` does not hold the rows.
    pub fn write(self, pixels: Vec<u8>, width: u32, height: u32, quality: u8) -> Vec<u8> {
        assert!((1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height));
        assert_eq!(pixels.len(), width as usize * height as usize * 3);
        match self {
            Self::Jpeg => jpeg(&pixels, width, height, quality, false),
            Self::ProgressiveJpeg => jpeg(&pixels, width, height, quality, true),
            Self::Png => png(&pixels, width, height),
            Self::Webp => webp(&pixels, width, height, quality),
            Self::Gif => gif(pixels, width, height),
            Self::Bmp => bmp(&pixels, width, height),
        }
    }
}

/// What to draw and how to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Picture {
    /// Decides the content.
    pub seed: u64,
    /// Pixels, 1..=4096.
    pub width: u32,
    /// Pixels, 1..=4096.
    pub height: u32,
    /// How it is written.
    pub format: Format,
}

impl Picture {
    /// A picture with its sides brought into the range that is drawn.
    pub fn new(seed: u64, width: u32, height: u32, format: Format) -> Self {
        let side = |pixels: u32| pixels.clamp(1, SIDE_MAX);
        Self {
            seed,
            width: side(width),
            height: side(height),
            format,
        }
    }

    /// The file's bytes.
    pub fn encode(self) -> Vec<u8> {
        let pixels = draw(self.seed, self.width, self.height);
        self.format.write(pixels, self.width, self.height, QUALITY)
    }
}

/// Encoded pictures, kept up to a bound.
#[derive(Default)]
pub struct Gallery(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    files: HashMap<Picture, Bytes>,
    bytes: usize,
}

impl Gallery {
    /// The file of a picture, drawn on first use.
    pub fn get(&self, picture: Picture) -> Bytes {
        if let Some(file) = self.lock().files.get(&picture) {
            return file.clone();
        }
        let file = Bytes::from(picture.encode());
        let mut shelf = self.lock();
        if shelf.bytes + file.len() > CACHE_BYTES_MAX {
            *shelf = Shelf::default();
        }
        if shelf.files.insert(picture, file.clone()).is_none() {
            shelf.bytes += file.len();
        }
        file
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelf> {
        // A panic while the lock is held leaves at worst a cache that is too full.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): one step.
const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A lattice point's value, 0..=255.
fn lattice(seed: u64, x: u32, y: u32) -> f32 {
    (mix(seed ^ (u64::from(x) << 32 | u64::from(y))) & 0xff) as f32
}

/// RGB8 rows without padding: two octaves of value noise, one disc with a hard edge, fine grain.
fn draw(seed: u64, width: u32, height: u32) -> Vec<u8> {
    let seed = mix(seed);
    let (cx, cy) = (width as f32 * 0.4, height as f32 * 0.55);
    let radius = width.min(height) as f32 * 0.3;
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let coarse = noise(seed, x, y, 64);
            let fine = noise(seed ^ 0xabcd, x, y, 8);
            let distance = ((x as f32 - cx).powi(2) + (y as f32 - cy).powi(2)).sqrt();
            let disc = if distance < radius { 40.0 } else { 0.0 };
            let grain = (mix(seed ^ u64::from(y * width + x)) & 7) as f32;
            let light = 0.7 * coarse + 0.2 * fine + grain;
            let tint = (seed >> 8 & 63) as f32;
            for value in [light + disc, light * 0.8 + tint, 230.0 - light + disc * 0.5] {
                pixels.push(value.clamp(0.0, 255.0) as u8);
            }
        }
    }
    pixels
}

/// Value noise: lattice values `cell` pixels apart, bilinear between.
fn noise(seed: u64, x: u32, y: u32, cell: u32) -> f32 {
    let (column, row) = (x / cell, y / cell);
    let (fx, fy) = (
        (x % cell) as f32 / cell as f32,
        (y % cell) as f32 / cell as f32,
    );
    let between = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let top = between(
        lattice(seed, column, row),
        lattice(seed, column + 1, row),
        fx,
    );
    let bottom = between(
        lattice(seed, column, row + 1),
        lattice(seed, column + 1, row + 1),
        fx,
    );
    between(top, bottom, fy)
}

fn jpeg(pixels: &[u8], width: u32, height: u32, quality: u8, progressive: bool) -> Vec<u8> {
    let image = turbojpeg::Image {
        pixels,
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    let write = || -> turbojpeg::Result<Vec<u8>> {
        let mut compressor = turbojpeg::Compressor::new()?;
        compressor.set_quality(quality.into())?;
        compressor.set_subsamp(turbojpeg::Subsamp::Sub2x2)?;
        compressor.set_progressive(progressive)?;
        compressor.compress_to_vec(image)
    };
    write().expect("RGB8 within 4096 x 4096 is a valid JPEG source")
}

fn png(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let write = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    write.expect("writing to memory does not fail");
    file
}

#[allow(unsafe_code)]
fn webp(pixels: &[u8], width: u32, height: u32, quality: u8) -> Vec<u8> {
    let (columns, rows) = (width.cast_signed(), height.cast_signed());
    let mut output = std::ptr::null_mut();
    // SAFETY: the assertion of `write`, the only caller, makes `pixels` hold `rows` rows of `columns * 3` bytes, the stride
    // given; `output` is a valid place for the pointer that the library allocates.
    let length = unsafe {
        libwebp_sys::WebPEncodeRGB(
            pixels.as_ptr(),
            columns,
            rows,
            columns * 3,
            f32::from(quality),
            &mut output,
        )
    };
    assert!(length > 0, "RGB8 within 4096 x 4096 is a valid WebP source");
    // SAFETY: on success, checked above, `output` points at `length` initialised bytes that are ours
    // until WebPFree, which is called once.
    unsafe {
        let file = std::slice::from_raw_parts(output, length).to_vec();
        libwebp_sys::WebPFree(output.cast());
        file
    }
}

fn gif(mut pixels: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    // SIDE_MAX is below u16::MAX, so no side is cut.
    let (columns, rows) = (width as u16, height as u16);
    // The quantiser's slowest setting is 1, its fastest 30.
    let frame = gif::Frame::from_rgb_speed(columns, rows, &pixels, 30);
    pixels.clear();
    let write = gif::Encoder::new(&mut pixels, columns, rows, &[])
        .and_then(|mut encoder| encoder.write_frame(&frame));
    write.expect("writing to memory does not fail");
    pixels
}

fn bmp(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    const HEAD_BYTES: u32 = 54;
    let row = width as usize * 3;
    let padded = row.next_multiple_of(4);
    let size = HEAD_BYTES + (padded * height as usize) as u32;
    let mut file = b"BM".to_vec();
    for word in [
        size,
        0,
        HEAD_BYTES,
        40,
        width,
        height,
        24 << 16 | 1,
        0,
        0,
        2835,
        2835,
        0,
        0,
    ] {
        file.extend(word.to_le_bytes());
    }
    // Rows go from the bottom up, each pixel as blue, green, red.
    for line in pixels.chunks_exact(row).rev() {
        file.extend(line.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]));
        file.resize(file.len() + padded - row, 0);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Format; 6] = [
        Format::Jpeg,
        Format::ProgressiveJpeg,
        Format::Png,
        Format::Webp,
        Format::Gif,
        Format::Bmp,
    ];

    #[test]
    fn a_picture_is_the_same_every_time_and_differs_by_seed() {
        for format in ALL {
            let one = Picture::new(1, 40, 30, format).encode();
            assert_eq!(one, Picture::new(1, 40, 30, format).encode());
            assert_ne!(one, Picture::new(2, 40, 30, format).encode());
        }
    }

    #[test]
    fn every_format_begins_with_its_signature() {
        let signatures: [&[u8]; 6] = [
            b"\xff\xd8\xff",
            b"\xff\xd8\xff",
            b"\x89PNG",
            b"RIFF",
            b"GIF8",
            b"BM",
        ];
        for (format, signature) in ALL.into_iter().zip(signatures) {
            assert!(
                Picture::new(3, 33, 21, format)
                    .encode()
                    .starts_with(signature),
                "{format:?}"
            );
        }
    }

    #[test]
    fn a_jpeg_has_the_sides_that_were_asked() {
        let file = Picture::new(3, 61, 47, Format::Jpeg).encode();
        let header = turbojpeg::read_header(&file).unwrap();
        assert_eq!((header.width, header.height), (61, 47));
    }
}
