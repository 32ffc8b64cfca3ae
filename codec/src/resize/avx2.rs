//! Owns the form of the passes for AVX2 and FMA: two registers of eight floats. Never decides when it
//! runs.

use std::arch::x86_64::*;

use super::lanes::Lanes;

/// Sixteen floats in two registers.
#[derive(Clone, Copy)]
pub(super) struct Avx2(pub(super) [__m256; 2]);

impl Lanes for Avx2 {
    type Sums = [__m256i; 2];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: by the contract of `Lanes::splat`, the processor has AVX2 and FMA.
        unsafe { Self([_mm256_set1_ps(value); 2]) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: by the contract of `Lanes::load`, the processor has AVX2 and FMA; `from` is
        // readable for 16 floats.
        unsafe { Self([_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))]) }
    }

    #[inline(always)]
    unsafe fn store(self, into: *mut f32) {
        // SAFETY: by the contract of `Lanes::store`, the processor has AVX2 and FMA; `into` is
        // writable for 16 floats.
        unsafe {
            _mm256_storeu_ps(into, self.0[0]);
            _mm256_storeu_ps(into.add(8), self.0[1]);
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: by the contract of `Lanes::add`, the processor has AVX2 and FMA.
        unsafe {
            Self([
                _mm256_add_ps(self.0[0], other.0[0]),
                _mm256_add_ps(self.0[1], other.0[1]),
            ])
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, sum: Self) -> Self {
        // SAFETY: by the contract of `Lanes::mul_add`, the processor has AVX2 and FMA.
        unsafe {
            Self([
                _mm256_fmadd_ps(self.0[0], by.0[0], sum.0[0]),
                _mm256_fmadd_ps(self.0[1], by.0[1], sum.0[1]),
            ])
        }
    }

    #[inline(always)]
    unsafe fn from_bytes(from: *const u8) -> Self {
        // SAFETY: by the contract of `Lanes::from_bytes`, the processor has AVX2 and FMA; `from` is
        // readable for 16 bytes.
        unsafe {
            let low = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
            let high = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.add(8).cast()));
            Self([_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)])
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::store_bytes`, the processor has AVX2 and FMA; `into`
        // is writable for 16 bytes.
        unsafe {
            // Packing works in each half: words come in the order 0, 2, 1, 3 of four.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(self.words());
            _mm_storeu_si128(into.cast(), packed(words));
        }
    }

    #[inline(always)]
    unsafe fn pixels(line: *const f32, starts: *const u32) -> Self {
        // SAFETY: by the contract of `Lanes::pixels`, the processor has AVX2 and FMA; `starts` is
        // readable for 4 starts, and `line` for 4 floats at each.
        unsafe { Self([pair(line, starts), pair(line, starts.add(2))]) }
    }

    #[inline(always)]
    unsafe fn store_pixels(self, into: *mut f32) {
        // SAFETY: by the contract of `Lanes::store_pixels`, the processor has AVX2 and FMA; `into`
        // is writable for 16 floats, of which the last store takes 9 to 12.
        unsafe {
            let [low, high] = self.0;
            _mm_storeu_ps(into, _mm256_castps256_ps128(low));
            _mm_storeu_ps(into.add(3), _mm256_extractf128_ps::<1>(low));
            _mm_storeu_ps(into.add(6), _mm256_castps256_ps128(high));
            _mm_storeu_ps(into.add(9), _mm256_extractf128_ps::<1>(high));
        }
    }

    #[inline(always)]
    unsafe fn store_pixel_bytes(self, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::store_pixel_bytes`, the processor has AVX2 and FMA;
        // `into` is writable for 16 bytes.
        unsafe {
            // Pixels are in the order 0, 2, 1, 3.
            let order = _mm_setr_epi8(0, 1, 2, 8, 9, 10, 4, 5, 6, 12, 13, 14, -1, -1, -1, -1);
            let pixels = _mm_shuffle_epi8(packed(self.words()), order);
            _mm_storeu_si128(into.cast(), pixels);
        }
    }

    #[inline(always)]
    unsafe fn fixed_pixels<const PAIRS: usize>(
        row: *const u8,
        starts: *const u32,
        weights: *const i16,
    ) -> Self {
        // SAFETY: by the contract of `Lanes::fixed_pixels`, the processor has AVX2 and FMA;
        // `starts` is readable for 4 starts, `weights` for 32 weights per pair, and `row` for 16
        // bytes at every other pair from each start.
        unsafe {
            let low = fixed_two::<PAIRS>(row, starts, weights);
            let high = fixed_two::<PAIRS>(row, starts.add(2), weights.add(16));
            Self([_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)])
        }
    }

    #[inline(always)]
    unsafe fn dots(
        line: *const f32,
        starts: *const u32,
        weights: *const f32,
        count: usize,
    ) -> Self {
        // SAFETY: by the contract of `Lanes::dots`, the processor has AVX2 and FMA; `starts` is
        // readable for 16 starts, `line` for `count` floats at each, and `weights` for 16 times
        // `count` floats; `count` is a multiple of 4.
        unsafe {
            let (second, behind) = (starts.add(8), weights.add(8 * count));
            if count == 4 {
                return Self([
                    eight_short_dots(line, starts, weights),
                    eight_short_dots(line, second, behind),
                ]);
            }
            Self([
                eight_dots(line, starts, weights, count),
                eight_dots(line, second, behind, count),
            ])
        }
    }

    #[inline(always)]
    unsafe fn halve<const CHANNELS: usize>(top: *const u8, bottom: *const u8, into: *mut u8) {
        // SAFETY: by the contract of `Lanes::halve`, the processor has AVX2 and FMA; `top` and
        // `bottom` are readable for 32 bytes, and `into` is writable for 16.
        unsafe {
            let sum = _mm256_add_epi16(pair_sums::<CHANNELS>(top), pair_sums::<CHANNELS>(bottom));
            // A product by 2^13, divided by 2^15 and rounded half up.
            let means = packed(_mm256_mulhrs_epi16(sum, _mm256_set1_epi16(1 << 13)));
            if CHANNELS == 1 {
                return _mm_storeu_si128(into.cast(), means);
            }
            // Six bytes of every eight.
            let order = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1);
            _mm_storeu_si128(into.cast(), _mm_shuffle_epi8(means, order));
        }
    }

    #[inline(always)]
    unsafe fn no_sums() -> Self::Sums {
        // SAFETY: by the contract of `Lanes::no_sums`, the processor has AVX2 and FMA.
        unsafe { [_mm256_setzero_si256(); 2] }
    }

    #[inline(always)]
    unsafe fn add_bytes(sums: Self::Sums, from: *const u8) -> Self::Sums {
        // SAFETY: by the contract of `Lanes::add_bytes`, the processor has AVX2 and FMA; `from` is
        // readable for 32 bytes.
        unsafe {
            let low = _mm256_cvtepu8_epi16(_mm_loadu_si128(from.cast()));
            let high = _mm256_cvtepu8_epi16(_mm_loadu_si128(from.add(16).cast()));
            [
                _mm256_add_epi16(sums[0], low),
                _mm256_add_epi16(sums[1], high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn from_sums(sums: Self::Sums) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes::from_sums`, the processor has AVX2 and FMA.
        unsafe { [widened(sums[0]), widened(sums[1])] }
    }
}

impl Avx2 {
    /// Rounds to words; the quarters of both halves alternate.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn words(self) -> __m256i {
        // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA.
        unsafe {
            let [low, high] = self.0;
            _mm256_packus_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high))
        }
    }
}

/// Sixteen words as floats.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn widened(words: __m256i) -> Avx2 {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA.
    unsafe {
        let low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(words));
        let high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256::<1>(words));
        Avx2([_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)])
    }
}

/// The sums of neighbours in a row of `Lanes::halve`, as words.
///
/// # Safety
/// As for `Lanes::halve`.
#[inline(always)]
unsafe fn pair_sums<const CHANNELS: usize>(row: *const u8) -> __m256i {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA; `row` is readable as
    // `# Safety` requires.
    unsafe {
        let ones = _mm256_set1_epi8(1);
        if CHANNELS == 1 {
            return _mm256_maddubs_epi16(_mm256_loadu_si256(row.cast()), ones);
        }
        let low = _mm256_castsi128_si256(_mm_loadu_si128(row.cast()));
        let bytes = _mm256_inserti128_si256::<1>(low, _mm_loadu_si128(row.add(12).cast()));
        let order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1,
        ));
        _mm256_maddubs_epi16(_mm256_shuffle_epi8(bytes, order), ones)
    }
}

/// Words to bytes.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn packed(words: __m256i) -> __m128i {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA.
    unsafe {
        _mm_packus_epi16(
            _mm256_castsi256_si128(words),
            _mm256_extracti128_si256::<1>(words),
        )
    }
}

