//! Owns the form of the passes for processors with AVX2 and FMA: two registers of eight floats.

use std::arch::x86_64::*;

use super::lanes::{FLOATS, Lanes};

/// Sixteen floats in two registers.
#[derive(Clone, Copy)]
pub(super) struct Avx2([__m256; 2]);

// SAFETY of all blocks below: the caller's word is that the processor has AVX2 and FMA and that
// the pointer reaches as far as the function of `Lanes` says.
impl Lanes for Avx2 {
    type Sums = [__m256i; 2];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's word.
        unsafe { Self([_mm256_set1_ps(value); 2]) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's word.
        unsafe { Self([_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))]) }
    }

    #[inline(always)]
    unsafe fn store(self, into: *mut f32) {
        // SAFETY: the caller's word.
        unsafe {
            _mm256_storeu_ps(into, self.0[0]);
            _mm256_storeu_ps(into.add(8), self.0[1]);
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, sum: Self) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            Self([
                _mm256_fmadd_ps(self.0[0], by.0[0], sum.0[0]),
                _mm256_fmadd_ps(self.0[1], by.0[1], sum.0[1]),
            ])
        }
    }

    #[inline(always)]
    unsafe fn from_bytes(from: *const u8) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            Self(
                [from, from.add(8)].map(|from| {
                    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())))
                }),
            )
        }
    }

    #[inline(always)]
    unsafe fn to_bytes(self) -> [u8; FLOATS] {
        // SAFETY: the caller's word.
        unsafe {
            let [low, high] = self.0.map(|floats| _mm256_cvtps_epi32(floats));
            // Packing works in each half: words come in the order 0, 2, 1, 3 of four.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low, high));
            bytes(_mm_packus_epi16(
                _mm256_castsi256_si128(words),
                _mm256_extracti128_si256::<1>(words),
            ))
        }
    }

    #[inline(always)]
    unsafe fn pixels(line: *const f32, starts: &[u32; 4]) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            let pair = |first: u32, second: u32| {
                _mm256_insertf128_ps::<1>(
                    _mm256_castps128_ps256(_mm_loadu_ps(line.add(first as usize))),
                    _mm_loadu_ps(line.add(second as usize)),
                )
            };
            Self([pair(starts[0], starts[1]), pair(starts[2], starts[3])])
        }
    }

    #[inline(always)]
    unsafe fn store_pixels(self, into: *mut f32) {
        // SAFETY: the caller's word.
        unsafe {
            for (pair, floats) in self.0.into_iter().enumerate() {
                let into = into.add(pair * 6);
                _mm_storeu_ps(into, _mm256_castps256_ps128(floats));
                _mm_storeu_ps(into.add(3), _mm256_extractf128_ps::<1>(floats));
            }
        }
    }

    #[inline(always)]
    unsafe fn to_pixel_bytes(self) -> [u8; FLOATS] {
        // SAFETY: the caller's word.
        unsafe {
            let [low, high] = self.0.map(|floats| _mm256_cvtps_epi32(floats));
            let words = _mm256_packus_epi32(low, high);
            let packed = _mm_packus_epi16(
                _mm256_castsi256_si128(words),
                _mm256_extracti128_si256::<1>(words),
            );
            // Pixels stand in the order 0, 2, 1, 3.
            let order = _mm_setr_epi8(0, 1, 2, 8, 9, 10, 4, 5, 6, 12, 13, 14, -1, -1, -1, -1);
            bytes(_mm_shuffle_epi8(packed, order))
        }
    }

    #[inline(always)]
    unsafe fn dots(
        line: *const f32,
        starts: &[u32; FLOATS],
        weights: *const f32,
        count: usize,
    ) -> Self {
        // SAFETY: the caller's word.
        unsafe {
            let eight = |first: usize| {
                let sums: [__m256; 8] = std::array::from_fn(|lane| {
                    let lane = first + lane;
                    let line = line.add(starts[lane] as usize);
                    let weights = weights.add(lane * count);
                    let mut sum = _mm256_mul_ps(_mm256_loadu_ps(line), _mm256_loadu_ps(weights));
                    for tap in (8..count).step_by(8) {
                        let values = _mm256_loadu_ps(line.add(tap));
                        sum = _mm256_fmadd_ps(values, _mm256_loadu_ps(weights.add(tap)), sum);
                    }
                    sum
                });
                reduce(sums)
            };
            Self([eight(0), eight(8)])
        }
    }

    #[inline(always)]
    unsafe fn no_sums() -> Self::Sums {
        // SAFETY: the caller's word.
        unsafe { [_mm256_setzero_si256(); 2] }
    }

    #[inline(always)]
    unsafe fn add_bytes(sums: Self::Sums, from: *const u8) -> Self::Sums {
        // SAFETY: the caller's word.
        unsafe {
            let part = |at: usize| _mm256_cvtepu8_epi16(_mm_loadu_si128(from.add(at).cast()));
            [
                _mm256_add_epi16(sums[0], part(0)),
                _mm256_add_epi16(sums[1], part(16)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn from_sums(sums: Self::Sums) -> [Self; 2] {
        // SAFETY: the caller's word.
        unsafe {
            sums.map(|words| {
                let halves = [
                    _mm256_castsi256_si128(words),
                    _mm256_extracti128_si256::<1>(words),
                ];
                Self(halves.map(|half| _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(half))))
            })
        }
    }
}

/// Lane `k` of the result is the sum of all lanes of `sums[k]`.
///
/// # Safety
/// The processor has AVX.
#[inline(always)]
unsafe fn reduce(sums: [__m256; 8]) -> __m256 {
    // SAFETY: the caller's word.
    unsafe {
        let four = |at: usize| {
            _mm256_hadd_ps(
                _mm256_hadd_ps(sums[at], sums[at + 1]),
                _mm256_hadd_ps(sums[at + 2], sums[at + 3]),
            )
        };
        let (low, high) = (four(0), four(4));
        _mm256_add_ps(
            _mm256_permute2f128_ps::<0x20>(low, high),
            _mm256_permute2f128_ps::<0x31>(low, high),
        )
    }
}

/// # Safety
/// The processor has SSE2.
#[inline(always)]
unsafe fn bytes(register: __m128i) -> [u8; FLOATS] {
    let mut bytes = [0; FLOATS];
    // SAFETY: the array has the sixteen bytes of the register.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), register) };
    bytes
}
