//! Owns the antialiased filters, by fast_image_resize, which img2dataset does not have. Never replaces one
//! of OpenCV's filters.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::target::{Target, copy};
use crate::pixels::{Buffer, Shape, Size};
use crate::settings::Antialias;

/// The library's working memory, and the whole scaled image that the window is copied from.
#[derive(Default)]
pub(super) struct Scratch {
    resizer: Resizer,
    scaled: Buffer,
}

impl Scratch {
    pub(super) fn resize(
        &mut self,
        source: &[u8],
        shape: Shape,
        scaled: Size,
        filter: Antialias,
        target: Target<'_>,
    ) {
        let pixel = if shape.channels == 1 {
            PixelType::U8
        } else {
            PixelType::U8x3
        };
        let result = Shape::new(scaled, shape.channels);
        let bytes = self.scaled.bytes_mut(result.bytes());
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(library_name(filter)));
        let from = ImageRef::new(shape.size.width, shape.size.height, source, pixel)
            .expect("the slice has the length of its shape");
        let mut into = Image::from_slice_u8(scaled.width, scaled.height, bytes, pixel)
            .expect("the slice has the length of its shape");
        self.resizer
            .resize(&from, &mut into, &options)
            .expect("both images have the same pixel type");
        copy(self.scaled.filled(result.bytes()), result, target);
        self.scaled.trim();
    }
}

fn library_name(filter: Antialias) -> FilterType {
    match filter {
        Antialias::Hamming => FilterType::Hamming,
        Antialias::Mitchell => FilterType::Mitchell,
        Antialias::CatmullRom => FilterType::CatmullRom,
        Antialias::Lanczos3 => FilterType::Lanczos3,
    }
}