/// Four floats at each of two starts.
///
/// # Safety
/// As for `Lanes::pixels`, for two starts.
#[inline(always)]
unsafe fn pair(line: *const f32, starts: *const u32) -> __m256 {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA; `starts` is readable
    // for 2 starts, and `line` for 4 floats at each.
    unsafe {
        let low = _mm256_castps128_ps256(_mm_loadu_ps(line.add(*starts as usize)));
        _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(line.add(*starts.add(1) as usize)))
    }
}

/// Half of `Lanes::fixed_pixels`.
///
/// # Safety
/// As for `Lanes::fixed_pixels`, for two starts.
#[inline(always)]
unsafe fn fixed_two<const PAIRS: usize>(
    row: *const u8,
    starts: *const u32,
    weights: *const i16,
) -> __m256i {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA; `starts` is readable
    // for 2 starts, `weights` for 32 weights per pair from its half on, and `row` for 16 bytes at
    // every other pair from each start.
    unsafe {
        let first = row.add(*starts as usize);
        let second = row.add(*starts.add(1) as usize);
        // Bytes three apart side by side, as words: the first pair of taps and the next.
        let orders = [
            _mm256_broadcastsi128_si256(_mm_setr_epi8(
                0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
            )),
            _mm256_broadcastsi128_si256(_mm_setr_epi8(
                6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1,
            )),
        ];
        let mut sum = _mm256_setzero_si256();
        let mut bytes = sum;
        for pair in 0..PAIRS {
            if pair % 2 == 0 {
                let low = _mm_loadu_si128(first.add(pair * 6).cast());
                let high = _mm_loadu_si128(second.add(pair * 6).cast());
                bytes = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
            }
            let words = _mm256_shuffle_epi8(bytes, orders[pair % 2]);
            let weights = _mm256_loadu_si256(weights.add(pair * 32).cast());
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, weights));
        }
        sum
    }
}

