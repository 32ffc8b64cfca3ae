//! Owns what the extension of a list says about its format and compression. Never opens a file. If its
//! bytes say otherwise, they take precedence ([`super::signature`]).

use crate::config::InputFormat;

/// Extensions of formats, in any case.
const FORMATS: &[(&str, InputFormat)] = &[
    ("txt", InputFormat::Txt),
    ("csv", InputFormat::Csv),
    ("tsv", InputFormat::Tsv),
    ("tab", InputFormat::Tsv),
    ("json", InputFormat::Json),
    ("jsonl", InputFormat::Jsonl),
    ("ndjson", InputFormat::Jsonl),
    ("parquet", InputFormat::Parquet),
    ("pq", InputFormat::Parquet),
    ("arrow", InputFormat::Arrow),
    ("arrows", InputFormat::Arrow),
    ("feather", InputFormat::Arrow),
    ("ipc", InputFormat::Arrow),
];

/// Extensions of compressions; after `.parquet`, of its pages. The bytes decide which one it is.
const COMPRESSIONS: &[&str] = &[
    "gz", "gzip", "bgz", "zst", "zstd", "bz2", "xz", "snappy", "brotli", "lz4",
];

/// The format of a file name or of an option's value, by its extension.
pub(crate) fn format_of(name: &str) -> Option<InputFormat> {
    let lower = name.to_ascii_lowercase();
    let stem = COMPRESSIONS
        .iter()
        .find_map(|end| lower.strip_suffix(end)?.strip_suffix('.'))
        .unwrap_or(&lower);
    let end = stem.rsplit_once('.').map_or("", |(_, end)| end);
    let known = FORMATS.iter().find(|(word, _)| *word == end);
    known.map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_extensions_give_the_format() {
        for (name, format) in [
            ("df.parquet.gzip", Some(InputFormat::Parquet)),
            ("df.snappy.PARQUET", Some(InputFormat::Parquet)),
            ("part.pq", Some(InputFormat::Parquet)),
            ("a.ndjson", Some(InputFormat::Jsonl)),
            ("a.CSV.BZ2", Some(InputFormat::Csv)),
            ("a.tsv.xz", Some(InputFormat::Tsv)),
            ("a.feather", Some(InputFormat::Arrow)),
            ("list.txt.gz", Some(InputFormat::Txt)),
            ("urls.gz", None),
            ("urls", None),
            ("csv", None),
            ("notes.md", None),
        ] {
            assert_eq!(format_of(name), format, "{name}");
        }
    }
}
