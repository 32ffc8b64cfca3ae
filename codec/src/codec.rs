//! Owns the steps for one image: sniff, limits, filters, decode, composite, resize, encode. Never computes
//! a pixel itself.

use serde::{Deserialize, Serialize};

use crate::alpha::composite_over_white;
use crate::blur::{BoundingBox, blur};
use crate::decode::{Decoded, Decoder};
use crate::encode::Encoder;
use crate::error::CodecError;
use crate::pixels::{Buffer, Planes, Shape, Size};
use crate::resize::{Plan, Resizer, plan};
use crate::settings::{EncodeFormat, Interpolation, ReencodePolicy, Settings, SizeFilter};
use crate::sniff::Format;
use crate::turbo::Subsampling;
use crate::whole::Probe;
use crate::ycc::{StoredPlanes, leaves_rgb, to_rgb};

/// Images of fewer pixels take the RGB path: for them it costs almost nothing, and rounding shows more in
/// few pixels.
const PLANAR_PIXELS_MIN: u64 = 128 * 128;

/// Most memory that decoding takes, in bytes. A progressive JPEG has coefficients of twice the size of its
/// samples beside them; other formats have at most RGBA, or 16-bit samples in between.
const fn decoding_bytes(format: Format, size: Size) -> u64 {
    let per_pixel = match format {
        Format::Jpeg => 6,
        Format::Png | Format::Webp | Format::Gif | Format::Bmp => 4,
        Format::Tiff => 8,
    };
    size.pixels() * per_pixel
}

/// The result for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processed {
    /// The bytes to store.
    pub encoded: Encoded,
    /// Its sizes.
    pub facts: ImageFacts,
}

/// Facts about an image. A decoding process sends them under these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFacts {
    /// Width of the stored image in pixels.
    pub width: u32,
    /// Height of the stored image in pixels.
    pub height: u32,
    /// Width of the original in pixels.
    pub original_width: u32,
    /// Height of the original in pixels.
    pub original_height: u32,
}

/// The bytes to store for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// The unchanged body.
    Original,
    /// A file in the settings' output format.
    New(Vec<u8>),
}

/// Converts images to the output format. It keeps library handles and working memory, so each thread has
/// its own.
pub struct Codec {
    settings: Settings,
    decoder: Decoder,
    resizer: Resizer,
    encoder: Encoder,
    decoded: Buffer,
    resized: Buffer,
    converted: Buffer,
}

impl Codec {
    /// A codec for `settings`.
    pub fn new(settings: Settings) -> Self {
        Self {
            decoder: Decoder::new(settings.limits, settings.jpeg_decoder),
            resizer: Resizer::default(),
            encoder: Encoder::new(settings.encode_format, settings.encode_quality),
            decoded: Buffer::default(),
            resized: Buffer::default(),
            converted: Buffer::default(),
            settings,
        }
    }

    /// Decodes, resizes and encodes `body`.
    ///
    /// # Errors
    /// Why the image is refused. Sizes are checked in the header, before pixels are allocated.
    pub fn process(&mut self, body: &[u8]) -> Result<Processed, CodecError> {
        self.process_blurred(body, &[])
    }

