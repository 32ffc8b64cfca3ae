//! Owns the bare library calls that the codec is held against, with handles and buffers reused as the
//! codec reuses its own. Never a check of the result beyond success.

use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use libwebp_sys as webp;
use turbo2ds_codec::stages::Raster;
use turbo2ds_codec::{EncodeFormat, Format};

use super::jpeg::Jpeg;

/// Room for the pixels of one image, bytes; touched only as far as images reach.
const ROOM_BYTES: usize = 1 << 28;
const WHITE: u8 = 255;

/// Width, height and samples per pixel of a raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: usize,
}

impl Shape {
    fn bytes(self) -> usize {
        self.width as usize * self.height as usize * self.channels
    }

    /// The largest shape of its ratio within a square of `size` pixels.
    fn within(self, size: u32) -> Self {
        let scale = f64::from(size) / f64::from(self.width.max(self.height));
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        Self {
            width: side(self.width),
            height: side(self.height),
            ..self
        }
    }
}

/// libjpeg-turbo, libwebp, png, gif and fast_image_resize, and the memory they write to.
pub(super) struct Bare {
    pub(super) jpeg: Jpeg,
    resizer: Resizer,
    quality: u32,
    decoded: Vec<u8>,
    resized: Vec<u8>,
    canvas: Vec<u8>,
    file: Vec<u8>,
}

impl Bare {
    /// Calls that encode at `quality`.
    pub(super) fn new(quality: u32) -> Self {
        Self {
            jpeg: Jpeg::new(quality),
            resizer: Resizer::new(),
            quality,
            decoded: vec![0; ROOM_BYTES],
            resized: vec![0; ROOM_BYTES],
            canvas: Vec::new(),
            file: Vec::new(),
        }
    }

    /// From a body to a JPEG on a square of `size` pixels; false where a library here cannot.
    /// `channels` are those of the codec's raster.
    pub(super) fn process(
        &mut self,
        format: Format,
        body: &[u8],
        channels: usize,
        size: u32,
    ) -> bool {
        let Some(shape) = self.decode(format, body, channels) else {
            return false;
        };
        let decoded = std::mem::take(&mut self.decoded);
        let from = raster(&decoded, shape);
        let canvas = self.resize(&from, size);
        self.decoded = decoded;
        let Some(shape) = canvas else { return false };
        self.jpeg.encode(&raster(&self.canvas, shape))
    }

    /// Decodes `body`; none where no library here is meant for it.
    pub(super) fn decode(&mut self, format: Format, body: &[u8], channels: usize) -> Option<Shape> {
        let out = &mut self.decoded;
        match format {
            Format::Jpeg => self.jpeg.decode(body, channels, out),
            Format::Webp => webp_pixels(body, channels, out),
            Format::Png => png_pixels(body, out),
            Format::Gif => gif_pixels(body, out),
            Format::Bmp | Format::Tiff => None,
        }
    }

    /// Fits the raster into a square by the library's filter nearest to a mean over the source cell,
    /// in the middle of white.
    pub(super) fn resize(&mut self, from: &Raster<'_>, size: u32) -> Option<Shape> {
        let to = shape_of(from).within(size);
        let source = (from.width, from.height);
        resize(
            &mut self.resizer,
            from.samples,
            source,
            &mut self.resized,
            to,
        )?;
        let canvas = Shape {
            width: size,
            height: size,
            ..to
        };
        self.canvas.clear();
        self.canvas.resize(canvas.bytes(), WHITE);
        let (stride, row) = (size as usize * to.channels, to.width as usize * to.channels);
        let left = (size - to.width) as usize / 2 * to.channels;
        let top = (size - to.height) as usize / 2;
        let rows = self.resized[..to.bytes()].chunks_exact(row);
        for (into, from) in self.canvas.chunks_exact_mut(stride).skip(top).zip(rows) {
            into[left..left + row].copy_from_slice(from);
        }
        Some(canvas)
    }

    /// Resizes the planes of [`Jpeg::decode_planes`] one by one to the same ratio within `size`.
    pub(super) fn resize_planes(
        &mut self,
        planes: &[(Vec<u8>, u32, u32)],
        shape: Shape,
        size: u32,
    ) -> bool {
        let to = shape.within(size);
        let half = Shape {
            width: to.width.div_ceil(2),
            height: to.height.div_ceil(2),
            channels: 1,
        };
        let targets = [Shape { channels: 1, ..to }, half, half];
        planes
            .iter()
            .zip(targets)
            .all(|((samples, width, height), to)| {
                let (resizer, out) = (&mut self.resizer, &mut self.resized);
                resize(resizer, samples, (*width, *height), out, to).is_some()
            })
    }

    /// Encodes a raster.
    pub(super) fn encode(&mut self, format: EncodeFormat, from: &Raster<'_>) -> bool {
        match format {
            EncodeFormat::Jpg => self.jpeg.encode(from),
            EncodeFormat::Webp => webp_file(from, self.quality as f32),
            EncodeFormat::Png => png_file(from, self.quality, &mut self.file).is_ok(),
        }
    }
}

