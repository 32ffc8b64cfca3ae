//! Owns turning rows to columns and back, eight by eight. Never computes.

/// Rows and columns of a tile.
pub(super) const SIDE: usize = 8;

/// A part of a strip that is turned at a time: rows to columns, or columns to rows.
pub(super) type Tile = [[f32; SIDE]; SIDE];

/// Turns a tile: its first row becomes its first column.
pub(super) fn turned(tile: &Tile) -> Tile {
    std::array::from_fn(|row| std::array::from_fn(|column| tile[column][row]))
}

/// `turned` in shuffles.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn turned_avx2(tile: &Tile) -> Tile {
    use std::arch::x86_64::*;

    // SAFETY: each row has the eight floats that are loaded.
    let rows = tile.map(|row| unsafe { _mm256_loadu_ps(row.as_ptr()) });
    // Pairs of neighbouring rows, element by element, of the lower and the upper halves of every four.
    let low = |at: usize| _mm256_unpacklo_ps(rows[at], rows[at + 1]);
    let high = |at: usize| _mm256_unpackhi_ps(rows[at], rows[at + 1]);
    // Four rows: columns 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    let fours = |at: usize| {
        [
            _mm256_shuffle_ps::<0x44>(low(at), low(at + 2)),
            _mm256_shuffle_ps::<0xEE>(low(at), low(at + 2)),
            _mm256_shuffle_ps::<0x44>(high(at), high(at + 2)),
            _mm256_shuffle_ps::<0xEE>(high(at), high(at + 2)),
        ]
    };
    let (upper, lower) = (fours(0), fours(4));
    let mut result = [[0.0; SIDE]; SIDE];
    for at in 0..4 {
        let columns = [
            _mm256_permute2f128_ps::<0x20>(upper[at], lower[at]),
            _mm256_permute2f128_ps::<0x31>(upper[at], lower[at]),
        ];
        for (into, column) in [at, at + 4].into_iter().zip(columns) {
            // SAFETY: each row has room for the eight floats that are stored.
            unsafe { _mm256_storeu_ps(result[into].as_mut_ptr(), column) };
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_turns_alike() {
        let tile: Tile =
            std::array::from_fn(|row| std::array::from_fn(|at| (row * SIDE + at) as f32));
        let result = turned(&tile);
        assert_eq!((result[0][1], result[7][2]), (8.0, 23.0));
        assert_eq!(turned(&result), tile);
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the condition above detected AVX2.
            assert_eq!(unsafe { turned_avx2(&tile) }, result);
        }
    }
}
