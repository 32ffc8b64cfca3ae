//! Owns the accurate integer inverse DCT, with its 16-bit steps where libjpeg-turbo's vectors have them,
//! so that the samples are the same also where a coefficient is absurd. Two blocks at a time in AVX2,
//! four in AVX-512. Never decides where samples go.

mod lanes;

use std::arch::x86_64::__m128i;

use lanes::{Avx2, Avx512, Lanes};

/// Coefficients of a block, row by row.
pub(super) type Block = [i16; 64];

/// What multiplies the coefficients, row by row.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Quantizers(pub(super) Block);

/// Blocks that are transformed at once.
pub(super) const GROUP: usize = 4;

/// Two rows of a block's samples, in each of four vectors.
pub(super) type Samples = [__m128i; 4];

/// Fraction bits of the factors.
const FRACTION: u32 = 13;
/// Fraction bits that the first pass leaves.
const KEPT: u32 = 2;
const SHIFT_1: u32 = FRACTION - KEPT;
const SHIFT_2: u32 = FRACTION + KEPT + 3;

// The factors of Loeffler, Ligtenberg and Moschytz, times 2 to the FRACTION.
const F_0_298: i16 = 2446;
const F_0_390: i16 = 3196;
const F_0_541: i16 = 4433;
const F_0_765: i16 = 6270;
const F_0_899: i16 = 7373;
const F_1_175: i16 = 9633;
const F_1_501: i16 = 12299;
const F_1_847: i16 = 15137;
const F_1_961: i16 = 16069;
const F_2_053: i16 = 16819;
const F_2_562: i16 = 20995;
const F_3_072: i16 = 25172;

/// The one sample of a block that has no other coefficient than its first.
pub(super) fn flat(dc: i16, quantizers: &Quantizers) -> u8 {
    let column = dc.wrapping_mul(quantizers.0[0]).wrapping_shl(KEPT);
    let row = ((i32::from(column) << FRACTION) + (1 << (SHIFT_2 - 1))) >> SHIFT_2;
    (row.clamp(-128, 127) + 128) as u8
}

/// Which vectors there are. To have one is to know that the processor has them, and the instructions on
/// bits that the readers are compiled for: AVX2, BMI1, BMI2, LZCNT, POPCNT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Avx2,
    Avx512,
}

impl Width {
    /// The widest that this processor has.
    pub(super) fn widest() -> Option<Self> {
        let enough = std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("bmi1")
            && std::is_x86_feature_detected!("bmi2")
            && std::is_x86_feature_detected!("lzcnt")
            && std::is_x86_feature_detected!("popcnt");
        let wider =
            std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw");
        match (enough, wider) {
            (false, _) => None,
            (true, false) => Some(Self::Avx2),
            (true, true) => Some(Self::Avx512),
        }
    }
}

/// The samples of a group of blocks of one component.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn inverse_avx2(blocks: [&Block; GROUP], quantizers: &Quantizers) -> [Samples; GROUP] {
    let [a, b, c, d] = blocks;
    // SAFETY: this function is compiled for AVX2.
    let [first, second] = unsafe {
        [
            inverse::<Avx2, 2>([a, b], quantizers),
            inverse::<Avx2, 2>([c, d], quantizers),
        ]
    };
    [first[0], first[1], second[0], second[1]]
}

/// The samples of a group of blocks of one component.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn inverse_avx512(blocks: [&Block; GROUP], quantizers: &Quantizers) -> [Samples; GROUP] {
    // SAFETY: this function is compiled for AVX-512F and BW.
    unsafe { inverse::<Avx512, GROUP>(blocks, quantizers) }
}

// Below everything is inlined into the two functions above, and no vector goes through a closure that
// the standard library calls: that is not compiled for these vectors, and each would go by way of memory.

/// 32-bit values of the low and of the high half of each block's row.
type Wide<V> = [V; 2];

