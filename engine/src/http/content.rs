//! Owns undoing content codings, under a cap that holds while the bytes come out, not after.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::head::{Coding, ContentEncoding};
use crate::failure::Failure;

/// Working memory of the brotli decoder, bytes.
const BROTLI_BUFFER_BYTES: usize = 16 * 1024;

/// The body behind its codings, in `out`.
///
/// # Errors
/// `ResponseTooLarge` past `cap` bytes, `IncompleteBody` where the coded bytes end early,
/// `UnsupportedEncoding` where they are broken or the coding is unknown.
pub fn decode_content(
    encoding: &ContentEncoding,
    body: &[u8],
    cap: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let codings = match encoding {
        ContentEncoding::Identity => &[][..],
        ContentEncoding::Coded(codings) => codings,
        ContentEncoding::Unsupported => return Err(Failure::UnsupportedEncoding),
    };
    let mut current: Option<Vec<u8>> = None;
    // The last coding applied is the first to be undone.
    for &coding in codings.iter().rev() {
        current = Some(undo(coding, current.as_deref().unwrap_or(body), cap)?);
    }
    match current {
        Some(decoded) => *out = decoded,
        None => out.extend_from_slice(body),
    }
    Ok(())
}

fn undo(coding: Coding, input: &[u8], cap: usize) -> Result<Vec<u8>, Failure> {
    match coding {
        Coding::Gzip => read_capped(MultiGzDecoder::new(input), cap),
        Coding::Deflate if is_zlib(input) => read_capped(ZlibDecoder::new(input), cap),
        Coding::Deflate => read_capped(DeflateDecoder::new(input), cap),
        Coding::Brotli => read_capped(Decompressor::new(input, BROTLI_BUFFER_BYTES), cap),
    }
}

/// RFC 1950's header: method 8 and a check that divides by 31.
fn is_zlib(input: &[u8]) -> bool {
    matches!(input, [method, flags, ..]
        if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

fn read_capped(decoder: impl Read, cap: usize) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let read = decoder.take(cap as u64 + 1).read_to_end(&mut out);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::IncompleteBody,
        _ => Failure::UnsupportedEncoding,
    })?;
    if out.len() > cap { Err(Failure::ResponseTooLarge) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn decode(codings: &[Coding], body: &[u8], cap: usize) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        let encoding = ContentEncoding::Coded(codings.to_vec());
        decode_content(&encoding, body, cap, &mut out).map(|()| out)
    }

    #[test]
    fn every_coding_comes_back() {
        assert_eq!(decode(&[Coding::Gzip], &gzip(b"pixels"), 100), Ok(b"pixels".to_vec()));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(b"pixels").expect("memory");
        let zlib = zlib.finish().expect("memory");
        assert_eq!(decode(&[Coding::Deflate], &zlib, 100), Ok(b"pixels".to_vec()));
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(b"pixels").expect("memory");
        let raw = raw.finish().expect("memory");
        assert_eq!(decode(&[Coding::Deflate], &raw, 100), Ok(b"pixels".to_vec()));
        // An uncompressed meta-block of "pixels", by RFC 7932.
        let brotli = [0x8b, 0x02, 0x80, b'p', b'i', b'x', b'e', b'l', b's', 0x03];
        assert_eq!(decode(&[Coding::Brotli], &brotli, 100), Ok(b"pixels".to_vec()));
    }

    #[test]
    fn two_codings_are_undone_in_reverse() {
        let twice = gzip(&gzip(b"pixels"));
        assert_eq!(decode(&[Coding::Gzip, Coding::Gzip], &twice, 100), Ok(b"pixels".to_vec()));
    }

    #[test]
    fn members_of_a_gzip_follow_each_other() {
        let mut body = gzip(b"pix");
        body.extend(gzip(b"els"));
        assert_eq!(decode(&[Coding::Gzip], &body, 100), Ok(b"pixels".to_vec()));
    }

    #[test]
    fn a_bomb_stops_at_the_cap() {
        let bomb = gzip(&vec![0; 10_000_000]);
        assert_eq!(decode(&[Coding::Gzip], &bomb, 1000), Err(Failure::ResponseTooLarge));
    }

    #[test]
    fn broken_and_cut_bodies_are_told_apart() {
        let whole = gzip(b"pixels, pixels, pixels");
        let cut = decode(&[Coding::Gzip], &whole[..whole.len() - 9], 100);
        assert_eq!(cut, Err(Failure::IncompleteBody));
        let broken = decode(&[Coding::Gzip], b"not gzip at all", 100);
        assert_eq!(broken, Err(Failure::UnsupportedEncoding));
    }
}
