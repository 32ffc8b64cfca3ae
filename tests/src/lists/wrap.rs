//! Owns encoding text, compressing bytes, and truncating both. Never knows a format.

use std::io::Write;

use super::truth::{Cell, Rows, Truth};
use crate::harness::seed::Seeded;

/// How text becomes bytes, by its name where it is a particular one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf8Mark,
    Utf16Le,
    Utf16Be,
    Latin1,
}

/// What is around a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Compression {
    /// An end of names.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
        }
    }
}

/// Text in an encoding; what is known of its rows is what the encoding left of them.
pub(super) fn encode(
    random: &mut Seeded,
    text: &str,
    truth: &mut Truth,
    kinds: &mut Vec<&'static str>,
) -> Vec<u8> {
    let (encoding, name) = match random.below(20) {
        0..12 => (Encoding::Utf8, ""),
        12..15 => (Encoding::Utf8Mark, "UTF-8 with a mark"),
        15 => (Encoding::Utf16Le, "UTF-16LE"),
        16 => (Encoding::Utf16Be, "UTF-16BE"),
        _ => (Encoding::Latin1, "Latin-1"),
    };
    // In ASCII, Latin-1 is nothing particular.
    let is_plain = encoding == Encoding::Latin1 && text.is_ascii();
    if !(is_plain || name.is_empty()) {
        kinds.push(name);
    }
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf8Mark => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        Encoding::Utf16Le => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        Encoding::Utf16Be => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
        Encoding::Latin1 => {
            forget_beyond_ascii(truth);
            let latin = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
            text.chars().map(latin).collect()
        }
    }
}

/// What is known of texts is not, where their bytes are no UTF-8; a name that is none may be of a column
/// that is asked for.
fn forget_beyond_ascii(truth: &mut Truth) {
    let forget = |cell: &mut Cell| {
        if matches!(cell, Cell::Exact(text) if !text.is_ascii()) {
            *cell = Cell::Any;
        }
    };
    if let Rows::Exact(rows) | Rows::Told(rows) | Rows::CutShort(rows) = &mut truth.rows {
        for row in rows {
            forget(&mut row.url);
            row.cells.iter_mut().for_each(forget);
        }
    }
}

/// Bytes under a compression, now and then in several members, now and then cut short.
pub(super) fn compress(
    random: &mut Seeded,
    bytes: Vec<u8>,
    truth: &mut Truth,
    kinds: &mut Vec<&'static str>,
) -> (Vec<u8>, Compression) {
    let (compression, name) = match random.below(20) {
        0..11 => (Compression::None, ""),
        11..14 => (Compression::Gzip, "gzip"),
        14..16 => (Compression::Zstd, "zstd"),
        16..18 => (Compression::Bzip2, "bzip2"),
        _ => (Compression::Xz, "xz"),
    };
    if compression == Compression::None {
        return (bytes, compression);
    }
    kinds.push(name);
    let half = bytes.len() / 2;
    let mut packed;
    let mut first_ends = 0;
    if random.chance(20) {
        kinds.push("two members");
        packed = pack(&bytes[..half], compression);
        first_ends = packed.len();
        packed.extend(pack(&bytes[half..], compression));
    } else {
        packed = pack(&bytes, compression);
    }
    if random.chance(8) {
        kinds.push("cut short");
        let cut = 1 + random.below(packed.len() as u64 - 2) as usize;
        // Between its members a file ends well: nobody can know that there was more.
        packed.truncate(cut + usize::from(cut == first_ends));
        truth.cut_short();
        // A few bytes are no longer what they are the beginning of.
        if packed.len() < 64 {
            truth.unknown();
        }
    }
    (packed, compression)
}

fn pack(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let memory = "memory takes it";
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect(memory);
            encoder.finish().expect(memory)
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).expect(memory),
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).expect(memory);
            encoder.finish().expect(memory)
        }
        Compression::Xz => {
            let options = lzma_rust2::XzOptions::with_preset(0);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect(memory);
            encoder.write_all(bytes).expect(memory);
            encoder.finish().expect(memory)
        }
    }
}