/// # Safety
/// The processor has what `V` needs.
#[inline(always)]
unsafe fn inverse<V: Lanes<N>, const N: usize>(
    blocks: [&Block; N],
    quantizers: &Quantizers,
) -> [Samples; N] {
    // SAFETY: as of the caller.
    unsafe {
        let mut raw = [V::zero(); 8];
        let mut rows = raw;
        for index in 0..8 {
            raw[index] = V::row(blocks, index);
            rows[index] = V::mul16(raw[index], V::same_row(&quantizers.0, index));
        }
        let mut columns = pass::<V, N, SHIFT_1>(rows);
        let mut detail = raw[1];
        for row in &raw[2..] {
            detail = V::or(detail, *row);
        }
        // Where there is no vertical detail, libjpeg-turbo's shortcut drops high bits that the whole way
        // would saturate.
        let plain = V::shift_left16::<KEPT>(rows[0]);
        for column in &mut columns {
            *column = V::where_zero(detail, plain, *column);
        }
        let rows = transpose(pass::<V, N, SHIFT_2>(transpose(columns)));
        let pairs = [
            V::centre(rows[0], rows[1]),
            V::centre(rows[2], rows[3]),
            V::centre(rows[4], rows[5]),
            V::centre(rows[6], rows[7]),
        ];
        V::split(pairs)
    }
}

/// `a * even + b * odd`.
#[inline(always)]
unsafe fn sum_of_products<V: Lanes<N>, const N: usize>(
    ab: Wide<V>,
    even: i16,
    odd: i16,
) -> Wide<V> {
    // SAFETY: as of the caller.
    unsafe {
        let factors = V::splat32(i32::from(odd) << 16 | i32::from(even as u16));
        [V::madd(ab[0], factors), V::madd(ab[1], factors)]
    }
}

#[inline(always)]
unsafe fn add<V: Lanes<N>, const N: usize>(a: Wide<V>, b: Wide<V>) -> Wide<V> {
    // SAFETY: as of the caller.
    unsafe { [V::add32(a[0], b[0]), V::add32(a[1], b[1])] }
}

#[inline(always)]
unsafe fn sub<V: Lanes<N>, const N: usize>(a: Wide<V>, b: Wide<V>) -> Wide<V> {
    // SAFETY: as of the caller.
    unsafe { [V::sub32(a[0], b[0]), V::sub32(a[1], b[1])] }
}

/// `value` with FRACTION bits.
#[inline(always)]
unsafe fn widen<V: Lanes<N>, const N: usize>(value: V) -> Wide<V> {
    // SAFETY: as of the caller.
    unsafe {
        let [low, high] = V::interleave16(V::zero(), value);
        [
            V::shift_right32::<{ 16 - FRACTION }>(low),
            V::shift_right32::<{ 16 - FRACTION }>(high),
        ]
    }
}

/// Rounds off SHIFT bits, saturating to 16.
#[inline(always)]
unsafe fn narrow<V: Lanes<N>, const N: usize, const SHIFT: u32>(value: Wide<V>) -> V {
    // SAFETY: as of the caller.
    unsafe {
        let half = V::splat32(1 << (SHIFT - 1));
        let low = V::shift_right32::<SHIFT>(V::add32(value[0], half));
        let high = V::shift_right32::<SHIFT>(V::add32(value[1], half));
        V::saturate16(low, high)
    }
}

/// One pass down the rows.
#[inline(always)]
unsafe fn pass<V: Lanes<N>, const N: usize, const SHIFT: u32>(rows: [V; 8]) -> [V; 8] {
    // SAFETY: as of the caller.
    unsafe {
        let both = V::interleave16(rows[2], rows[6]);
        let even_3 = sum_of_products(both, F_0_541 + F_0_765, F_0_541);
        let even_2 = sum_of_products(both, F_0_541, F_0_541 - F_1_847);
        let even_0 = widen(V::add16(rows[0], rows[4]));
        let even_1 = widen(V::sub16(rows[0], rows[4]));

        let sums = V::interleave16(V::add16(rows[7], rows[3]), V::add16(rows[5], rows[1]));
        let sum_73 = sum_of_products(sums, F_1_175 - F_1_961, F_1_175);
        let sum_51 = sum_of_products(sums, F_1_175, F_1_175 - F_0_390);
        let outer = V::interleave16(rows[7], rows[1]);
        let inner = V::interleave16(rows[5], rows[3]);
        let odd_0 = add(sum_of_products(outer, F_0_298 - F_0_899, -F_0_899), sum_73);
        let odd_3 = add(sum_of_products(outer, -F_0_899, F_1_501 - F_0_899), sum_51);
        let odd_1 = add(sum_of_products(inner, F_2_053 - F_2_562, -F_2_562), sum_51);
        let odd_2 = add(sum_of_products(inner, -F_2_562, F_3_072 - F_2_562), sum_73);

        let (a, b) = (add(even_0, even_3), add(even_1, even_2));
        let (c, d) = (sub(even_1, even_2), sub(even_0, even_3));
        [
            narrow::<V, N, SHIFT>(add(a, odd_3)),
            narrow::<V, N, SHIFT>(add(b, odd_2)),
            narrow::<V, N, SHIFT>(add(c, odd_1)),
            narrow::<V, N, SHIFT>(add(d, odd_0)),
            narrow::<V, N, SHIFT>(sub(d, odd_0)),
            narrow::<V, N, SHIFT>(sub(c, odd_1)),
            narrow::<V, N, SHIFT>(sub(b, odd_2)),
            narrow::<V, N, SHIFT>(sub(a, odd_3)),
        ]
    }
}

