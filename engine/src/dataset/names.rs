//! Owns the names of a dataset's files, final and temporary, and how a run's options determine them. Never
//! reads a folder.

use turbo2ds_codec::Format;
use turbo2ds_writers::{CAPTION_EXT, JSON_EXT, OutputFormat, Part};

use crate::config::Config;
use crate::dataset::disk::Kind;

/// Name of the folder's record.
pub const RECORD_NAME: &str = ".turbo2ds.json";
/// The folder of what a dataset has beside its shards, in the dataset's.
pub(crate) const OWN_FOLDER: &str = ".turbo2ds";
/// Suffix of every temporary name.
const TEMPORARY_SUFFIX: &str = ".part";
/// The word in the name of a claim.
pub(crate) const CLAIM: &str = "claim";
/// Hex digits of the word in a temporary name.
const WORD_DIGITS: usize = 16;

/// Kind of file that a run creates for a part; never a link.
pub(crate) const fn kind_of(part: Part) -> Kind {
    if part.is_folder() {
        Kind::Folder
    } else {
        Kind::File
    }
}

/// The number of a shard's name.
pub(crate) fn shard_number(stem: &str) -> Option<u64> {
    let digits = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| stem.parse().ok()).flatten()
}

/// The shard and the part that a name in a dataset's folder may belong to, in any run.
pub(crate) fn shard_file(name: &str) -> Option<(&str, Part)> {
    Part::ALL.into_iter().find_map(|part| {
        let stem = name.strip_suffix(part.ending())?;
        shard_number(stem).map(|_| (stem, part))
    })
}

/// The name of a file until its commit.
pub(crate) fn temporary_name(name: &str, word: &str) -> String {
    format!(".{name}.{word}{TEMPORARY_SUFFIX}")
}

/// The final name and the word of a temporary name, which is `.NAME.WORD.part`: NAME is one that a run uses,
/// WORD is a run's 16 hex digits or the word of a claim.
pub(crate) fn temporary_parts(name: &str) -> Option<(&str, &str)> {
    let (name, word) = word_parts(name)?;
    let is_ours = name == RECORD_NAME || shard_file(name).is_some();
    is_ours.then_some((name, word))
}

/// The name before a run's word, of a file in a folder of the dataset's own.
pub(crate) fn temporary_name_of(name: &str) -> Option<&str> {
    word_parts(name).map(|(name, _)| name)
}

fn word_parts(name: &str) -> Option<(&str, &str)> {
    let inner = name.strip_prefix('.')?.strip_suffix(TEMPORARY_SUFFIX)?;
    let (name, word) = inner.rsplit_once('.')?;
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_word = word == CLAIM || word.len() == WORD_DIGITS && word.bytes().all(hex);
    is_word.then_some((name, word))
}

/// Whether a name is a temporary name of any run.
pub(crate) fn is_temporary(name: &str) -> bool {
    temporary_parts(name).is_some()
}

/// How one run names its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Kind of shard.
    pub(crate) format: OutputFormat,
    /// Least digits of a shard's name.
    pub(crate) shard_digits: usize,
    /// Rows of a full shard.
    pub(crate) rows_per_shard: usize,
    /// Extension of a loose image.
    pub(crate) image_ext: &'static str,
    /// Whether a loose image may have the extension of its own format.
    pub(crate) true_extension: bool,
    /// Whether captions are loose files.
    pub(crate) captions: bool,
    /// Whether the list names the samples.
    pub(crate) given_keys: bool,
}

impl Shape {
    /// The shape of a run with this configuration.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            format: config.output.format,
            shard_digits: config.output.shard_digits,
            rows_per_shard: config.input.rows_per_shard,
            image_ext: config.codec.encode_format.as_str(),
            true_extension: config.output.true_extension,
            captions: config.input.has_captions(),
            given_keys: config.input.key_col.is_some(),
        }
    }

    /// The parts of a shard except for its mark; the metadata is last.
    pub(crate) fn parts(self) -> Vec<Part> {
        self.format.files().iter().map(|file| file.part).collect()
    }

    /// The name of one part of a shard.
    pub(crate) fn name(self, shard_id: u64, part: Part) -> String {
        part.file_name(shard_id, self.shard_digits)
    }

    /// The shard and the part, or the mark, that a name has in this shape; `None` if no shard has it.
    pub(crate) fn part_of(self, name: &str) -> Option<(u64, Part)> {
        let (stem, part) = shard_file(name)?;
        let shard_id = shard_number(stem)?;
        let mut files = self.format.files().iter();
        let taken = part == Part::Mark || files.any(|file| file.part == part);
        (taken && self.name(shard_id, part) == name).then_some((shard_id, part))
    }

    /// Whether a sample's loose files have this extension.
    pub(crate) fn has_extension(self, extension: &str) -> bool {
        let mut formats = Format::ALL.iter();
        extension == self.image_ext
            || extension == JSON_EXT
            || self.captions && extension == CAPTION_EXT
            || self.true_extension && formats.any(|format| format.extension() == extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::testing::shape;

    #[test]
    fn only_our_own_shapes_are_temporary_names() {
        let word = "0123456789abcdef";
        for name in [
            "00000.tar",
            "00000.parquet",
            "00000.tfrecord",
            "00000",
            "123456_stats.json",
            RECORD_NAME,
        ] {
            for word in [word, CLAIM] {
                let temporary = format!(".{name}.{word}.part");
                assert_eq!(temporary_parts(&temporary), Some((name, word)));
            }
        }
        for name in [
            ".backup.part",
            ".part",
            "..part",
            ".00000.tar.part",
            ".00000.tar.0123456789abcde.part",
            ".00000.tar.0123456789abcdef0.part",
            ".00000.tar.0123456789ABCDEF.part",
            ".00000.tar.0123456789abcdef",
            "00000.tar.0123456789abcdef.part",
            ".film.0123456789abcdef.part",
            ".film.claim.part",
            ".00000.txt.0123456789abcdef.part",
            ".x00000.tar.0123456789abcdef.part",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn every_format_is_a_word_of_its_option() {
        let mut options = crate::cli::options::TABLE.iter();
        let option = options.find(|option| option.name == "output_format");
        let words = OutputFormat::ALL.map(OutputFormat::as_str).join("|");
        let told = option.map(|option| option.kind.placeholder());
        assert_eq!(told, Some(words.as_str()));
    }

    #[test]
    fn a_name_is_a_shards_where_its_run_gives_it() {
        let tar = shape(OutputFormat::Webdataset);
        assert_eq!(tar.part_of("00007.tar"), Some((7, Part::Tar)));
        assert_eq!(tar.part_of("00007_stats.json"), Some((7, Part::Mark)));
        assert_eq!(
            tar.part_of("1234567.parquet"),
            Some((1_234_567, Part::Parquet))
        );
        for name in [
            "7.tar",
            "000007.tar",
            "00007.tfrecord",
            "00007",
            "00007.txt",
            "+0007.tar",
            "_stats.json",
            ".tar",
            "",
            "99999999999999999999.tar",
        ] {
            assert_eq!(tar.part_of(name), None, "{name}");
        }
        assert_eq!(
            shape(OutputFormat::Files).part_of("00007"),
            Some((7, Part::Folder))
        );
        assert_eq!(shape(OutputFormat::Dummy).part_of("00007.parquet"), None);
    }
}
