//! Owns what is fixed for a run (the [`Layout`]), and the keys of samples. Never reads a value of the input.

use crate::files::{CAPTION_EXT, OutputFormat};

/// Fixed for a whole run.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Output format.
    pub format: OutputFormat,
    /// Column name of the image, and its extension unless a row has its own: `jpg`, `png`, `webp`.
    pub image_ext: &'static str,
    /// Whether samples have their caption as `txt`, empty if the input has no captions.
    pub save_caption: bool,
    /// Whether the metadata has an `exif` column.
    pub exif_column: bool,
    /// Name of the hash column, if any.
    pub hash_column: Option<&'static str>,
    /// Whether the metadata has the columns of the perceptual hash.
    pub pdq_columns: bool,
    /// Least number of digits of a shard name.
    pub shard_digits: usize,
    /// Rows in a full shard, at least 1.
    pub rows_per_shard: usize,
}

impl Layout {
    /// Names that the format uses beside the metadata columns.
    pub fn format_names(&self) -> Vec<&'static str> {
        let caption = self.save_caption && self.format.caption_is_column();
        let image = self.format.image_is_column().then_some(self.image_ext);
        image
            .into_iter()
            .chain(caption.then_some(CAPTION_EXT))
            .collect()
    }
}

/// The key of a sample, shard and row in one zero-padded number: `000010005` for row 5 of shard 1 at
/// 10,000 rows per shard. Rows take `ceil(log10(rows_per_shard))` digits.
pub fn sample_key(shard_id: u64, row: usize, layout: &Layout) -> String {
    let row_digits = row_digits(layout.rows_per_shard);
    let number = 10u128.pow(row_digits) * u128::from(shard_id) + row as u128;
    format!(
        "{number:0width$}",
        width = layout.shard_digits + row_digits as usize
    )
}

/// Digits of a row in a sample key: `ceil(log10(rows_per_shard))` without floating point, the least d with
/// 10^d >= rows.
pub fn row_digits(rows_per_shard: usize) -> u32 {
    match rows_per_shard {
        0 | 1 => 0,
        rows => (rows - 1).ilog10() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::shard_name;

    fn layout(shard_digits: usize, rows_per_shard: usize) -> Layout {
        Layout {
            format: OutputFormat::Webdataset,
            image_ext: "jpg",
            save_caption: false,
            exif_column: false,
            hash_column: None,
            pdq_columns: false,
            shard_digits,
            rows_per_shard,
        }
    }

    #[test]
    fn a_key_holds_shard_and_row_in_one_padded_number() {
        assert_eq!(sample_key(1, 5, &layout(5, 10_000)), "000010005");
        assert_eq!(sample_key(0, 0, &layout(5, 1)), "00000");
        assert_eq!(sample_key(7, 0, &layout(5, 1)), "00007");
        assert_eq!(sample_key(3, 9, &layout(2, 10)), "039");
        assert_eq!(sample_key(3, 10, &layout(2, 11)), "0310");
    }

    #[test]
    fn digits_are_a_least_width_and_large_shard_ids_still_fit() {
        assert_eq!(shard_name(123_456, 5), "123456");
        assert_eq!(shard_name(0, 5), "00000");
        assert_eq!(
            sample_key(u64::MAX, 1, &layout(5, 100)),
            "1844674407370955161501"
        );
    }

    #[test]
    fn row_digits_round_the_logarithm_up() {
        for (rows, digits) in [(1, 0), (2, 1), (9, 1), (10, 1), (11, 2), (100, 2), (101, 3)] {
            assert_eq!(row_digits(rows), digits, "{rows} rows");
        }
    }
}