/// Transposes each block.
#[inline(always)]
unsafe fn transpose<V: Lanes<N>, const N: usize>(rows: [V; 8]) -> [V; 8] {
    // SAFETY: as of the caller.
    unsafe {
        let ([a, b], [c, d]) = (
            V::interleave16(rows[0], rows[1]),
            V::interleave16(rows[2], rows[3]),
        );
        let ([e, f], [g, h]) = (
            V::interleave16(rows[4], rows[5]),
            V::interleave16(rows[6], rows[7]),
        );
        let left = [V::interleave32(a, c), V::interleave32(b, d)];
        let right = [V::interleave32(e, g), V::interleave32(f, h)];
        let mut columns = rows;
        for half in 0..2 {
            for pair in 0..2 {
                let [even, odd] = V::interleave64(left[half][pair], right[half][pair]);
                columns[half * 4 + pair * 2] = even;
                columns[half * 4 + pair * 2 + 1] = odd;
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(samples: [Samples; GROUP]) -> [[[u8; 16]; 4]; GROUP] {
        // SAFETY: both are 256 bytes without padding, and any bytes are numbers.
        unsafe { std::mem::transmute(samples) }
    }

    /// Blocks from usual to absurd, with and without vertical detail.
    fn blocks() -> Vec<[Block; GROUP]> {
        let mut state = 9_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let mut groups = Vec::new();
        for group in 0..2000 {
            let mut blocks = [[0; 64]; GROUP];
            for block in &mut blocks {
                let places = if next() % 4 == 0 { 8 } else { 64 };
                for _ in 0..next() % 20 {
                    let value = (next() as i16) >> (group % 12);
                    block[(next() % places) as usize] = value;
                }
            }
            groups.push(blocks);
        }
        groups
    }

    #[test]
    fn every_width_gives_the_same_samples() {
        let quantizers = Quantizers(std::array::from_fn(|index| (index * 5 % 90 + 1) as i16));
        let wide = Width::widest();
        for group in blocks() {
            let group = group.each_ref();
            if wide.is_none() {
                return;
            }
            // SAFETY: there is a width, so there is AVX2.
            let narrow = bytes(unsafe { inverse_avx2(group, &quantizers) });
            if wide == Some(Width::Avx512) {
                // SAFETY: widest found AVX-512.
                assert_eq!(narrow, bytes(unsafe { inverse_avx512(group, &quantizers) }));
            }
        }
    }

    #[test]
    fn a_block_of_its_first_coefficient_alone_is_flat() {
        if Width::widest().is_none() {
            return;
        }
        let quantizers = Quantizers([7; 64]);
        for dc in (i16::MIN..=i16::MAX).step_by(13) {
            let mut block = [0; 64];
            block[0] = dc;
            // SAFETY: there is a width, so there is AVX2.
            let samples = bytes(unsafe { inverse_avx2([&block; GROUP], &quantizers) });
            let expected = flat(dc, &quantizers);
            assert!(
                samples
                    .as_flattened()
                    .as_flattened()
                    .iter()
                    .all(|sample| *sample == expected)
            );
        }
    }
}
