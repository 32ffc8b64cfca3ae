//! Owns eight 16-bit lanes, in SSE2 or NEON: whichever every processor of the target has. Never touches
//! memory.

#[cfg(target_arch = "aarch64")]
#[path = "neon.rs"]
mod arch;
#[cfg(target_arch = "x86_64")]
#[path = "sse2.rs"]
mod arch;

use arch::Register;

/// Eight signed 16-bit numbers, or eight masks of all ones or all zeros.
#[derive(Clone, Copy)]
pub(super) struct Lanes(Register);

/// Defines methods of two operands by the functions of the same names in `arch`.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name(self, other: Self) -> Self {
            Self(arch::$name(self.0, other.0))
        }
    )*};
}

impl Lanes {
    binary! {
        plus
        minus
        min
        max
        and
        or
        /// A mask of the lanes in which `self` is greater.
        above
        /// The low halves of `self` and `other`.
        low_halves
        /// `other` in the lanes in which this mask is zero.
        excludes
    }

    /// Half of each number, none of which is negative.
    #[inline(always)]
    pub(super) fn halved(self) -> Self {
        Self(arch::halved(self.0))
    }

    /// The eight bytes of a word, lowest first.
    #[inline(always)]
    pub(super) fn from_bytes(bytes: u64) -> Self {
        Self(arch::from_bytes(bytes))
    }

    /// The numbers, each in 0..=255, as the bytes of a word.
    #[inline(always)]
    pub(super) fn to_bytes(self) -> u64 {
        arch::to_bytes(self.0)
    }
}