/// Half of `Lanes::dots`, for four taps.
///
/// # Safety
/// As for `Lanes::dots`, for eight starts.
#[inline(always)]
unsafe fn eight_short_dots(line: *const f32, starts: *const u32, weights: *const f32) -> __m256 {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA; `starts` is readable
    // for 8 starts, `line` for 4 floats at each, and `weights` for 32 floats.
    unsafe {
        let mut sums = [_mm256_setzero_ps(); 4];
        for (two, sum) in sums.iter_mut().enumerate() {
            let values = pair(line, starts.add(2 * two));
            *sum = _mm256_mul_ps(values, _mm256_loadu_ps(weights.add(8 * two)));
        }
        let [a, b, c, d] = sums;
        let sums = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
        // The sums are in the order 0, 2, 4, 6, 1, 3, 5, 7.
        _mm256_permutevar8x32_ps(sums, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
    }
}

/// Half of `Lanes::dots`.
///
/// # Safety
/// As for `Lanes::dots`, for eight starts.
#[inline(always)]
unsafe fn eight_dots(
    line: *const f32,
    starts: *const u32,
    weights: *const f32,
    count: usize,
) -> __m256 {
    // SAFETY: the caller upholds the contract: the processor has AVX2 and FMA; `starts` is readable
    // for 8 starts, `line` for `count` floats at each, and `weights` for 8 times `count` floats.
    unsafe {
        let mut sums = [_mm256_setzero_ps(); 8];
        for (lane, sum) in sums.iter_mut().enumerate() {
            let line = line.add(*starts.add(lane) as usize);
            let weights = weights.add(lane * count);
            *sum = _mm256_mul_ps(_mm256_loadu_ps(line), _mm256_loadu_ps(weights));
            for tap in (8..count).step_by(8) {
                let values = _mm256_loadu_ps(line.add(tap));
                *sum = _mm256_fmadd_ps(values, _mm256_loadu_ps(weights.add(tap)), *sum);
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        let low = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
        let high = _mm256_hadd_ps(_mm256_hadd_ps(e, f), _mm256_hadd_ps(g, h));
        _mm256_add_ps(
            _mm256_permute2f128_ps::<0x20>(low, high),
            _mm256_permute2f128_ps::<0x31>(low, high),
        )
    }
}
