//! Owns the operations of `Lanes` in NEON. Never touches memory.

use std::arch::aarch64::{
    int16x8_t, vaddq_s16, vandq_s16, vbicq_s16, vcgtq_s16, vcombine_s16, vcreate_u8, vget_lane_u64,
    vget_low_s16, vmaxq_s16, vminq_s16, vmovl_u8, vmovn_u16, vorrq_s16, vreinterpret_u64_u8,
    vreinterpretq_s16_u16, vreinterpretq_u16_s16, vshrq_n_s16, vsubq_s16,
};

pub(super) type Register = int16x8_t;

/// Defines functions of two operands that are one instruction each.
macro_rules! binary {
    ($($name:ident is $instruction:ident)*) => {$(
        #[inline(always)]
        pub(super) fn $name(a: Register, b: Register) -> Register {
            // SAFETY: the instruction is of NEON, which is part of the AArch64 baseline.
            unsafe { $instruction(a, b) }
        }
    )*};
}

binary! {
    plus is vaddq_s16
    minus is vsubq_s16
    min is vminq_s16
    max is vmaxq_s16
    and is vandq_s16
    or is vorrq_s16
}

#[inline(always)]
pub(super) fn above(a: Register, b: Register) -> Register {
    // SAFETY: the instruction is of NEON, which is part of the AArch64 baseline.
    unsafe { vreinterpretq_s16_u16(vcgtq_s16(a, b)) }
}

#[inline(always)]
pub(super) fn low_halves(a: Register, b: Register) -> Register {
    // SAFETY: the instructions are of NEON, which is part of the AArch64 baseline.
    unsafe { vcombine_s16(vget_low_s16(a), vget_low_s16(b)) }
}

#[inline(always)]
pub(super) fn excludes(mask: Register, b: Register) -> Register {
    // SAFETY: the instruction is of NEON, which is part of the AArch64 baseline.
    unsafe { vbicq_s16(b, mask) }
}

#[inline(always)]
pub(super) fn halved(a: Register) -> Register {
    // SAFETY: the instruction is of NEON, which is part of the AArch64 baseline.
    unsafe { vshrq_n_s16::<1>(a) }
}

#[inline(always)]
pub(super) fn from_bytes(bytes: u64) -> Register {
    // SAFETY: the instructions are of NEON, which is part of the AArch64 baseline.
    unsafe { vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(bytes))) }
}

#[inline(always)]
pub(super) fn to_bytes(a: Register) -> u64 {
    // SAFETY: the instructions are of NEON, which is part of the AArch64 baseline.
    unsafe { vget_lane_u64::<0>(vreinterpret_u64_u8(vmovn_u16(vreinterpretq_u16_s16(a)))) }
}
