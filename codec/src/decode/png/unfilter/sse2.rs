//! Owns the operations of `Lanes` in SSE2. Never touches memory.

use std::arch::x86_64::{
    __m128i, _mm_add_epi16, _mm_and_si128, _mm_andnot_si128, _mm_cmpgt_epi16, _mm_cvtsi64_si128,
    _mm_cvtsi128_si64, _mm_max_epi16, _mm_min_epi16, _mm_or_si128, _mm_packus_epi16,
    _mm_setzero_si128, _mm_srli_epi16, _mm_sub_epi16, _mm_unpacklo_epi8, _mm_unpacklo_epi64,
};

pub(super) type Register = __m128i;

/// Defines functions of two operands that are one instruction each.
macro_rules! binary {
    ($($name:ident is $instruction:ident)*) => {$(
        #[inline(always)]
        pub(super) fn $name(a: Register, b: Register) -> Register {
            // SAFETY: the instruction is of SSE2, which is part of the x86-64 baseline.
            unsafe { $instruction(a, b) }
        }
    )*};
}

binary! {
    plus is _mm_add_epi16
    minus is _mm_sub_epi16
    min is _mm_min_epi16
    max is _mm_max_epi16
    and is _mm_and_si128
    or is _mm_or_si128
    above is _mm_cmpgt_epi16
    low_halves is _mm_unpacklo_epi64
    excludes is _mm_andnot_si128
}

#[inline(always)]
pub(super) fn halved(a: Register) -> Register {
    // SAFETY: the instruction is of SSE2, which is part of the x86-64 baseline.
    unsafe { _mm_srli_epi16::<1>(a) }
}

#[inline(always)]
pub(super) fn from_bytes(bytes: u64) -> Register {
    // SAFETY: the instructions are of SSE2, which is part of the x86-64 baseline.
    unsafe { _mm_unpacklo_epi8(_mm_cvtsi64_si128(bytes.cast_signed()), _mm_setzero_si128()) }
}

#[inline(always)]
pub(super) fn to_bytes(a: Register) -> u64 {
    // SAFETY: the instructions are of SSE2, which is part of the x86-64 baseline.
    unsafe { _mm_cvtsi128_si64(_mm_packus_epi16(a, a)) }.cast_unsigned()
}
