//! Owns converting 8-bit YCbCr, subsampled or not (TIFF 6.0, section 21), in libtiff's fixed point. Never
//! interpolates chroma: all pixels of a block share it.

use super::directory::Directory;
use super::raster::Rgba;

const SHIFT: u32 = 16;
const HALF: i32 = 1 << (SHIFT - 1);

pub(super) struct YCbCr {
    /// Pixels of a block, across and down.
    across: usize,
    down: usize,
    luma: [i32; 256],
    red_of_cr: [i32; 256],
    blue_of_cb: [i32; 256],
    green_of_cr: [i32; 256],
    green_of_cb: [i32; 256],
}

impl YCbCr {
    /// `None` if the coefficients or the reference levels are invalid.
    pub(super) fn new(directory: &Directory, (across, down): (u16, u16)) -> Option<Self> {
        let [red, green, blue] = directory.coefficients;
        let reference = directory.reference;
        let in_range =
            |level: &f32| *level > -(i32::MAX as f32) + 128.0 && *level < i32::MAX as f32;
        let known = !red.is_nan() && !green.is_nan() && !blue.is_nan() && green != 0.0;
        if !known || !reference.iter().all(in_range) {
            return None;
        }
        let (of_cr, of_cb) = (2.0 - 2.0 * red, 2.0 - 2.0 * blue);
        let (red_cr, blue_cb) = (fixed(of_cr), fixed(of_cb));
        let (green_cr, green_cb) = (fixed(red * of_cr / green), fixed(blue * of_cb / green));
        let difference = |code: usize, low: f32, high: f32| {
            level(code as i32 - 128, low - 128.0, high - 128.0, 127.0)
        };
        let cr = |code| difference(code, reference[4], reference[5]);
        let cb = |code| difference(code, reference[2], reference[3]);
        let scaled =
            |factor: i32, level: i32| factor.wrapping_mul(level).wrapping_add(HALF) >> SHIFT;
        Some(Self {
            across: across.into(),
            down: down.into(),
            luma: std::array::from_fn(|code| level(code as i32, reference[0], reference[1], 255.0)),
            red_of_cr: std::array::from_fn(|code| scaled(red_cr, cr(code))),
            blue_of_cb: std::array::from_fn(|code| scaled(blue_cb, cb(code))),
            green_of_cr: std::array::from_fn(|code| green_cr.wrapping_neg().wrapping_mul(cr(code))),
            green_of_cb: std::array::from_fn(|code| {
                green_cb
                    .wrapping_neg()
                    .wrapping_mul(cb(code))
                    .wrapping_add(HALF)
            }),
        })
    }

    /// Paints row `line` of a chunk of blocks or of three planes. `row_bytes` is the length of a row of blocks
    /// or of a plane.
    pub(super) fn paint(
        &self,
        planes: &[Vec<u8>],
        row_bytes: usize,
        line: usize,
        row: &mut [Rgba],
    ) {
        if let [y, cb, cr] = planes {
            let start = line * row_bytes;
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = self.rgba([y[start + x], cb[start + x], cr[start + x]]);
            }
            return;
        }
        let luma_samples = self.across * self.down;
        let block_bytes = luma_samples + 2;
        let blocks = &planes[0][line / self.down * row_bytes..];
        for (x, pixel) in row.iter_mut().enumerate() {
            let block = &blocks[x / self.across * block_bytes..][..block_bytes];
            let y = block[line % self.down * self.across + x % self.across];
            *pixel = self.rgba([y, block[luma_samples], block[luma_samples + 1]]);
        }
    }

    fn rgba(&self, [y, cb, cr]: [u8; 3]) -> Rgba {
        let (y, cb, cr) = (self.luma[usize::from(y)], usize::from(cb), usize::from(cr));
        let green = self.green_of_cb[cb].wrapping_add(self.green_of_cr[cr]) >> SHIFT;
        let part = |difference: i32| y.saturating_add(difference).clamp(0, 255) as u8;
        [
            part(self.red_of_cr[cr]),
            part(green),
            part(self.blue_of_cb[cb]),
            u8::MAX,
        ]
    }
}

/// A factor between 0 and 2 in fixed point.
fn fixed(factor: f32) -> i32 {
    let clamped = if factor >= 0.0 { factor.min(2.0) } else { 0.0 };
    (f64::from(clamped * (1 << SHIFT) as f32) + 0.5) as i32
}

/// The level of a code between reference black and white, `scale` at white.
fn level(code: i32, black: f32, white: f32, scale: f32) -> i32 {
    const MAX: f32 = 128.0 * 32.0;
    let range = if white - black == 0.0 {
        1.0
    } else {
        white - black
    };
    let level = code.wrapping_sub(black as i32) as f32 * scale / range;
    level.clamp(-MAX, MAX) as i32
}
