//! Owns the accurate integer inverse DCT, with 16-bit intermediates where libjpeg-turbo's SIMD code has
//! them, so that the samples are equal even for out-of-range coefficients. It transforms two blocks at a
//! time in AVX2, four in AVX-512. Never decides where samples go.

mod block;
mod lanes;

pub(super) use block::Block;
use lanes::{Avx2, Avx512, Lanes};

/// The quantization table of a component, row by row.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Quantizers(pub(super) Block);

/// Blocks transformed at a time.
pub(super) const GROUP: usize = 4;

/// Rows of a block, and samples of a row.
pub(super) const SIDE: usize = 8;

/// Fraction bits of the constants.
const FRACTION: u32 = 13;
/// Fraction bits kept by the first pass.
const KEPT: u32 = 2;
const SHIFT_1: u32 = FRACTION - KEPT;
const SHIFT_2: u32 = FRACTION + KEPT + 3;

// The constants of Loeffler, Ligtenberg and Moschytz, times 2^FRACTION.
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

/// The sample value of a block that has only a DC coefficient.
fn flat(dc: i16, quantizers: &Quantizers) -> u8 {
    let column = dc.wrapping_mul(quantizers.0[0]).wrapping_shl(KEPT);
    let row = ((i32::from(column) << FRACTION) + (1 << (SHIFT_2 - 1))) >> SHIFT_2;
    (row.clamp(-128, 127) + 128) as u8
}

/// The vectors to use. A value proves that the processor has them, and the instructions that the readers
/// are compiled for: AVX2, BMI1, BMI2, LZCNT, POPCNT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Avx2,
    Avx512,
}

impl Width {
    /// The widest vectors of this processor; `None` if it lacks an instruction that the readers need.
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

    /// Writes the samples of a group of blocks of one component, side by side, to 8 rows, `stride` apart.
    #[inline(always)]
    pub(super) fn inverse(
        self,
        blocks: [&Block; GROUP],
        quantizers: &Quantizers,
        into: &mut [u8],
        stride: usize,
    ) {
        assert!(into.len() >= (SIDE - 1) * stride + GROUP * SIDE);
        let into = into.as_mut_ptr();
        match self {
            // SAFETY: `widest` makes this variant only if the processor has AVX2; the assertion above
            // checks that `into` has the last of the 8 rows.
            Self::Avx2 => unsafe { inverse_avx2(blocks, quantizers, into, stride) },
            // SAFETY: `widest` makes this variant only if the processor has AVX-512 F and BW; the
            // assertion above checks that `into` has the last of the 8 rows.
            Self::Avx512 => unsafe { inverse_avx512(blocks, quantizers, into, stride) },
        }
    }
}

/// # Safety
/// The processor has AVX2, and `into` is writable for 8 rows of a group's samples, `stride` apart.
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn inverse_avx2(
    blocks: [&Block; GROUP],
    quantizers: &Quantizers,
    into: *mut u8,
    stride: usize,
) {
    let [a, b, c, d] = blocks;
    // SAFETY: the attribute above enables AVX2; the caller guarantees 8 rows of a group, of which either
    // call writes one half.
    unsafe {
        inverse::<Avx2, 2>([a, b], quantizers, into, stride);
        inverse::<Avx2, 2>([c, d], quantizers, into.add(2 * SIDE), stride);
    }
}

/// # Safety
/// As for [`inverse_avx2`], with AVX-512 F and BW.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn inverse_avx512(
    blocks: [&Block; GROUP],
    quantizers: &Quantizers,
    into: *mut u8,
    stride: usize,
) {
    // SAFETY: the attribute above enables AVX-512 F and BW; the caller guarantees 8 rows of a group.
    unsafe { inverse::<Avx512, GROUP>(blocks, quantizers, into, stride) }
}

// Everything below is inlined into the two functions above, and no vector is passed to a closure that the
// standard library calls: such a closure is not compiled for these vectors and would pass them in memory.

/// 32-bit values of the low and of the high half of each block's row.
type Wide<V> = [V; 2];

/// # Safety
/// The processor has the vectors of `V`, and `into` is writable for 8 rows of the blocks' samples,
/// `stride` apart.
#[inline(always)]
unsafe fn inverse<V: Lanes<N>, const N: usize>(
    blocks: [&Block; N],
    quantizers: &Quantizers,
    into: *mut u8,
    stride: usize,
) {
    // SAFETY: the caller guarantees the vectors of `V` and 8 writable rows; rows `2 * index` and the next
    // are among them, since `index` is below 4.
    unsafe {
        let mut rows = [V::zero(); 8];
        for (index, row) in rows.iter_mut().enumerate() {
            *row = V::row(blocks, index);
        }
        let mut detail = rows[1];
        for row in &rows[2..] {
            detail = V::or(detail, *row);
        }
        if V::is_zero(V::or(detail, V::behind_first(rows[0]))) {
            return put_flat(blocks, quantizers, into, stride);
        }
        for (index, row) in rows.iter_mut().enumerate() {
            *row = V::mul16(*row, V::same_row(&quantizers.0, index));
        }
        let mut columns = pass::<V, N, SHIFT_1>(rows);
        // Without vertical detail, libjpeg-turbo takes a shortcut that drops high bits which the full
        // transform would saturate.
        let plain = V::shift_left16::<KEPT>(rows[0]);
        for column in &mut columns {
            *column = V::where_zero(detail, plain, *column);
        }
        let rows = transpose(pass::<V, N, SHIFT_2>(transpose(columns)));
        for index in 0..4 {
            let pair = V::centre(rows[2 * index], rows[2 * index + 1]);
            let into = into.add(2 * index * stride);
            V::put(pair, into, into.add(stride));
        }
    }
}

