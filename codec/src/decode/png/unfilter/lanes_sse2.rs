//! Owns eight 16-bit lanes in SSE2, which every x86-64 has. Never touches memory.

use std::arch::x86_64::{
    __m128i, _mm_add_epi16, _mm_and_si128, _mm_andnot_si128, _mm_cmpgt_epi16, _mm_cvtsi64_si128,
    _mm_cvtsi128_si64, _mm_max_epi16, _mm_min_epi16, _mm_or_si128, _mm_packus_epi16,
    _mm_setzero_si128, _mm_srli_epi16, _mm_sub_epi16, _mm_unpacklo_epi8, _mm_unpacklo_epi64,
};

/// Eight signed 16-bit numbers, or eight masks of all ones or all zeros.
#[derive(Clone, Copy)]
pub(super) struct Lanes(__m128i);

/// A method for each instruction of two operands.
macro_rules! binary {
    ($($name:ident is $instruction:ident)*) => {$(
        #[inline(always)]
        pub(super) fn $name(self, other: Self) -> Self {
            // SAFETY: the instruction is SSE2, which belongs to x86-64.
            Self(unsafe { $instruction(self.0, other.0) })
        }
    )*};
}

impl Lanes {
    binary! {
        plus is _mm_add_epi16
        minus is _mm_sub_epi16
        min is _mm_min_epi16
        max is _mm_max_epi16
        above is _mm_cmpgt_epi16
        and is _mm_and_si128
        or is _mm_or_si128
        low_halves is _mm_unpacklo_epi64
    }

    /// `other` where this mask is off.
    #[inline(always)]
    pub(super) fn excludes(self, other: Self) -> Self {
        // SAFETY: the instruction is SSE2, which belongs to x86-64.
        Self(unsafe { _mm_andnot_si128(self.0, other.0) })
    }

    /// Half of each number, none of them negative.
    #[inline(always)]
    pub(super) fn halved(self) -> Self {
        // SAFETY: the instruction is SSE2, which belongs to x86-64.
        Self(unsafe { _mm_srli_epi16::<1>(self.0) })
    }

    /// The eight bytes of a word, the lowest first.
    #[inline(always)]
    pub(super) fn from_bytes(bytes: u64) -> Self {
        // SAFETY: the instructions are SSE2, which belongs to x86-64.
        Self(unsafe {
            _mm_unpacklo_epi8(_mm_cvtsi64_si128(bytes.cast_signed()), _mm_setzero_si128())
        })
    }

    /// The numbers, each 0..=255, as the bytes of a word.
    #[inline(always)]
    pub(super) fn to_bytes(self) -> u64 {
        // SAFETY: the instructions are SSE2, which belongs to x86-64.
        unsafe { _mm_cvtsi128_si64(_mm_packus_epi16(self.0, self.0)) }.cast_unsigned()
    }
}
