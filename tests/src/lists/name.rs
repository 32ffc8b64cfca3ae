//! Owns the names of lists (right, wrong and hostile) and how their format is given: extension and
//! `--input_format`. Never writes a list.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::truth::Truth;
use super::wrap::Compression;
use crate::harness::seed::Seeded;

/// A format of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Txt,
    Csv,
    Tsv,
    Json,
    Jsonl,
    Parquet,
    Arrow,
}

impl Format {
    const ALL: [Self; 7] = [
        Self::Txt,
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Jsonl,
        Self::Parquet,
        Self::Arrow,
    ];

    /// The word of `--input_format`, which is also an extension.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Whether its first bytes tell it.
    pub(super) const fn is_stored(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }

    /// Other extensions that it goes by.
    const fn other_extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jsonl => &["ndjson"],
            Self::Parquet => &["pq", "parquet.gzip", "snappy.parquet"],
            Self::Arrow => &["feather"],
            Self::Txt | Self::Csv | Self::Tsv | Self::Json => &[],
        }
    }
}

/// A name, and the option beside it.
pub(super) struct Named {
    pub(super) name: OsString,
    pub(super) input_format: Option<&'static str>,
}

/// What is known of a list that is to be named.
pub(super) struct Unnamed {
    pub(super) format: Format,
    pub(super) compression: Compression,
    /// Whether its first line says nothing of columns and what parts them.
    pub(super) tells_nothing: bool,
    /// Whether it is one JSON object, which as a line is one record.
    pub(super) is_table: bool,
}

impl Unnamed {
    /// Whether it is read alike by another JSON format's name.
    fn is_also(&self, other: Format) -> bool {
        self.format.is_json() && other.is_json() && !self.is_table
    }
}

/// Draws a name and weakens what is known where the name misleads.
pub(super) fn draw(
    random: &mut Seeded,
    list: &Unnamed,
    truth: &mut Truth,
    kinds: &mut Vec<&'static str>,
) -> Named {
    let format = list.format;
    let word = format.word();
    let other = *random.pick(&Format::ALL);
    let other = if other == format { Format::Csv } else { other };
    let other = if other == format {
        Format::Jsonl
    } else {
        other
    };
    let (extension, input_format) = match random.below(50) {
        0..27 => (word.to_owned(), None),
        27..32 => (word.to_owned(), Some(word)),
        32..36 => {
            kinds.push("upper-case extension");
            (word.to_ascii_uppercase(), None)
        }
        36..39 => match format.other_extensions() {
            [] => (word.to_owned(), None),
            others => {
                kinds.push("another usual extension");
                ((*random.pick(others)).to_owned(), None)
            }
        },
        39..42 => {
            kinds.push("no extension, with the option");
            (String::new(), Some(word))
        }
        42..45 => {
            kinds.push("no extension");
            without_extension(list, truth);
            (String::new(), None)
        }
        45..47 => {
            kinds.push("wrong extension, with the option");
            (other.word().to_owned(), Some(word))
        }
        47..49 => {
            kinds.push("wrong extension");
            with_extension_of(other, list, truth);
            (other.word().to_owned(), None)
        }
        _ => {
            kinds.push("wrong option");
            with_option(other, list, truth);
            (word.to_owned(), Some(other.word()))
        }
    };
    if input_format == Some("arrow") {
        // Which word it goes by is not what is tested.
        truth.or_refused();
    }
    let mut name = stem(random, truth, kinds);
    if !extension.is_empty() {
        name.push(".");
        name.push(extension);
    }
    name.push(compression_extension(random, list.compression, kinds));
    Named { name, input_format }
}

fn without_extension(list: &Unnamed, truth: &mut Truth) {
    match list.format {
        Format::Txt | Format::Parquet | Format::Arrow => {}
        _ if list.tells_nothing => truth.unknown(),
        Format::Json | Format::Jsonl => truth.or_refused(),
        Format::Csv | Format::Tsv => truth.or_refused(),
    }
}

fn with_extension_of(other: Format, list: &Unnamed, truth: &mut Truth) {
    if list.format.is_stored() {
        return;
    }
    if other.is_stored() || list.is_also(other) {
        truth.or_refused();
    } else {
        truth.unknown();
    }
}

fn with_option(other: Format, list: &Unnamed, truth: &mut Truth) {
    match list.format {
        Format::Parquet => truth.must_be_refused(&["parquet"]),
        Format::Arrow => truth.must_be_refused(&["arrow", "feather"]),
        _ if other.is_stored() => truth.must_be_refused(&[]),
        _ if list.is_also(other) => truth.or_refused(),
        _ => truth.unknown(),
    }
}

/// An extension for the compression, or one too many or too few: the bytes tell it.
fn compression_extension(
    random: &mut Seeded,
    compression: Compression,
    kinds: &mut Vec<&'static str>,
) -> &'static str {
    if random.chance(85) {
        return compression.extension();
    }
    if compression == Compression::None {
        if random.chance(70) {
            return "";
        }
        kinds.push("named as compressed");
        return Compression::Gzip.extension();
    }
    kinds.push("not named as compressed");
    ""
}

/// The name before its extensions.
fn stem(random: &mut Seeded, truth: &mut Truth, kinds: &mut Vec<&'static str>) -> OsString {
    if random.chance(85) {
        return "list".into();
    }
    let controls = [
        "esc\u{1b}[31m",
        "bell\u{7}",
        "new\nline",
        "return\r",
        "tab\t",
        "csi\u{9b}2J",
        "del\u{7f}",
        "title\u{1b}]0;t\u{7}",
    ];
    let odd = [
        "my list",
        "данные",
        "a'b",
        "a\"b",
        "[1]",
        "a*b?",
        ".hidden",
        "-x",
        "a;b&c",
        "{x,y}",
        "~",
        "a%20b",
        "00000",
        "doctor",
        "back`tick",
        "$HOME",
        "right\u{202e}left",
    ];
    if random.chance(35) {
        kinds.push("control bytes in the name");
        return (*random.pick(&controls)).into();
    }
    kinds.push("odd name");
    match random.below(10) {
        0 => "n".repeat(200).into(),
        1 => {
            truth.or_refused();
            OsString::from_vec(b"not\xff\xfeutf8".to_vec())
        }
        _ => (*random.pick(&odd)).into(),
    }
}