/// # Safety
/// As for [`inverse`], but for the vectors.
unsafe fn put_flat<const N: usize>(
    blocks: [&Block; N],
    quantizers: &Quantizers,
    into: *mut u8,
    stride: usize,
) {
    let samples = blocks.map(|block| [flat(block[0], quantizers); SIDE]);
    for row in 0..SIDE {
        // SAFETY: the caller guarantees 8 writable rows, and `row` is below `SIDE`, which is 8.
        unsafe {
            let row = into.add(row * stride);
            row.cast::<[[u8; SIDE]; N]>().write(samples);
        }
    }
}

/// `a * even + b * odd`.
///
/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn sum_of_products<V: Lanes<N>, const N: usize>(
    ab: Wide<V>,
    even: i16,
    odd: i16,
) -> Wide<V> {
    // SAFETY: the caller guarantees the vectors of `V`.
    unsafe {
        let factors = V::splat32(i32::from(odd) << 16 | i32::from(even as u16));
        [V::madd(ab[0], factors), V::madd(ab[1], factors)]
    }
}

/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn add<V: Lanes<N>, const N: usize>(a: Wide<V>, b: Wide<V>) -> Wide<V> {
    // SAFETY: the caller guarantees the vectors of `V`.
    unsafe { [V::add32(a[0], b[0]), V::add32(a[1], b[1])] }
}

/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn sub<V: Lanes<N>, const N: usize>(a: Wide<V>, b: Wide<V>) -> Wide<V> {
    // SAFETY: the caller guarantees the vectors of `V`.
    unsafe { [V::sub32(a[0], b[0]), V::sub32(a[1], b[1])] }
}

/// `value` with FRACTION bits.
///
/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn widen<V: Lanes<N>, const N: usize>(value: V) -> Wide<V> {
    // SAFETY: the caller guarantees the vectors of `V`.
    unsafe {
        let [low, high] = V::interleave16(V::zero(), value);
        [
            V::shift_right32::<{ 16 - FRACTION }>(low),
            V::shift_right32::<{ 16 - FRACTION }>(high),
        ]
    }
}

/// Rounds off SHIFT bits, saturating to 16 bits.
///
/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn narrow<V: Lanes<N>, const N: usize, const SHIFT: u32>(value: Wide<V>) -> V {
    // SAFETY: the caller guarantees the vectors of `V`.
    unsafe {
        let half = V::splat32(1 << (SHIFT - 1));
        let low = V::shift_right32::<SHIFT>(V::add32(value[0], half));
        let high = V::shift_right32::<SHIFT>(V::add32(value[1], half));
        V::saturate16(low, high)
    }
}

/// One pass down the rows.
///
/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn pass<V: Lanes<N>, const N: usize, const SHIFT: u32>(rows: [V; 8]) -> [V; 8] {
    // SAFETY: the caller guarantees the vectors of `V`.
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
///
/// # Safety
/// The processor has the vectors of `V`.
#[inline(always)]
unsafe fn transpose<V: Lanes<N>, const N: usize>(rows: [V; 8]) -> [V; 8] {
    // SAFETY: the caller guarantees the vectors of `V`.
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

    fn samples(
        width: Width,
        blocks: [&Block; GROUP],
        quantizers: &Quantizers,
    ) -> [u8; SIDE * SIDE * GROUP] {
        let mut samples = [0; SIDE * SIDE * GROUP];
        width.inverse(blocks, quantizers, &mut samples, GROUP * SIDE);
        samples
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
        let Some(widest) = Width::widest() else {
            return;
        };
        for group in blocks() {
            let group = group.each_ref();
            let narrow = samples(Width::Avx2, group, &quantizers);
            assert_eq!(narrow, samples(widest, group, &quantizers));
        }
    }

    #[test]
    fn a_block_of_its_first_coefficient_alone_is_flat_beside_whatever_block() {
        let Some(widest) = Width::widest() else {
            return;
        };
        let quantizers = Quantizers([7; 64]);
        let mut other = [0; 64];
        other[9] = 30;
        for dc in (i16::MIN..=i16::MAX).step_by(13) {
            let mut block = [0; 64];
            block[0] = dc;
            let expected = [flat(dc, &quantizers); SIDE];
            for width in [Width::Avx2, widest] {
                let mixed = samples(width, [&block, &other, &other, &block], &quantizers);
                for row in mixed.chunks_exact(GROUP * SIDE) {
                    assert_eq!(
                        (&row[..SIDE], &row[3 * SIDE..]),
                        (&expected[..], &expected[..])
                    );
                }
                let alike = samples(width, [&block; GROUP], &quantizers);
                assert!(alike.chunks_exact(SIDE).all(|row| row == expected));
            }
        }
    }
}
