//! Owns eight 16-bit lanes in NEON, which every AArch64 that std runs on has. Never touches memory.

use std::arch::aarch64::{
    int16x8_t, vaddq_s16, vandq_s16, vbicq_s16, vcgtq_s16, vcombine_s16, vcreate_u8, vget_lane_u64,
    vget_low_s16, vmaxq_s16, vminq_s16, vmovl_u8, vmovn_u16, vorrq_s16, vreinterpret_u64_u8,
    vreinterpretq_s16_u16, vreinterpretq_u16_s16, vshrq_n_s16, vsubq_s16,
};

/// Eight signed 16-bit numbers, or eight masks of all ones or all zeros.
#[derive(Clone, Copy)]
pub(super) struct Lanes(int16x8_t);

/// A method for each instruction of two operands.
macro_rules! binary {
    ($($name:ident is $instruction:ident)*) => {$(
        #[inline(always)]
        pub(super) fn $name(self, other: Self) -> Self {
            // SAFETY: the instruction is NEON, which this target always has.
            Self(unsafe { $instruction(self.0, other.0) })
        }
    )*};
}

impl Lanes {
    binary! {
        plus is vaddq_s16
        minus is vsubq_s16
        min is vminq_s16
        max is vmaxq_s16
        and is vandq_s16
        or is vorrq_s16
    }

    /// A mask of where these numbers are greater.
    #[inline(always)]
    pub(super) fn above(self, other: Self) -> Self {
        // SAFETY: the instruction is NEON, which this target always has.
        Self(unsafe { vreinterpretq_s16_u16(vcgtq_s16(self.0, other.0)) })
    }

    /// The low half of each, this one's first.
    #[inline(always)]
    pub(super) fn low_halves(self, other: Self) -> Self {
        // SAFETY: the instructions are NEON, which this target always has.
        Self(unsafe { vcombine_s16(vget_low_s16(self.0), vget_low_s16(other.0)) })
    }

    /// `other` where this mask is off.
    #[inline(always)]
    pub(super) fn excludes(self, other: Self) -> Self {
        // SAFETY: the instruction is NEON, which this target always has.
        Self(unsafe { vbicq_s16(other.0, self.0) })
    }

    /// Half of each number, none of them negative.
    #[inline(always)]
    pub(super) fn halved(self) -> Self {
        // SAFETY: the instruction is NEON, which this target always has.
        Self(unsafe { vshrq_n_s16::<1>(self.0) })
    }

    /// The eight bytes of a word, the lowest first.
    #[inline(always)]
    pub(super) fn from_bytes(bytes: u64) -> Self {
        // SAFETY: the instructions are NEON, which this target always has.
        Self(unsafe { vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(bytes))) })
    }

    /// The numbers, each 0..=255, as the bytes of a word.
    #[inline(always)]
    pub(super) fn to_bytes(self) -> u64 {
        // SAFETY: the instructions are NEON, which this target always has.
        unsafe {
            vget_lane_u64::<0>(vreinterpret_u64_u8(vmovn_u16(vreinterpretq_u16_s16(
                self.0,
            ))))
        }
    }
}
