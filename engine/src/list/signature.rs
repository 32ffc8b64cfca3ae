//! Owns detecting the content of a file by its first bytes. Never opens a file and never looks at a
//! name: [`super::extension`] does.

use crate::config::Compression;

/// Most bytes that detection needs.
pub(super) const HEAD_BYTES: usize = 64 * 1024;
/// Bytes that are searched for control characters, if a signature consists of letters.
const BINARY_BYTES: usize = 64;
/// Bytes of text that are searched for control characters.
const TEXT_BYTES: usize = 4096;
/// One byte in this many may be a control character in a file that is read as text.
const CONTROL_BYTES_RATIO: usize = 10;

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing.
    Empty,
    Parquet,
    /// Arrow IPC with a footer: `.arrow`, Feather version 2.
    ArrowFile,
    /// Arrow IPC as a stream.
    ArrowStream,
    Compressed(Compression),
    Text(Encoding),
    /// Something that is not a list: its usual name, and a hint.
    Foreign(&'static str, &'static str),
}

/// How text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// With or without a byte order mark.
    Utf8,
    Utf16Le,
    Utf16Be,
}

const UNPACK: &str = "unpack it and give what is in it";
const CONVERT: &str = "save it as parquet, csv or jsonl";
const NO_LIST: &str = "give a list of URLs";

/// A textual signature of at least this length cannot be the start of a header line.
const LONG_BYTES: usize = 16;

/// Signatures at a file's start.
const SIGNATURES: &[(&[u8], Content)] = &[
    (b"PAR1", Content::Parquet),
    (
        b"PARE",
        Content::Foreign("encrypted parquet", "decrypt it first"),
    ),
    (b"ARROW1\0\0", Content::ArrowFile),
    (b"\xff\xff\xff\xff", Content::ArrowStream),
    (
        b"FEA1",
        Content::Foreign(
            "Feather version 1",
            "save it as Feather version 2 or parquet",
        ),
    ),
    (b"\x1f\x8b", Content::Compressed(Compression::Gzip)),
    (b"\x28\xb5\x2f\xfd", Content::Compressed(Compression::Zstd)),
    (b"\xfd7zXZ\0", Content::Compressed(Compression::Xz)),
    (b"PK\x03\x04", Content::Foreign("a zip archive", UNPACK)),
    (b"PK\x05\x06", Content::Foreign("a zip archive", UNPACK)),
    (
        b"7z\xbc\xaf\x27\x1c",
        Content::Foreign("a 7z archive", UNPACK),
    ),
    (b"Rar!\x1a\x07", Content::Foreign("a RAR archive", UNPACK)),
    (
        b"\x04\x22\x4d\x18",
        Content::Foreign("LZ4", "decompress it, or compress it with gzip or zstd"),
    ),
    (b"ORC", Content::Foreign("ORC", CONVERT)),
    (b"Obj\x01", Content::Foreign("Avro", CONVERT)),
    (
        b"SQLite format 3\0",
        Content::Foreign("an SQLite database", CONVERT),
    ),
    (b"\x89HDF\r\n\x1a\n", Content::Foreign("HDF5", CONVERT)),
    (b"\x93NUMPY", Content::Foreign("a NumPy array", CONVERT)),
    (b"\x80\x02", Content::Foreign("a Python pickle", CONVERT)),
    (b"\x80\x03", Content::Foreign("a Python pickle", CONVERT)),
    (b"\x80\x04", Content::Foreign("a Python pickle", CONVERT)),
    (b"\x80\x05", Content::Foreign("a Python pickle", CONVERT)),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Content::Foreign("a file of Microsoft Office", CONVERT),
    ),
    (b"\x7fELF", Content::Foreign("a program", NO_LIST)),
    (b"\xff\xd8\xff", Content::Foreign("a JPEG image", NO_LIST)),
    (b"\x89PNG\r\n", Content::Foreign("a PNG image", NO_LIST)),
    (b"GIF87a", Content::Foreign("a GIF image", NO_LIST)),
    (b"GIF89a", Content::Foreign("a GIF image", NO_LIST)),
    (
        b"version https://git-lfs.github.com/spec/",
        Content::Foreign(
            "a pointer of Git LFS",
            "fetch the file itself: git lfs pull",
        ),
    ),
    (
        b"\xff\xfe\0\0",
        Content::Foreign("UTF-32 text", "save it as UTF-8"),
    ),
    (
        b"\0\0\xfe\xff",
        Content::Foreign("UTF-32 text", "save it as UTF-8"),
    ),
    (b"\xff\xfe", Content::Text(Encoding::Utf16Le)),
    (b"\xfe\xff", Content::Text(Encoding::Utf16Be)),
    (b"\xef\xbb\xbf", Content::Text(Encoding::Utf8)),
];

