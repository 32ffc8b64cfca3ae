//! Owns the order of events for one image: sniff, limits, filters, decode, mat, resize, encode.
//! Never computes a pixel itself.

use serde::{Deserialize, Serialize};

use crate::alpha::mat_on_white;
use crate::blur::{BoundingBox, blur};
use crate::decode::{Decoded, Decoder};
use crate::encode::Encoder;
use crate::error::CodecError;
use crate::pixels::{Buffer, Planes, Shape, Size};
use crate::resize::{Plan, Resizer, plan};
use crate::settings::{EncodeFormat, Interpolation, ReencodePolicy, Settings, SizeFilter};
use crate::sniff::Format;
use crate::turbo::Subsampling;
use crate::whole::Seen;
use crate::ycc::{StoredPlanes, leaves_rgb, to_rgb};

/// Images of fewer pixels take the RGB path: it costs them next to nothing, and in so few pixels a
/// rounding weighs more than in many.
const PLANAR_PIXELS_MIN: u64 = 128 * 128;

/// What decoding takes at most, bytes. A progressive JPEG's coefficients are twice its samples, and
/// are there beside them; the others are at most RGBA, or 16 bits deep on the way.
const fn decoding_bytes(format: Format, size: Size) -> u64 {
    let of_a_pixel = match format {
        Format::Jpeg => 6,
        Format::Png | Format::Webp | Format::Gif | Format::Bmp => 4,
        Format::Tiff => 8,
    };
    size.pixels() * of_a_pixel
}

/// An image's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processed {
    /// The bytes to store.
    pub encoded: Encoded,
    /// What is known of the image.
    pub facts: ImageFacts,
}

/// What the codec tells of an image. A decoding process says it by these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFacts {
    /// Width of what is stored, pixels.
    pub width: u32,
    /// Height of what is stored, pixels.
    pub height: u32,
    /// Width of what came, pixels.
    pub original_width: u32,
    /// Height of what came, pixels.
    pub original_height: u32,
}

/// The bytes to store for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// The body's bytes as they came.
    Original,
    /// A file in the settings' output format.
    New(Vec<u8>),
}

/// Turns one image after another into the output format. It keeps the libraries' handles and the
/// working memory, so each thread has its own.
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
    /// The reason why there is no result. Sizes are checked from the header, before any pixel is
    /// allocated.
    pub fn process(&mut self, body: &[u8]) -> Result<Processed, CodecError> {
        self.process_blurred(body, &[])
    }

    /// [`Self::process`] with `boxes` of the image blurred, after the resize and before cut and
    /// padding. An image with boxes is always encoded anew, whatever the settings say: its own bytes
    /// show what is to be hidden.
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

    /// [`Self::process_blurred`], for which `room` is asked before any pixel is allocated: it gets
    /// the bytes that decoding takes, and what it gives is held until they are given back.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn process_within<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        room: impl FnOnce(u64) -> R,
    ) -> Result<Processed, CodecError> {
        if body.is_empty() {
            return Err(CodecError::Empty);
        }
        let seen = Seen::of(body, &self.settings.limits)?;
        let (format, size) = (seen.format, seen.size);
        let _held = room(decoding_bytes(format, size));
        let result = match self.settings.reencode {
            ReencodePolicy::Never if boxes.is_empty() => {
                let pixels_max = self.settings.limits.pixels_max;
                seen.check(body, pixels_max, &mut self.decoder, &mut self.decoded)
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
        pass(&self.settings.filter, size)?;
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

    /// Whether a JPEG may stay in its planes: it becomes a JPEG, by a filter that the chroma
    /// tables can be composed with, and is large enough for that to matter.
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

    /// Whether the body may stand for the result: nothing is resized or hidden, it has the output
    /// format, and no alpha would be taken from it.
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
                blur(self.decoded.room(shape.bytes()), shape, boxes);
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

    /// Scales the whole image, blurs it, and only then cuts or pads it.
    fn resize_blurred(&mut self, shape: Shape, plan: &Plan, boxes: &[BoundingBox]) -> Shape {
        let pixels = self.decoded.filled(shape.bytes());
        let whole = self
            .resizer
            .resize(pixels, shape, &plan.whole(), &mut self.resized);
        blur(self.resized.room(whole.bytes()), whole, boxes);
        if whole.size == plan.canvas {
            return whole;
        }
        std::mem::swap(&mut self.decoded, &mut self.resized);
        // Of an image that has the scaled size already this is the cut or the padding alone.
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
        mat_on_white(
            self.decoded.room(shape.bytes()),
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

/// Passes where the original's size is within the user's filters, in img2dataset's order.
fn pass(filter: &SizeFilter, size: Size) -> Result<(), CodecError> {
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
