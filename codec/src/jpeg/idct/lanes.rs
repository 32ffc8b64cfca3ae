//! Owns the vector operations of the inverse DCT: an AVX2 or AVX-512 register holds a row of N blocks,
//! 128 bits each. Never moves values between blocks.

use std::arch::x86_64::*;

use super::block::Block;

/// N rows of 8 16-bit values, each of another block; or of 4 32-bit values.
///
/// # Safety
/// Every function requires that the processor has the vectors of the type, as
/// [`Width::widest`](super::Width::widest) detects them.
pub(super) trait Lanes<const N: usize>: Copy {
    unsafe fn zero() -> Self;
    unsafe fn splat32(value: i32) -> Self;
    /// Row `index` of each block.
    unsafe fn row(blocks: [&Block; N], index: usize) -> Self;
    /// Row `index` of one block, N times.
    unsafe fn same_row(block: &Block, index: usize) -> Self;
    unsafe fn or(a: Self, b: Self) -> Self;
    unsafe fn add16(a: Self, b: Self) -> Self;
    unsafe fn sub16(a: Self, b: Self) -> Self;
    /// The low halves of the products.
    unsafe fn mul16(a: Self, b: Self) -> Self;
    unsafe fn shift_left16<const BITS: u32>(a: Self) -> Self;
    unsafe fn add32(a: Self, b: Self) -> Self;
    unsafe fn sub32(a: Self, b: Self) -> Self;
    unsafe fn shift_right32<const BITS: u32>(a: Self) -> Self;
    /// Sums of two neighbours' products.
    unsafe fn madd(a: Self, b: Self) -> Self;
    unsafe fn saturate16(low: Self, high: Self) -> Self;
    /// Interleaves the low and the high halves of `a` and `b`.
    unsafe fn interleave16(a: Self, b: Self) -> [Self; 2];
    unsafe fn interleave32(a: Self, b: Self) -> [Self; 2];
    unsafe fn interleave64(a: Self, b: Self) -> [Self; 2];
    /// For each block, `yes` if all of `test` is zero, else `no`.
    unsafe fn where_zero(test: Self, yes: Self, no: Self) -> Self;
    /// Two rows saturated to 8 bits and shifted from -128..=127 to 0..=255.
    unsafe fn centre(first: Self, second: Self) -> Self;
    /// Stores what `centre` returned: one row of all blocks' samples, side by side, and the other.
    ///
    /// # Safety
    /// `first` and `second` are writable for 8 samples of each block.
    unsafe fn put(pair: Self, first: *mut u8, second: *mut u8);
    unsafe fn is_zero(a: Self) -> bool;
    /// Each block's values but the first, shifted down by one.
    unsafe fn behind_first(a: Self) -> Self;
}

#[inline(always)]
fn row(block: &Block, index: usize) -> __m128i {
    let row = &block[index * 8..index * 8 + 8];
    // SAFETY: the slice has 8 values of 16 bits; SSE2 is part of the x86-64 baseline, and the load needs
    // no alignment.
    unsafe { _mm_loadu_si128(row.as_ptr().cast()) }
}

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256i);

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512i);