fn raster(samples: &[u8], shape: Shape) -> Raster<'_> {
    Raster {
        samples: &samples[..shape.bytes()],
        width: shape.width,
        height: shape.height,
        channels: shape.channels,
    }
}

/// The shape of a raster.
pub(super) fn shape_of(raster: &Raster<'_>) -> Shape {
    Shape {
        width: raster.width,
        height: raster.height,
        channels: raster.channels,
    }
}

fn resize(
    resizer: &mut Resizer,
    samples: &[u8],
    (width, height): (u32, u32),
    out: &mut [u8],
    to: Shape,
) -> Option<()> {
    let pixel = match to.channels {
        1 => PixelType::U8,
        3 => PixelType::U8x3,
        4 => PixelType::U8x4,
        _ => return None,
    };
    let alg = ResizeAlg::Convolution(FilterType::Hamming);
    let options = ResizeOptions::new().resize_alg(alg).use_alpha(false);
    let source = ImageRef::new(width, height, samples, pixel).ok()?;
    let out = out.get_mut(..to.bytes())?;
    let mut target = Image::from_slice_u8(to.width, to.height, out, pixel).ok()?;
    resizer.resize(&source, &mut target, &options).ok()
}

fn webp_pixels(body: &[u8], channels: usize, out: &mut [u8]) -> Option<Shape> {
    let (mut width, mut height) = (0, 0);
    let into = match channels {
        4 => webp::WebPDecodeRGBAInto,
        _ => webp::WebPDecodeRGBInto,
    };
    let channels = if channels == 4 { 4 } else { 3 };
    // SAFETY: body is readable for its length and out writable for the length given, beyond which
    // the library does not write.
    let done = unsafe {
        webp::WebPGetInfo(body.as_ptr(), body.len(), &mut width, &mut height) != 0
            && !into(
                body.as_ptr(),
                body.len(),
                out.as_mut_ptr(),
                out.len(),
                width * channels,
            )
            .is_null()
    };
    done.then_some(Shape {
        width: width as u32,
        height: height as u32,
        channels: channels as usize,
    })
}

fn png_pixels(body: &[u8], out: &mut [u8]) -> Option<Shape> {
    let mut decoder = png::Decoder::new(Cursor::new(body));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
    let info = reader.next_frame(out).ok()?;
    Some(Shape {
        width: info.width,
        height: info.height,
        channels: info.color_type.samples(),
    })
}

/// The first frame, as large as it is itself.
fn gif_pixels(body: &[u8], out: &mut [u8]) -> Option<Shape> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(Cursor::new(body)).ok()?;
    let frame = decoder.read_next_frame().ok()??;
    out.get_mut(..frame.buffer.len())?
        .copy_from_slice(&frame.buffer);
    Some(Shape {
        width: frame.width.into(),
        height: frame.height.into(),
        channels: 4,
    })
}

fn webp_file(from: &Raster<'_>, quality: f32) -> bool {
    if from.channels != 3 {
        return false;
    }
    let (width, height) = (from.width as i32, from.height as i32);
    let mut out = std::ptr::null_mut();
    // SAFETY: the raster has all of its rows without gaps; the library allocates the output, which
    // is null or its own and freed once.
    unsafe {
        let samples = from.samples.as_ptr();
        let bytes = webp::WebPEncodeRGB(samples, width, height, width * 3, quality, &mut out);
        webp::WebPFree(out.cast());
        bytes > 0
    }
}

fn png_file(from: &Raster<'_>, level: u32, out: &mut Vec<u8>) -> Result<(), png::EncodingError> {
    out.clear();
    let mut encoder = png::Encoder::new(out, from.width, from.height);
    encoder.set_color(match from.channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    encoder.set_deflate_compression(png::DeflateCompression::Level(level as u8));
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(from.samples)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_fitted_by_its_longer_side() {
        let shape = |width, height| Shape {
            width,
            height,
            channels: 3,
        };
        assert_eq!(shape(900, 600).within(256), shape(256, 171));
        assert_eq!(shape(600, 900).within(256), shape(171, 256));
        assert_eq!(shape(10, 10).within(256), shape(256, 256));
        assert_eq!(shape(5000, 2).within(256), shape(256, 1));
    }

    #[test]
    fn a_fitted_raster_lies_in_the_middle_of_white() {
        let samples = vec![0; 8 * 2];
        let from = Raster {
            samples: &samples,
            width: 8,
            height: 2,
            channels: 1,
        };
        let mut bare = Bare::new(95);
        let canvas = bare.resize(&from, 4).expect("a canvas");
        assert_eq!((canvas.width, canvas.height), (4, 4));
        assert_eq!(bare.canvas[..4], [WHITE; 4]);
        assert_eq!(bare.canvas[4..8], [0; 4]);
        assert_eq!(bare.canvas[8..], [WHITE; 8]);
    }
}
