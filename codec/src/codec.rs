//! Owns the steps for one image: sniff, limits, filters, decode, hash, composite, resize, encode. Never
//! computes a pixel itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::alpha::composite_over_white;
use crate::blur::{BoundingBox, blur};
use crate::decode::{Decoded, Decoder};
use crate::encode::Encoder;
use crate::error::CodecError;
use crate::pdq::{Hasher, Pdq};
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
/// samples beside them; other formats have at most RGBA, or 16-bit samples in between. Hashing takes RGB beside
/// RGBA.
const fn decoding_bytes(format: Format, size: Size, hashes: bool) -> u64 {
    let per_pixel = match format {
        Format::Jpeg => 6,
        Format::Png | Format::Webp | Format::Gif | Format::Bmp => 4 + 3 * hashes as u64,
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

impl Processed {
    fn with_hash(mut self, pdq: Option<Pdq>) -> Self {
        self.facts.pdq = pdq;
        self
    }
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
    /// Perceptual hash of the original, before anything is blurred. None if [`Settings::pdq`] does not ask for
    /// it, or an image that is kept unseen could not be decoded for it.
    // Named, so that a message without the field is refused.
    #[serde(deserialize_with = "Option::deserialize")]
    pub pdq: Option<Pdq>,
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
    /// None if hashes are not asked for.
    hasher: Option<Box<Hasher>>,
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
            hasher: settings.pdq.then(Box::default),
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
        let _held = reserve(decoding_bytes(format, size, self.settings.pdq));
        let result = match self.settings.reencode {
            ReencodePolicy::Never if boxes.is_empty() => {
                let pixels_max = self.settings.limits.pixels_max;
                probe
                    .check(body, pixels_max, &mut self.decoder, &mut self.decoded)
                    .map(|()| {
                        let pdq = self.hash_of_kept(format, body, size);
                        processed(Encoded::Original, size, size).with_hash(pdq)
                    })
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
        let in_planes = boxes.is_empty() && self.wants_planes(format, size, plan.as_ref());
        // A hash is of the planes even where these are not stored, so that no setting changes it.
        let planes_wanted = in_planes || self.hasher.is_some();
        let decoded = &mut self.decoded;
        let stored = self
            .decoder
            .decode(format, body, size, planes_wanted, decoded)?;
        let kept = self.keeps_original(format, stored, plan.as_ref(), boxes);
        if kept && self.hasher.is_none() {
            return Ok(processed(Encoded::Original, size, size));
        }
        let stored = self.within_rgb(stored);
        let pdq = self.hash(stored);
        let finished = match stored {
            _ if kept => Ok(processed(Encoded::Original, size, size)),
            Decoded::Planes {
                planes,
                subsampling,
            } if in_planes => self.finish_planes(planes, subsampling, plan),
            stored => {
                let shape = self.raster_of(stored);
                self.finish_raster(shape, plan, boxes)
            }
        };
        finished.map(|processed| processed.with_hash(pdq))
    }

    /// What was decoded, as RGB if its planes have colours that RGB does not have.
    fn within_rgb(&mut self, stored: Decoded) -> Decoded {
        match stored {
            Decoded::Planes {
                planes,
                subsampling,
            } => {
                let planes = StoredPlanes {
                    samples: self.decoded.all(),
                    planes,
                    subsampling,
                };
                if leaves_rgb(planes) {
                    Decoded::Raster(self.raster_of(stored))
                } else {
                    stored
                }
            }
            Decoded::Raster(_) => stored,
        }
    }

    /// Converts what was decoded to a raster if it is in planes.
    fn raster_of(&mut self, stored: Decoded) -> Shape {
        match stored {
            Decoded::Raster(shape) => shape,
            Decoded::Planes {
                planes,
                subsampling,
            } => {
                let stored = StoredPlanes {
                    samples: self.decoded.all(),
                    planes,
                    subsampling,
                };
                let shape = to_rgb(stored, &mut self.converted);
                std::mem::swap(&mut self.decoded, &mut self.converted);
                shape
            }
        }
    }

    /// The hash of the image that was decoded. A panic costs the hash, not the image.
    fn hash(&mut self, stored: Decoded) -> Option<Pdq> {
        let hasher = self.hasher.as_mut()?;
        let (decoded, room) = (&self.decoded, &mut self.converted);
        let hash = catch_unwind(AssertUnwindSafe(|| hasher.hash(stored, decoded, room)));
        if hash.is_err() {
            **hasher = Hasher::default();
        }
        hash.ok()
    }

    /// The hash of a body that is kept, which is decoded for nothing else. What cannot be decoded has none.
    fn hash_of_kept(&mut self, format: Format, body: &[u8], size: Size) -> Option<Pdq> {
        self.hasher.as_ref()?;
        let (decoder, decoded) = (&mut self.decoder, &mut self.decoded);
        let decode = || decoder.decode(format, body, size, true, decoded);
        let Ok(stored) = catch_unwind(AssertUnwindSafe(decode)) else {
            // The panic may have left it in an inconsistent state.
            self.decoder = Decoder::new(self.settings.limits, self.settings.jpeg_decoder);
            return None;
        };
        let stored = self.within_rgb(stored.ok()?);
        self.hash(stored)
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
        let plan = plan.unwrap_or_else(|| Plan::unchanged(size));
        let stored = StoredPlanes {
            samples: self.decoded.all(),
            planes,
            subsampling,
        };
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
        pdq: None,
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
mod pdq_tests;
#[cfg(test)]
pub(crate) mod tests;
