//! Owns the form of the passes for AVX-512 (F, BW and VL): one register of 16 floats. Never decides when
//! it runs.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::lanes::Lanes;

/// Sixteen floats in a register.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

impl Lanes for Avx512 {
    type Sums = __m512i;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: by the contract of `Lanes::splat`, the processor has AVX-512 F, BW and VL.
        unsafe { Self(_mm512_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: by the contract of `Lanes::load`, the processor has AVX-512 F, BW and VL; `from`
        // is readable for 16 floats.
        unsafe { Self(_mm512_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn store(self, into: *mut f32) {
        // SAFETY: by the contract of `Lanes::store`, the processor has AVX-512 F, BW and VL; `into`
        // is writable for 16 floats.
        unsafe { _mm512_storeu_ps(into, self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: by the contract of `Lanes::add`, the processor has AVX-512 F, BW and VL.
        unsafe { Self(_mm512_add_ps(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, sum: Self) -> Self {
        // SAFETY: by the contract of `Lanes::mul_add`, the processor has AVX-512 F, BW and VL.
        unsafe { Self(_mm512_fmadd_ps(self.0, by.0, sum.0)) }
    }

    #[inline(always)]
    unsafe fn from_bytes(from: *const u8) -> Self {
        // SAFETY: by the contract of `Lanes::from_bytes`, the processor has AVX-512 F, BW and VL;
        // `from` is readable for 16 bytes.
        unsafe {
            let wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm512_cvtepi32_ps(wide))
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::store_bytes`, the processor has AVX-512 F, BW and VL;
        // `into` is writable for 16 bytes.
        unsafe { _mm_storeu_si128(into.cast(), self.bytes()) }
    }

    #[inline(always)]
    unsafe fn pixels(line: *const f32, starts: *const u32) -> Self {
        // SAFETY: by the contract of `Lanes::pixels`, the processor has AVX-512 F, BW and VL;
        // `starts` is readable for 4 starts, and `line` for 4 floats at each.
        unsafe { Self(fours(line, starts)) }
    }

    #[inline(always)]
    unsafe fn store_pixels(self, into: *mut f32) {
        // SAFETY: by the contract of `Lanes::store_pixels`, the processor has AVX-512 F, BW and VL;
        // `into` is writable for 16 floats, of which the last store takes 9 to 12.
        unsafe {
            _mm_storeu_ps(into, _mm512_castps512_ps128(self.0));
            _mm_storeu_ps(into.add(3), _mm512_extractf32x4_ps::<1>(self.0));
            _mm_storeu_ps(into.add(6), _mm512_extractf32x4_ps::<2>(self.0));
            _mm_storeu_ps(into.add(9), _mm512_extractf32x4_ps::<3>(self.0));
        }
    }

    #[inline(always)]
    unsafe fn store_pixel_bytes(self, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::store_pixel_bytes`, the processor has AVX-512 F, BW
        // and VL; `into` is writable for 16 bytes.
        unsafe {
            let order = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
            _mm_storeu_si128(into.cast(), _mm_shuffle_epi8(self.bytes(), order));
        }
    }

    #[inline(always)]
    unsafe fn fixed_pixels<const PAIRS: usize>(
        row: *const u8,
        starts: *const u32,
        weights: *const i16,
    ) -> Self {
        // SAFETY: by the contract of `Lanes::fixed_pixels`, the processor has AVX-512 F, BW and VL;
        // `starts` is readable for 4 starts, `weights` for 32 weights per pair, and `row` for 16
        // bytes at every other pair from each start; every processor with AVX-512 has AVX2 and FMA.
        unsafe {
            // Two 256-bit operations are faster: they have a third port.
            let [low, high] = Avx2::fixed_pixels::<PAIRS>(row, starts, weights).0;
            let low = _mm512_castps_pd(_mm512_castps256_ps512(low));
            let both = _mm512_insertf64x4::<1>(low, _mm256_castps_pd(high));
            Self(_mm512_castpd_ps(both))
        }
    }

    #[inline(always)]
    unsafe fn dots(
        line: *const f32,
        starts: *const u32,
        weights: *const f32,
        count: usize,
    ) -> Self {
        // SAFETY: by the contract of `Lanes::dots`, the processor has AVX-512 F, BW and VL;
        // `starts` is readable for 16 starts, `line` for `count` floats at each, and `weights` for
        // 16 times `count` floats; `count` is a multiple of 4.
        unsafe {
            if count == 4 {
                let mut sums = [_mm512_setzero_ps(); 4];
                for (four, sum) in sums.iter_mut().enumerate() {
                    let values = fours(line, starts.add(4 * four));
                    *sum = _mm512_mul_ps(values, _mm512_loadu_ps(weights.add(16 * four)));
                }
                let [a, b, c, d] = sums;
                let sums = fold(fold(a, b), fold(c, d));
                let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
                return Self(_mm512_permutexvar_ps(order, sums));
            }
            let mut sums = [_mm512_setzero_ps(); 8];
            for (two, sum) in sums.iter_mut().enumerate() {
                let first = line.add(*starts.add(2 * two) as usize);
                let second = line.add(*starts.add(2 * two + 1) as usize);
                let weights = weights.add(2 * two * count);
                *sum = _mm512_mul_ps(eights(first, second), eights(weights, weights.add(count)));
                for tap in (8..count).step_by(8) {
                    let values = eights(first.add(tap), second.add(tap));
                    let weights = eights(weights.add(tap), weights.add(count + tap));
                    *sum = _mm512_fmadd_ps(values, weights, *sum);
                }
            }
            let [a, b, c, d, e, f, g, h] = sums;
            let low = fold(fold(a, b), fold(c, d));
            let high = fold(fold(e, f), fold(g, h));
            // Quarters hold half sums: of even pixels twice, then of odd ones.
            let sums = _mm512_add_ps(
                _mm512_shuffle_f32x4::<0b10_00_10_00>(low, high),
                _mm512_shuffle_f32x4::<0b11_01_11_01>(low, high),
            );
            let order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
            Self(_mm512_permutexvar_ps(order, sums))
        }
    }

    #[inline(always)]
    unsafe fn halve<const CHANNELS: usize>(top: *const u8, bottom: *const u8, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::halve`, the processor has AVX-512 F, BW and VL; `top`
        // and `bottom` are readable for 32 bytes, and `into` is writable for 16; every processor
        // with AVX-512 has AVX2 and FMA.
        unsafe { Avx2::halve::<CHANNELS>(top, bottom, into) }
    }

    #[inline(always)]
    unsafe fn no_sums() -> __m512i {
        // SAFETY: by the contract of `Lanes::no_sums`, the processor has AVX-512 F, BW and VL.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn add_bytes(sums: __m512i, from: *const u8) -> __m512i {
        // SAFETY: by the contract of `Lanes::add_bytes`, the processor has AVX-512 F, BW and VL;
        // `from` is readable for 32 bytes.
        unsafe {
            let words = _mm512_cvtepu8_epi16(_mm256_loadu_si256(from.cast()));
            _mm512_add_epi16(sums, words)
        }
    }

    #[inline(always)]
    unsafe fn from_sums(sums: __m512i) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes::from_sums`, the processor has AVX-512 F, BW and VL.
        unsafe {
            let low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(sums));
            let high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(sums));
            [
                Self(_mm512_cvtepi32_ps(low)),
                Self(_mm512_cvtepi32_ps(high)),
            ]
        }
    }
}

impl Avx512 {
    /// Rounds and saturates to bytes.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn bytes(self) -> __m128i {
        // SAFETY: the caller upholds the contract: the processor has AVX-512 F, BW and VL.
        unsafe {
            let whole = _mm512_max_epi32(_mm512_cvtps_epi32(self.0), _mm512_setzero_si512());
            _mm512_cvtusepi32_epi8(whole)
        }
    }
}

/// Four floats at each of four starts.
///
/// # Safety
/// As for `Lanes::pixels`.
#[inline(always)]
unsafe fn fours(line: *const f32, starts: *const u32) -> __m512 {
    // SAFETY: the caller upholds the contract: the processor has AVX-512 F, BW and VL; `starts` is
    // readable for 4 starts, and `line` for 4 floats at each.
    unsafe {
        let first = _mm_loadu_ps(line.add(*starts as usize));
        let second = _mm_loadu_ps(line.add(*starts.add(1) as usize));
        let third = _mm_loadu_ps(line.add(*starts.add(2) as usize));
        let fourth = _mm_loadu_ps(line.add(*starts.add(3) as usize));
        let pixels = _mm512_castps128_ps512(first);
        let pixels = _mm512_mask_broadcast_f32x4(pixels, 0x00f0, second);
        let pixels = _mm512_mask_broadcast_f32x4(pixels, 0x0f00, third);
        _mm512_mask_broadcast_f32x4(pixels, 0xf000, fourth)
    }
}

/// Eight floats from each of two addresses.
///
/// # Safety
/// As for `Lanes::load`, for eight floats at either pointer.
#[inline(always)]
unsafe fn eights(first: *const f32, second: *const f32) -> __m512 {
    // SAFETY: the caller upholds the contract: the processor has AVX-512 F, BW and VL; both
    // pointers are readable for 8 floats.
    unsafe {
        let low = _mm512_castps256_ps512(_mm256_loadu_ps(first));
        let high = _mm256_castps_pd(_mm256_loadu_ps(second));
        _mm512_castpd_ps(_mm512_insertf64x4::<1>(_mm512_castps_pd(low), high))
    }
}

/// In each quarter, the sums of both pairs of `a`, then of `b`.
///
/// # Safety
/// The processor has AVX-512.
#[inline(always)]
unsafe fn fold(a: __m512, b: __m512) -> __m512 {
    // SAFETY: the caller upholds the contract: the processor has AVX-512 F, BW and VL.
    unsafe {
        _mm512_add_ps(
            _mm512_shuffle_ps::<0b10_00_10_00>(a, b),
            _mm512_shuffle_ps::<0b11_01_11_01>(a, b),
        )
    }
}
