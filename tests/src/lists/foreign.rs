//! Owns files that are not lists: files without a row, and other kinds of files. Never makes a valid
//! list.

use super::name::Format;
use super::stored;
use super::truth::Truth;
use crate::harness::seed::Seeded;

/// Words of which a message has one that says of a list that it is empty.
pub(super) const EMPTY: &[&str] = &[
    "empty",
    "no row",
    "no url",
    "no record",
    "no line",
    "nothing",
    "holds no",
];

/// The beginning of a file of another kind, and words of which one is its name.
const KINDS: [(&[u8], &[&str]); 16] = [
    (b"PK\x03\x04\x14\0\0\0\x08\0", &["zip"]),
    (b"FEA1\0\0\0\0", &["feather"]),
    (b"ORC\x0a\x03\x01\x02", &["orc"]),
    (b"Obj\x01\x04\x14avro.codec", &["avro"]),
    (b"SQLite format 3\0\x10\0", &["sqlite"]),
    (b"\x89HDF\r\n\x1a\n\0\0", &["hdf5"]),
    (b"\x93NUMPY\x01\0v\0{'descr'", &["numpy", "npy"]),
    (b"\x80\x04\x95\x1a\0\0\0\0\0\0\0", &["pickle"]),
    (b"%PDF-1.7\n%\xe2\xe3", &["pdf"]),
    (b"7z\xbc\xaf\x27\x1c\0\x04", &["7z", "7-zip"]),
    (b"Rar!\x1a\x07\x01\0", &["rar"]),
    (b"<!DOCTYPE html>\n<html><head>", &["html"]),
    (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", &["png", "image"]),
    (b"\xff\xd8\xff\xe0\0\x10JFIF\0", &["jpeg", "jpg", "image"]),
    (b"\x04\x22\x4d\x18\x64\x40\xa7", &["lz4"]),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        &["office", "ole", "excel"],
    ),
];

/// A file of another kind, which must be refused by its name.
pub(super) fn other(random: &mut Seeded, kinds: &mut Vec<&'static str>) -> (Vec<u8>, Truth) {
    kinds.push("a file of another kind");
    let (beginning, words) = *random.pick(&KINDS);
    let mut bytes = beginning.to_vec();
    for _ in 0..random.below(400) {
        bytes.push(random.below(256) as u8);
    }
    (bytes, Truth::refused(words))
}

/// A file without a row, which must be refused as such.
pub(super) fn empty(
    random: &mut Seeded,
    format: Format,
    kinds: &mut Vec<&'static str>,
) -> (Vec<u8>, Truth) {
    kinds.push("a list without a row");
    if format.is_stored() && random.chance(60) {
        let bytes = stored::without_rows(format == Format::Parquet);
        return (bytes, Truth::refused(EMPTY));
    }
    let texts: &[&str] = match format {
        Format::Txt => &["", "\n", "\r\n\r\n", "\r", "\u{feff}"],
        Format::Csv | Format::Tsv => &[
            "",
            "\n\n",
            "url",
            "url\n",
            "url\r\n\r\n",
            "\"url\"\r",
            "\u{feff}url\n",
        ],
        Format::Json => &[
            "",
            "[]",
            " [ \n ]\n",
            "{}",
            "{\"url\": []}",
            "{\"url\": {}}",
            "\n",
        ],
        Format::Jsonl => &["", "\n", "\n\n\r\n", "\u{feff}\n"],
        Format::Parquet | Format::Arrow => &[""],
    };
    let text = *random.pick(texts);
    // What `{}` is, rather than that it is empty, may be said of it.
    let words = if text == "{}" { &[] } else { EMPTY };
    (text.as_bytes().to_vec(), Truth::refused(words))
}
