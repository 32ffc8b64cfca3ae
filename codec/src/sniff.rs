//! Owns detecting a format by its signature. Never trusts a name or a content type, and never reads past
//! the signature.

/// The formats that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG, ITU-T T.81
    Jpeg,
    /// PNG, RFC 2083
    Png,
    /// WebP in its RIFF container, RFC 9649
    Webp,
    /// GIF 87a and 89a
    Gif,
    /// Windows and OS/2 bitmaps
    Bmp,
    /// TIFF 6.0 and BigTIFF
    Tiff,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Gif,
        Self::Bmp,
        Self::Tiff,
    ];

    /// The usual extension of files of this format.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
        }
    }
}

/// Detects the format by the signature at the start of `body`.
pub fn sniff(body: &[u8]) -> Option<Format> {
    match body {
        [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Format::Png),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(Format::Webp),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'B', b'M', ..] => Some(Format::Bmp),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Format::Tiff),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_is_known_and_a_cut_one_is_not() {
        let cases: [(&[u8], Format); 7] = [
            (b"\xFF\xD8\xFF", Format::Jpeg),
            (b"\x89PNG\r\n\x1A\n", Format::Png),
            (b"RIFF\0\0\0\0WEBP", Format::Webp),
            (b"GIF89a", Format::Gif),
            (b"BM", Format::Bmp),
            (b"II*\0", Format::Tiff),
            (b"MM\0*", Format::Tiff),
        ];
        for (bytes, format) in cases {
            assert_eq!(sniff(bytes), Some(format));
            assert_eq!(sniff(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn pages_and_archives_are_not_images() {
        for bytes in [
            &b"<!DOCTYPE html>"[..],
            b"PK\x03\x04",
            b"%PDF-1.7",
            b"RIFF\0\0\0\0WAVE",
            b"GIF88a",
            b"",
        ] {
            assert_eq!(sniff(bytes), None);
        }
    }
}