    /// Like [`Self::process`], with `boxes` of the image blurred after scaling and before crop and padding.
    /// An image with boxes is always re-encoded, whatever the settings: its original bytes show what is to
    /// be hidden.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn process_blurred(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
    ) -> Result<Processed, CodecError> {
        self.process_within(body, boxes, |_| ())
    }

    /// Like [`Self::process_blurred`]. Calls `reserve` with the bytes that decoding takes before any pixel
    /// is allocated, and holds what it returns until they are freed.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn process_within<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        reserve: impl FnOnce(u64) -> R,
    ) -> Result<Processed, CodecError> {
        if body.is_empty() {
            return Err(CodecError::Empty);
        }
        let probe = Probe::of(body, &self.settings.limits)?;
        let (format, size) = (probe.format, probe.size);
        let _held = reserve(decoding_bytes(format, size));
        let result = match self.settings.reencode {
            ReencodePolicy::Never if boxes.is_empty() => {
                let pixels_max = self.settings.limits.pixels_max;
                probe
                    .check(body, pixels_max, &mut self.decoder, &mut self.decoded)
                    .map(|()| processed(Encoded::Original, size, size))
            }
            _ => self.reencode(format, body, size, boxes),
        };
        self.decoded.trim();
        self.resized.trim();
        self.converted.trim();
        result
    }

    fn reencode(
        &mut self,
        format: Format,
        body: &[u8],
        size: Size,
        boxes: &[BoundingBox],
    ) -> Result<Processed, CodecError> {
        check_size(&self.settings.filter, size)?;
        let plan = plan(&self.settings, size)?;
        let planes_wanted = boxes.is_empty() && self.wants_planes(format, size, plan.as_ref());
        let decoded = &mut self.decoded;
        let stored = self
            .decoder
            .decode(format, body, size, planes_wanted, decoded)?;
        if self.keeps_original(format, stored, plan.as_ref(), boxes) {
            return Ok(processed(Encoded::Original, size, size));
        }
        match stored {
            Decoded::Raster(shape) => self.finish_raster(shape, plan, boxes),
            Decoded::Planes {
                planes,
                subsampling,
            } => self.finish_planes(planes, subsampling, plan),
        }
    }

    /// Whether a JPEG may stay in its planes: it becomes a JPEG, by a filter that the chroma tables can be
    /// composed with, and is large enough for it to matter.
    fn wants_planes(&self, format: Format, size: Size, plan: Option<&Plan>) -> bool {
        let composable = plan.is_none_or(|plan| {
            !matches!(
                plan.filter,
                Interpolation::Nearest | Interpolation::Antialiased(_)
            )
        });
        !self.settings.exact
            && format == Format::Jpeg
            && self.settings.encode_format == EncodeFormat::Jpg
            && size.pixels() >= PLANAR_PIXELS_MIN
            && composable
    }

    /// Whether the original can be kept: nothing is resized or blurred, it has the output format, and it has
    /// no alpha to remove.
    fn keeps_original(
        &self,
        format: Format,
        stored: Decoded,
        plan: Option<&Plan>,
        boxes: &[BoundingBox],
    ) -> bool {
        let same_format = matches!(
            (format, self.settings.encode_format),
            (Format::Jpeg, EncodeFormat::Jpg)
                | (Format::Png, EncodeFormat::Png)
                | (Format::Webp, EncodeFormat::Webp)
        );
        let has_alpha = matches!(stored, Decoded::Raster(shape) if shape.channels == 4);
        self.settings.reencode == ReencodePolicy::SkipIfUnchanged
            && plan.is_none()
            && boxes.is_empty()
            && same_format
            && !has_alpha
    }

    fn finish_raster(
        &mut self,
        stored: Shape,
        plan: Option<Plan>,
        boxes: &[BoundingBox],
    ) -> Result<Processed, CodecError> {
        let shape = self.without_alpha(stored);
        let canvas = match plan {
            None => {
                blur(self.decoded.bytes_mut(shape.bytes()), shape, boxes);
                std::mem::swap(&mut self.decoded, &mut self.resized);
                shape
            }
            Some(plan) if boxes.is_empty() => {
                let pixels = self.decoded.filled(shape.bytes());
                self.resizer.resize(pixels, shape, &plan, &mut self.resized)
            }
            Some(plan) => self.resize_blurred(shape, &plan, boxes),
        };
        let pixels = self.resized.filled(canvas.bytes());
        let file = self.encoder.encode(pixels, canvas)?;
        Ok(processed(Encoded::New(file), canvas.size, stored.size))
    }

    /// Scales the whole image, blurs it, then crops or pads it.
    fn resize_blurred(&mut self, shape: Shape, plan: &Plan, boxes: &[BoundingBox]) -> Shape {
        let pixels = self.decoded.filled(shape.bytes());
        let whole = self
            .resizer
            .resize(pixels, shape, &plan.whole(), &mut self.resized);
        blur(self.resized.bytes_mut(whole.bytes()), whole, boxes);
        if whole.size == plan.canvas {
            return whole;
        }
        std::mem::swap(&mut self.decoded, &mut self.resized);
        // The image has the scaled size already, so this only crops or pads.
        let pixels = self.decoded.filled(whole.bytes());
        self.resizer.resize(pixels, whole, plan, &mut self.resized)
    }

    fn finish_planes(
        &mut self,
        planes: Planes,
        subsampling: Subsampling,
        plan: Option<Plan>,
    ) -> Result<Processed, CodecError> {
        let size = planes.size;
        let stored = StoredPlanes {
            samples: self.decoded.all(),
            planes,
            subsampling,
        };
        if leaves_rgb(stored) {
            let shape = to_rgb(stored, &mut self.converted);
            std::mem::swap(&mut self.decoded, &mut self.converted);
            return self.finish_raster(shape, plan, &[]);
        }
        let plan = plan.unwrap_or_else(|| Plan::unchanged(size));
        let canvas = self.resizer.resize_planes(stored, &plan, &mut self.resized);
        let file = self.encoder.encode_planes(self.resized.all(), &canvas)?;
        Ok(processed(Encoded::New(file), canvas.size, size))
    }

    fn without_alpha(&mut self, shape: Shape) -> Shape {
        if shape.channels != 4 {
            return shape;
        }
        composite_over_white(
            self.decoded.bytes_mut(shape.bytes()),
            shape.size.pixels() as usize,
        );
        Shape::new(shape.size, 3)
    }
}

fn processed(encoded: Encoded, size: Size, original: Size) -> Processed {
    let facts = ImageFacts {
        width: size.width,
        height: size.height,
        original_width: original.width,
        original_height: original.height,
    };
    Processed { encoded, facts }
}

/// Checks the size of the original against the user's filters, in img2dataset's order.
fn check_size(filter: &SizeFilter, size: Size) -> Result<(), CodecError> {
    let (smallest, largest) = (
        f64::from(size.smallest_side()),
        f64::from(size.largest_side()),
    );
    if smallest < filter.min_image_size {
        return Err(CodecError::TooSmall);
    }
    if size.pixels() as f64 > filter.max_image_area {
        return Err(CodecError::AreaTooLarge);
    }
    if largest / smallest > filter.max_aspect_ratio {
        return Err(CodecError::AspectRatioTooLarge);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
