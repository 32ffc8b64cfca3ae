use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const CAP: usize = 1 << 20;
const GZIP: ContentEncoding = ContentEncoding::Coded(Coding::Gzip);
const DEFLATE: ContentEncoding = ContentEncoding::Coded(Coding::Deflate);
const BROTLI: ContentEncoding = ContentEncoding::Coded(Coding::Brotli);

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// An uncompressed meta-block (RFC 7932, 9.2) per 64 KB, then the empty last one.
fn brotli(body: &[u8]) -> Vec<u8> {
    // The window's size (one bit, 0: 16 bits) comes before the first meta-block's header.
    let (mut out, mut first) = (Vec::new(), true);
    for block in body.chunks(1 << 16) {
        // ISLAST 0, MNIBBLES 00, MLEN - 1 in 16 bits, ISUNCOMPRESSED 1.
        let bits = ((block.len() as u32 - 1) << 3) | 1 << 19;
        let bits = if first { bits << 1 } else { bits };
        out.extend_from_slice(&bits.to_le_bytes()[..3]);
        out.extend_from_slice(block);
        first = false;
    }
    out.push(if first { 0b110 } else { 0b11 });
    out
}

fn decode(encoding: ContentEncoding, body: &[u8], cap: usize) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    decode_content(encoding, body, cap, &mut out)?;
    Ok(out)
}

fn sample() -> Vec<u8> {
    (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[test]
fn each_coding_gives_the_bytes_back() {
    for body in [Vec::new(), b"x".to_vec(), sample()] {
        assert_eq!(
            decode(ContentEncoding::Identity, &body, CAP).as_ref(),
            Ok(&body)
        );
        assert_eq!(decode(GZIP, &gzip(&body), CAP).as_ref(), Ok(&body));
        assert_eq!(decode(DEFLATE, &zlib(&body), CAP).as_ref(), Ok(&body));
        assert_eq!(
            decode(DEFLATE, &raw_deflate(&body), CAP).as_ref(),
            Ok(&body)
        );
        assert_eq!(decode(BROTLI, &brotli(&body), CAP).as_ref(), Ok(&body));
    }
}

#[test]
fn two_codings_are_undone_outer_first() {
    let encoding = ContentEncoding::CodedTwice {
        inner: Coding::Gzip,
        outer: Coding::Deflate,
    };
    assert_eq!(
        decode(encoding, &zlib(&gzip(b"image")), CAP),
        Ok(b"image".to_vec())
    );
    assert_eq!(
        decode(ContentEncoding::Unsupported, b"", CAP),
        Err(Failure::UnsupportedEncoding)
    );
}

#[test]
fn gzip_has_members_and_may_have_padding() {
    let mut body = gzip(b"one, ");
    body.extend(gzip(b"two"));
    body.extend([0; 7]);
    assert_eq!(decode(GZIP, &body, CAP), Ok(b"one, two".to_vec()));
    assert_eq!(
        decode(GZIP, &body, 7),
        Err(Failure::ResponseTooLarge),
        "the cap is for all members"
    );
}

#[test]
fn the_cap_is_exact_and_holds_while_decoding() {
    let body = sample();
    for (encoding, coded) in [
        (ContentEncoding::Identity, body.clone()),
        (GZIP, gzip(&body)),
        (DEFLATE, zlib(&body)),
        (DEFLATE, raw_deflate(&body)),
        (BROTLI, brotli(&body)),
    ] {
        assert_eq!(decode(encoding, &coded, body.len()).as_ref(), Ok(&body));
        let cap = body.len() - 1;
        assert_eq!(
            decode(encoding, &coded, cap),
            Err(Failure::ResponseTooLarge),
            "{encoding:?}"
        );
        assert_eq!(
            decode(encoding, &coded, 0),
            Err(Failure::ResponseTooLarge),
            "{encoding:?}"
        );
    }
}

#[test]
fn a_bomb_takes_no_more_memory_than_the_cap() {
    let zeros = vec![0; 64 << 20];
    for (encoding, coded) in [
        (GZIP, gzip(&zeros)),
        (DEFLATE, zlib(&zeros)),
        (BROTLI, brotli(&zeros[..4 << 20])),
    ] {
        let mut out = Vec::new();
        let result = decode_content(encoding, &coded, CAP, &mut out);
        assert_eq!(result, Err(Failure::ResponseTooLarge), "{encoding:?}");
        assert!(
            out.capacity() <= CAP,
            "{encoding:?} took {}",
            out.capacity()
        );
    }
}

#[test]
fn a_coding_that_ends_early_is_incomplete() {
    let body = sample();
    for (encoding, coded) in [
        (GZIP, gzip(&body)),
        (DEFLATE, zlib(&body)),
        (DEFLATE, raw_deflate(&body)),
        (BROTLI, brotli(&body)),
    ] {
        for length in [1, 2, 5, coded.len() / 2, coded.len() - 1] {
            let result = decode(encoding, &coded[..length], CAP);
            assert_eq!(
                result,
                Err(Failure::IncompleteBody),
                "{encoding:?} {length}"
            );
        }
    }
}

#[test]
fn what_does_not_decode_is_unsupported() {
    let jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 not compressed at all";
    for encoding in [GZIP, DEFLATE, BROTLI] {
        assert_eq!(
            decode(encoding, jpeg, CAP),
            Err(Failure::UnsupportedEncoding),
            "{encoding:?}"
        );
    }
    let mut broken = gzip(&sample());
    let checksum = broken.len() - 8;
    broken[checksum] ^= 1;
    assert_eq!(
        decode(GZIP, &broken, CAP),
        Err(Failure::UnsupportedEncoding)
    );
}
