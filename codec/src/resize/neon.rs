//! Owns the form of the passes for AArch64, which always has NEON: four registers of four floats. Never
//! decides when it runs.

use std::arch::aarch64::*;

use super::lanes::{FLOATS, Lanes};

/// Sixteen floats in four registers.
#[derive(Clone, Copy)]
pub(super) struct Neon([float32x4_t; 4]);

impl Lanes for Neon {
    type Sums = [uint16x8_t; 4];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: by the contract of `Lanes::splat`, the processor has NEON.
        Self([unsafe { vdupq_n_f32(value) }; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: by the contract of `Lanes::load`, the processor has NEON; `from` is readable for
        // 16 floats.
        unsafe {
            Self([
                vld1q_f32(from),
                vld1q_f32(from.add(4)),
                vld1q_f32(from.add(8)),
                vld1q_f32(from.add(12)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn store(self, into: *mut f32) {
        for (part, floats) in self.0.into_iter().enumerate() {
            // SAFETY: by the contract of `Lanes::store`, the processor has NEON; `into` is writable
            // for 16 floats.
            unsafe { vst1q_f32(into.add(4 * part), floats) };
        }
    }

    #[inline(always)]
    unsafe fn add(mut self, other: Self) -> Self {
        for (sum, other) in self.0.iter_mut().zip(other.0) {
            // SAFETY: by the contract of `Lanes::add`, the processor has NEON.
            *sum = unsafe { vaddq_f32(*sum, other) };
        }
        self
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, mut sum: Self) -> Self {
        for (part, sum) in sum.0.iter_mut().enumerate() {
            // SAFETY: by the contract of `Lanes::mul_add`, the processor has NEON.
            *sum = unsafe { vfmaq_f32(*sum, self.0[part], by.0[part]) };
        }
        sum
    }

    #[inline(always)]
    unsafe fn from_bytes(from: *const u8) -> Self {
        // SAFETY: by the contract of `Lanes::from_bytes`, the processor has NEON; `from` is
        // readable for 16 bytes.
        unsafe {
            let bytes = vld1q_u8(from);
            let [a, b] = widened(vmovl_u8(vget_low_u8(bytes)));
            let [c, d] = widened(vmovl_u8(vget_high_u8(bytes)));
            Self([a, b, c, d])
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::store_bytes`, the processor has NEON; `into` is
        // writable for 16 bytes.
        unsafe { vst1q_u8(into, self.bytes()) }
    }

    #[inline(always)]
    unsafe fn pixels(line: *const f32, starts: *const u32) -> Self {
        // SAFETY: by the contract of `Lanes::pixels`, the processor has NEON; `starts` is readable
        // for 4 starts, and `line` for 4 floats at each.
        unsafe {
            Self([
                vld1q_f32(line.add(*starts as usize)),
                vld1q_f32(line.add(*starts.add(1) as usize)),
                vld1q_f32(line.add(*starts.add(2) as usize)),
                vld1q_f32(line.add(*starts.add(3) as usize)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn store_pixels(self, into: *mut f32) {
        for (pixel, floats) in self.0.into_iter().enumerate() {
            // SAFETY: by the contract of `Lanes::store_pixels`, the processor has NEON; `into` is
            // writable for 16 floats, of which the last store takes 9 to 12.
            unsafe { vst1q_f32(into.add(3 * pixel), floats) };
        }
    }

    #[inline(always)]
    unsafe fn store_pixel_bytes(self, into: *mut u8) {
        // Bytes from beyond the table come out as zero.
        const ORDER: [u8; FLOATS] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255];
        // SAFETY: by the contract of `Lanes::store_pixel_bytes`, the processor has NEON; `into` is
        // writable for 16 bytes; the tables here have 16 bytes.
        unsafe {
            let order = vld1q_u8(ORDER.as_ptr());
            vst1q_u8(into, vqtbl1q_u8(self.bytes(), order));
        }
    }

    #[inline(always)]
    unsafe fn fixed_pixels<const PAIRS: usize>(
        row: *const u8,
        starts: *const u32,
        weights: *const i16,
    ) -> Self {
        // The three bytes of every tap of two pairs, as words.
        const ORDERS: [[u8; FLOATS]; 2] = [
            [
                0, 255, 1, 255, 2, 255, 255, 255, 3, 255, 4, 255, 5, 255, 255, 255,
            ],
            [
                6, 255, 7, 255, 8, 255, 255, 255, 9, 255, 10, 255, 11, 255, 255, 255,
            ],
        ];
        // SAFETY: by the contract of `Lanes::fixed_pixels`, the processor has NEON; `starts` is
        // readable for 4 starts, `weights` for 32 weights per pair, and `row` for 16 bytes at every
        // other pair from each start; the tables here have 16 bytes.
        unsafe {
            let orders = [vld1q_u8(ORDERS[0].as_ptr()), vld1q_u8(ORDERS[1].as_ptr())];
            let mut floats = [vdupq_n_f32(0.0); 4];
            for (pixel, floats) in floats.iter_mut().enumerate() {
                let row = row.add(*starts.add(pixel) as usize);
                let mut sum = vdupq_n_s32(0);
                for pair in 0..PAIRS {
                    let bytes = vld1q_u8(row.add(pair / 2 * 12));
                    let words = vqtbl1q_u8(bytes, orders[pair % 2]);
                    let words = vreinterpretq_s16_u8(words);
                    let weights = weights.add(pair * 32 + pixel * 8);
                    sum = vmlal_n_s16(sum, vget_low_s16(words), *weights);
                    sum = vmlal_n_s16(sum, vget_high_s16(words), *weights.add(1));
                }
                *floats = vcvtq_f32_s32(sum);
            }
            Self(floats)
        }
    }

    #[inline(always)]
    unsafe fn dots(
        line: *const f32,
        starts: *const u32,
        weights: *const f32,
        count: usize,
    ) -> Self {
        // SAFETY: by the contract of `Lanes::dots`, the processor has NEON; `starts` is readable
        // for 16 starts, `line` for `count` floats at each, and `weights` for 16 times `count`
        // floats; `count` is a multiple of 4.
        unsafe {
            let mut sums = [vdupq_n_f32(0.0); FLOATS];
            for (lane, sum) in sums.iter_mut().enumerate() {
                let line = line.add(*starts.add(lane) as usize);
                let weights = weights.add(lane * count);
                for tap in (0..count).step_by(4) {
                    let values = vld1q_f32(line.add(tap));
                    *sum = vfmaq_f32(*sum, values, vld1q_f32(weights.add(tap)));
                }
            }
            Self([
                folded(sums[0], sums[1], sums[2], sums[3]),
                folded(sums[4], sums[5], sums[6], sums[7]),
                folded(sums[8], sums[9], sums[10], sums[11]),
                folded(sums[12], sums[13], sums[14], sums[15]),
            ])
        }
    }

    #[inline(always)]
    unsafe fn halve<const CHANNELS: usize>(top: *const u8, bottom: *const u8, into: *mut u8) {
        // Six bytes of every eight.
        const ORDER: [u8; FLOATS] = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 255, 255, 255, 255];
        // SAFETY: by the contract of `Lanes::halve`, the processor has NEON; `top` and `bottom` are
        // readable for 32 bytes, and `into` is writable for 16; the tables here have 16 bytes.
        unsafe {
            let second = if CHANNELS == 1 { 16 } else { 12 };
            let low = vaddq_u16(pair_sums::<CHANNELS>(top), pair_sums::<CHANNELS>(bottom));
            let high = vaddq_u16(
                pair_sums::<CHANNELS>(top.add(second)),
                pair_sums::<CHANNELS>(bottom.add(second)),
            );
            let means = vcombine_u8(vrshrn_n_u16::<2>(low), vrshrn_n_u16::<2>(high));
            if CHANNELS == 1 {
                return vst1q_u8(into, means);
            }
            vst1q_u8(into, vqtbl1q_u8(means, vld1q_u8(ORDER.as_ptr())));
        }
    }

    #[inline(always)]
    unsafe fn no_sums() -> Self::Sums {
        // SAFETY: by the contract of `Lanes::no_sums`, the processor has NEON.
        [unsafe { vdupq_n_u16(0) }; 4]
    }

    #[inline(always)]
    unsafe fn add_bytes(sums: Self::Sums, from: *const u8) -> Self::Sums {
        // SAFETY: by the contract of `Lanes::add_bytes`, the processor has NEON; `from` is readable
        // for 32 bytes.
        unsafe {
            let (low, high) = (vld1q_u8(from), vld1q_u8(from.add(16)));
            [
                vaddw_u8(sums[0], vget_low_u8(low)),
                vaddw_u8(sums[1], vget_high_u8(low)),
                vaddw_u8(sums[2], vget_low_u8(high)),
                vaddw_u8(sums[3], vget_high_u8(high)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn from_sums(sums: Self::Sums) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes::from_sums`, the processor has NEON.
        unsafe {
            let ([a, b], [c, d]) = (widened(sums[0]), widened(sums[1]));
            let ([e, f], [g, h]) = (widened(sums[2]), widened(sums[3]));
            [Self([a, b, c, d]), Self([e, f, g, h])]
        }
    }
}

impl Neon {
    /// Rounds half to even and saturates to bytes.
    ///
    /// # Safety
    /// The processor has NEON.
    #[inline(always)]
    unsafe fn bytes(self) -> uint8x16_t {
        let [a, b, c, d] = self.0;
        // SAFETY: the caller upholds the contract: the processor has NEON.
        unsafe {
            let low = vcombine_u16(
                vqmovun_s32(vcvtnq_s32_f32(a)),
                vqmovun_s32(vcvtnq_s32_f32(b)),
            );
            let high = vcombine_u16(
                vqmovun_s32(vcvtnq_s32_f32(c)),
                vqmovun_s32(vcvtnq_s32_f32(d)),
            );
            vcombine_u8(vqmovn_u16(low), vqmovn_u16(high))
        }
    }
}

/// The sums of neighbours in sixteen bytes of a row of `Lanes::halve`, as words.
///
/// # Safety
/// The processor has NEON; sixteen bytes may be read.
#[inline(always)]
unsafe fn pair_sums<const CHANNELS: usize>(row: *const u8) -> uint16x8_t {
    const ORDER: [u8; FLOATS] = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 255, 255, 255, 255];
    // SAFETY: the caller upholds the contract: the processor has NEON; `row` is readable as `#
    // Safety` requires.
    unsafe {
        let bytes = vld1q_u8(row);
        if CHANNELS == 1 {
            return vpaddlq_u8(bytes);
        }
        vpaddlq_u8(vqtbl1q_u8(bytes, vld1q_u8(ORDER.as_ptr())))
    }
}

/// Eight words as floats.
///
/// # Safety
/// The processor has NEON.
#[inline(always)]
unsafe fn widened(words: uint16x8_t) -> [float32x4_t; 2] {
    // SAFETY: the caller upholds the contract: the processor has NEON.
    unsafe {
        [
            vcvtq_f32_u32(vmovl_u16(vget_low_u16(words))),
            vcvtq_f32_u32(vmovl_u16(vget_high_u16(words))),
        ]
    }
}

/// The sums of four registers' lanes.
///
/// # Safety
/// The processor has NEON.
#[inline(always)]
unsafe fn folded(a: float32x4_t, b: float32x4_t, c: float32x4_t, d: float32x4_t) -> float32x4_t {
    // SAFETY: the caller upholds the contract: the processor has NEON.
    unsafe { vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)) }
}