impl Lanes<2> for Avx2 {
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_setzero_si256()) }
    }

    #[inline(always)]
    unsafe fn splat32(value: i32) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_set1_epi32(value)) }
    }

    #[inline(always)]
    unsafe fn row(blocks: [&Block; 2], index: usize) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe {
            Self(_mm256_set_m128i(
                row(blocks[1], index),
                row(blocks[0], index),
            ))
        }
    }

    #[inline(always)]
    unsafe fn same_row(block: &Block, index: usize) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_broadcastsi128_si256(row(block, index))) }
    }

    #[inline(always)]
    unsafe fn or(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_or_si256(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn add16(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_add_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn sub16(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_sub_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn mul16(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_mullo_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn shift_left16<const BITS: u32>(a: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_sll_epi16(a.0, _mm_cvtsi32_si128(BITS as i32))) }
    }

    #[inline(always)]
    unsafe fn add32(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_add_epi32(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn sub32(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_sub_epi32(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn shift_right32<const BITS: u32>(a: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_sra_epi32(a.0, _mm_cvtsi32_si128(BITS as i32))) }
    }

    #[inline(always)]
    unsafe fn madd(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_madd_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn saturate16(low: Self, high: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_packs_epi32(low.0, high.0)) }
    }

    #[inline(always)]
    unsafe fn interleave16(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe {
            [
                Self(_mm256_unpacklo_epi16(a.0, b.0)),
                Self(_mm256_unpackhi_epi16(a.0, b.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave32(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe {
            [
                Self(_mm256_unpacklo_epi32(a.0, b.0)),
                Self(_mm256_unpackhi_epi32(a.0, b.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave64(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe {
            [
                Self(_mm256_unpacklo_epi64(a.0, b.0)),
                Self(_mm256_unpackhi_epi64(a.0, b.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn where_zero(test: Self, yes: Self, no: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe {
            let quads = _mm256_cmpeq_epi64(test.0, _mm256_setzero_si256());
            let both = _mm256_and_si256(quads, _mm256_shuffle_epi32::<0b01_00_11_10>(quads));
            Self(_mm256_blendv_epi8(no.0, yes.0, both))
        }
    }

    #[inline(always)]
    unsafe fn centre(first: Self, second: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe {
            Self(_mm256_add_epi8(
                _mm256_packs_epi16(first.0, second.0),
                _mm256_set1_epi8(-128),
            ))
        }
    }

    #[inline(always)]
    unsafe fn put(pair: Self, first: *mut u8, second: *mut u8) {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2; both rows are writable.
        unsafe {
            let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(pair.0);
            _mm_storeu_si128(first.cast(), _mm256_castsi256_si128(rows));
            _mm_storeu_si128(second.cast(), _mm256_extracti128_si256::<1>(rows));
        }
    }

    #[inline(always)]
    unsafe fn is_zero(a: Self) -> bool {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { _mm256_testz_si256(a.0, a.0) == 1 }
    }

    #[inline(always)]
    unsafe fn behind_first(a: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX2.
        unsafe { Self(_mm256_bsrli_epi128::<2>(a.0)) }
    }
}

impl Lanes<4> for Avx512 {
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_setzero_si512()) }
    }

    #[inline(always)]
    unsafe fn splat32(value: i32) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_set1_epi32(value)) }
    }

    #[inline(always)]
    unsafe fn row(blocks: [&Block; 4], index: usize) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe {
            let low = _mm256_set_m128i(row(blocks[1], index), row(blocks[0], index));
            let high = _mm256_set_m128i(row(blocks[3], index), row(blocks[2], index));
            Self(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high))
        }
    }

    #[inline(always)]
    unsafe fn same_row(block: &Block, index: usize) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_broadcast_i32x4(row(block, index))) }
    }

    #[inline(always)]
    unsafe fn or(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_or_si512(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn add16(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_add_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn sub16(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_sub_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn mul16(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_mullo_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn shift_left16<const BITS: u32>(a: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_sll_epi16(a.0, _mm_cvtsi32_si128(BITS as i32))) }
    }

    #[inline(always)]
    unsafe fn add32(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_add_epi32(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn sub32(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_sub_epi32(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn shift_right32<const BITS: u32>(a: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_sra_epi32(a.0, _mm_cvtsi32_si128(BITS as i32))) }
    }

    #[inline(always)]
    unsafe fn madd(a: Self, b: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_madd_epi16(a.0, b.0)) }
    }

    #[inline(always)]
    unsafe fn saturate16(low: Self, high: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_packs_epi32(low.0, high.0)) }
    }

    #[inline(always)]
    unsafe fn interleave16(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe {
            [
                Self(_mm512_unpacklo_epi16(a.0, b.0)),
                Self(_mm512_unpackhi_epi16(a.0, b.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave32(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe {
            [
                Self(_mm512_unpacklo_epi32(a.0, b.0)),
                Self(_mm512_unpackhi_epi32(a.0, b.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave64(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe {
            [
                Self(_mm512_unpacklo_epi64(a.0, b.0)),
                Self(_mm512_unpackhi_epi64(a.0, b.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn where_zero(test: Self, yes: Self, no: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe {
            let quads = _mm512_testn_epi64_mask(test.0, test.0);
            // Both quads of a block, or neither.
            let both = quads & (quads >> 1) & 0b0101_0101;
            Self(_mm512_mask_blend_epi64(both * 3, no.0, yes.0))
        }
    }

    #[inline(always)]
    unsafe fn centre(first: Self, second: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe {
            Self(_mm512_add_epi8(
                _mm512_packs_epi16(first.0, second.0),
                _mm512_set1_epi8(-128),
            ))
        }
    }

    #[inline(always)]
    unsafe fn put(pair: Self, first: *mut u8, second: *mut u8) {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW; both rows are
        // writable.
        unsafe {
            let even_before_odd = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
            let rows = _mm512_permutexvar_epi64(even_before_odd, pair.0);
            _mm256_storeu_si256(first.cast(), _mm512_castsi512_si256(rows));
            _mm256_storeu_si256(second.cast(), _mm512_extracti64x4_epi64::<1>(rows));
        }
    }

    #[inline(always)]
    unsafe fn is_zero(a: Self) -> bool {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { _mm512_test_epi64_mask(a.0, a.0) == 0 }
    }

    #[inline(always)]
    unsafe fn behind_first(a: Self) -> Self {
        // SAFETY: by the contract of `Lanes`, the processor has AVX-512 F and BW.
        unsafe { Self(_mm512_bsrli_epi128::<2>(a.0)) }
    }
}
