//! Owns the portable form of the passes, left to the compiler to vectorise. Never uses an intrinsic.

use std::array::from_fn;

use super::lanes::{FLOATS, Lanes, SUMS};

/// Sixteen floats in an array.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; FLOATS]);

impl Lanes for Portable {
    type Sums = [u16; SUMS];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; FLOATS])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: by the contract of `Lanes::load`, `from` is readable for 16 floats.
        Self(unsafe { from.cast::<[f32; FLOATS]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, into: *mut f32) {
        // SAFETY: by the contract of `Lanes::store`, `into` is writable for 16 floats.
        unsafe { into.cast::<[f32; FLOATS]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, sum: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] * by.0[lane] + sum.0[lane]))
    }

    #[inline(always)]
    unsafe fn from_bytes(from: *const u8) -> Self {
        // SAFETY: by the contract of `Lanes::from_bytes`, `from` is readable for 16 bytes.
        let bytes = unsafe { from.cast::<[u8; FLOATS]>().read() };
        Self(bytes.map(f32::from))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::store_bytes`, `into` is writable for 16 bytes.
        unsafe { into.cast::<[u8; FLOATS]>().write(self.bytes()) }
    }

    #[inline(always)]
    unsafe fn pixels(line: *const f32, starts: *const u32) -> Self {
        let mut floats = [0.0; FLOATS];
        for (pixel, four) in floats.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            // SAFETY: by the contract of `Lanes::pixels`, `starts` is readable for 4 starts, and
            // `line` for 4 floats at each.
            *four = unsafe {
                let start = *starts.add(pixel) as usize;
                line.add(start).cast::<[f32; 4]>().read()
            };
        }
        Self(floats)
    }

    #[inline(always)]
    unsafe fn store_pixels(self, into: *mut f32) {
        for (pixel, four) in self.0.as_chunks::<4>().0.iter().enumerate() {
            // SAFETY: by the contract of `Lanes::store_pixels`, `into` is writable for 16 floats,
            // of which the last store takes 9 to 12.
            unsafe { into.add(pixel * 3).cast::<[f32; 4]>().write(*four) };
        }
    }

    #[inline(always)]
    unsafe fn store_pixel_bytes(self, into: *mut u8) {
        let bytes = self.bytes();
        let pixels: [u8; 12] = from_fn(|at| bytes[at + at / 3]);
        // SAFETY: by the contract of `Lanes::store_pixel_bytes`, `into` is writable for 16 bytes.
        unsafe { into.cast::<[u8; 12]>().write(pixels) }
    }

    #[inline(always)]
    unsafe fn fixed_pixels<const PAIRS: usize>(
        row: *const u8,
        starts: *const u32,
        weights: *const i16,
    ) -> Self {
        let mut sums = [0; FLOATS];
        for (lane, sum) in sums.iter_mut().enumerate() {
            let (pixel, channel) = (lane / 4, lane % 4);
            for pair in 0..PAIRS {
                // SAFETY: by the contract of `Lanes::fixed_pixels`, `starts` is readable for 4
                // starts, `weights` for 32 weights per pair, and `row` for 16 bytes at every other
                // pair from each start.
                unsafe {
                    let from = row.add(*starts.add(pixel) as usize + pair * 6 + channel);
                    let weights = weights.add(pair * 32 + pixel * 8 + 2 * channel);
                    *sum += i32::from(*from) * i32::from(*weights);
                    *sum += i32::from(*from.add(3)) * i32::from(*weights.add(1));
                }
            }
        }
        Self(sums.map(|sum| sum as f32))
    }

    #[inline(always)]
    unsafe fn dots(
        line: *const f32,
        starts: *const u32,
        weights: *const f32,
        count: usize,
    ) -> Self {
        Self(from_fn(|lane| {
            let mut sums = [0.0; 4];
            for tap in (0..count).step_by(4) {
                // SAFETY: by the contract of `Lanes::dots`, `starts` is readable for 16 starts,
                // `line` for `count` floats at each, and `weights` for 16 times `count` floats;
                // `count` is a multiple of 4.
                let (values, weights) = unsafe {
                    let values = line.add(*starts.add(lane) as usize + tap);
                    let weights = weights.add(lane * count + tap);
                    (
                        values.cast::<[f32; 4]>().read(),
                        weights.cast::<[f32; 4]>().read(),
                    )
                };
                sums = from_fn(|at| sums[at] + values[at] * weights[at]);
            }
            sums.iter().sum()
        }))
    }

    #[inline(always)]
    unsafe fn halve<const CHANNELS: usize>(top: *const u8, bottom: *const u8, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::halve`, `top` and `bottom` are readable for 32 bytes,
        // and `into` is writable for 16.
        let (top, bottom) = unsafe { (*top.cast::<[u8; SUMS]>(), *bottom.cast::<[u8; SUMS]>()) };
        let means: [u8; FLOATS] = from_fn(|at| {
            let left = (at / CHANNELS * 2 * CHANNELS + at % CHANNELS).min(SUMS - 1 - CHANNELS);
            let right = left + CHANNELS;
            let sum = u16::from(top[left]) + u16::from(top[right]);
            let sum = sum + u16::from(bottom[left]) + u16::from(bottom[right]);
            ((sum + 2) / 4) as u8
        });
        // SAFETY: by the contract of `Lanes::halve`, `top` and `bottom` are readable for 32 bytes,
        // and `into` is writable for 16.
        unsafe { into.cast::<[u8; FLOATS]>().write(means) }
    }

    #[inline(always)]
    unsafe fn no_sums() -> [u16; SUMS] {
        [0; SUMS]
    }

    #[inline(always)]
    unsafe fn add_bytes(sums: [u16; SUMS], from: *const u8) -> [u16; SUMS] {
        // SAFETY: by the contract of `Lanes::add_bytes`, `from` is readable for 32 bytes.
        let bytes = unsafe { from.cast::<[u8; SUMS]>().read() };
        from_fn(|lane| sums[lane].wrapping_add(u16::from(bytes[lane])))
    }

    #[inline(always)]
    unsafe fn from_sums(sums: [u16; SUMS]) -> [Self; 2] {
        [0, FLOATS].map(|half| Self(from_fn(|lane| f32::from(sums[half + lane]))))
    }
}

impl Portable {
    /// Rounds half to even and clamps to bytes: a float of 2^23 has no fraction, and its low bits are the
    /// value. The standard rounding would be a function call per float.
    fn bytes(self) -> [u8; FLOATS] {
        const WHOLE: f32 = 8_388_608.0;
        self.0
            .map(|value| (value.clamp(0.0, 255.0) + WHOLE).to_bits() as u8)
    }
}