/// Detects the content of a file that begins with `head`: the whole file, or its first [`HEAD_BYTES`].
pub(super) fn of(head: &[u8]) -> Content {
    if head.is_empty() {
        return Content::Empty;
    }
    if is_bzip2(head) {
        return Content::Compressed(Compression::Bzip2);
    }
    if head.starts_with(b"%PDF-") {
        return Content::Foreign("a PDF", NO_LIST);
    }
    let is_binary = head[..head.len().min(BINARY_BYTES)].iter().any(is_control);
    let signed = SIGNATURES.iter().find(|(signature, _)| {
        // Letters may also be the start of a header line.
        let is_text = signature.len() < LONG_BYTES
            && signature.is_ascii()
            && !signature.iter().any(is_control);
        head.starts_with(signature) && (is_binary || !is_text)
    });
    if let Some((_, content)) = signed {
        return *content;
    }
    if head.get(257..262) == Some(b"ustar") {
        return Content::Foreign("a tar archive", UNPACK);
    }
    if head.get(8..12) == Some(b"WEBP") && head.starts_with(b"RIFF") {
        return Content::Foreign("a WebP image", NO_LIST);
    }
    if begins_with_word(head, b"<!doctype html") || begins_with_word(head, b"<html") {
        return Content::Foreign(
            "an HTML page",
            "download the list itself, not a page about it",
        );
    }
    if begins_with_word(head, b"<?xml") {
        return Content::Foreign("XML", CONVERT);
    }
    text(&head[..head.len().min(TEXT_BYTES)])
}

/// Text, with the encoding that its zero bytes suggest, or unknown binary data.
fn text(head: &[u8]) -> Content {
    let zeros_at = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let pairs = head.len() / 2;
    // Latin text has a zero in nearly every two-byte unit.
    if pairs > 1 && zeros_at(1) * 2 > pairs && zeros_at(0) == 0 {
        return Content::Text(Encoding::Utf16Le);
    }
    if pairs > 1 && zeros_at(0) * 2 > pairs && zeros_at(1) == 0 {
        return Content::Text(Encoding::Utf16Be);
    }
    if head.iter().filter(|byte| is_control(byte)).count() * CONTROL_BYTES_RATIO > head.len() {
        return Content::Foreign("binary data", CONVERT);
    }
    Content::Text(Encoding::Utf8)
}

/// Whether a byte does not occur in text, other than in escape sequences of terminals.
fn is_control(byte: &u8) -> bool {
    matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31 | 127)
}

/// Checks the signature, the block size, and the magic number of the first block or of the end.
fn is_bzip2(head: &[u8]) -> bool {
    let blocks: [&[u8]; 2] = [b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"];
    let sized = head.starts_with(b"BZh")
        && head
            .get(3)
            .is_some_and(|level| matches!(level, b'1'..=b'9'));
    sized && blocks.iter().any(|block| head[4..].starts_with(block))
}

fn begins_with_word(head: &[u8], word: &[u8]) -> bool {
    let solid = head.trim_ascii_start();
    solid.len() >= word.len() && solid[..word.len()].eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_decide() {
        assert_eq!(of(b""), Content::Empty);
        assert_eq!(of(b"PAR1\x15\x04"), Content::Parquet);
        assert_eq!(of(b"ARROW1\0\0\xff"), Content::ArrowFile);
        assert_eq!(of(b"BZh91AY&SYs"), Content::Compressed(Compression::Bzip2));
        for (head, name) in [
            (&b"PK\x03\x04\x14"[..], "a zip archive"),
            (b"Obj\x01\x04", "Avro"),
            (b"  <!DOCTYPE html>", "an HTML page"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP image"),
            (b"\x01\x02\x03\x04\x05\x06", "binary data"),
        ] {
            assert!(
                matches!(of(head), Content::Foreign(found, _) if found == name),
                "{name}"
            );
        }
    }

    #[test]
    fn text_is_text_in_its_encoding() {
        let le: Vec<u8> = "url,caption\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let be: Vec<u8> = "url,caption\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(of(&le), Content::Text(Encoding::Utf16Le));
        assert_eq!(of(&be), Content::Text(Encoding::Utf16Be));
        assert_eq!(of(b"\xff\xfea\0"), Content::Text(Encoding::Utf16Le));
        for utf8 in [
            &b"\xef\xbb\xbfurl"[..],
            b"http://a/\n",
            b"\xe9t\xe9,latin",
            b"n,url\n3,u\0three,t\n",
            b"a\x1b[31mRED,b\nx,y\n",
            b"B",
            b"BZh91,url\nx,http://a\n",
            b"GIF89a,url\n",
            b"PAR1\thttp://a\n",
            b"ORC\nhttp://a\n",
        ] {
            assert_eq!(of(utf8), Content::Text(Encoding::Utf8), "{utf8:?}");
        }
    }
}
