use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const CAP: usize = 1 << 20;
const GZIP: &[&str] = &["gzip"];
const DEFLATE: &[&str] = &["deflate"];
const BROTLI: &[&str] = &["br"];
const ZSTD: &[&str] = &["zstd"];
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 not compressed at all";

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

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 1).unwrap()
}

fn listed(names: &[&str]) -> CodingList {
    let mut list = CodingList::default();
    names.iter().for_each(|name| list.push(name.as_bytes()));
    list
}

/// What `Content-Encoding` of these names makes of a body.
fn decode(content: &[&str], body: &[u8], cap: usize) -> Result<Vec<u8>, Failure> {
    let encoding = ContentEncoding::new(listed(content), CodingList::default());
    decode_content(encoding, body, cap).map(|plain| plain.unwrap_or_else(|| body.to_vec()))
}

fn sample() -> Vec<u8> {
    (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[test]
fn each_coding_is_decoded() {
    for body in [Vec::new(), b"x".to_vec(), sample()] {
        assert_eq!(decode(&["identity", ""], &body, CAP).as_ref(), Ok(&body));
        assert_eq!(decode(GZIP, &gzip(&body), CAP).as_ref(), Ok(&body));
        assert_eq!(decode(DEFLATE, &zlib(&body), CAP).as_ref(), Ok(&body));
        assert_eq!(
            decode(DEFLATE, &raw_deflate(&body), CAP).as_ref(),
            Ok(&body)
        );
        assert_eq!(decode(BROTLI, &brotli(&body), CAP).as_ref(), Ok(&body));
        assert_eq!(decode(ZSTD, &zstd(&body), CAP).as_ref(), Ok(&body));
    }
}

#[test]
fn two_codings_are_removed_last_applied_first() {
    assert_eq!(
        decode(&["gzip", "deflate"], &zlib(&gzip(b"image")), CAP),
        Ok(b"image".to_vec())
    );
    let encoding = ContentEncoding::new(listed(GZIP), listed(&["zstd"]));
    assert_eq!(
        decode_content(encoding, &zstd(&gzip(b"image")), CAP),
        Ok(Some(b"image".to_vec()))
    );
}

#[test]
fn more_than_two_codings_are_unsupported() {
    let thrice = gzip(&gzip(&gzip(b"image")));
    for (content, transfer) in [
        (&["gzip", "gzip", "gzip"][..], &[][..]),
        (&["gzip", "gzip"], &["gzip"]),
        (&["gzip"], &["gzip", "gzip"]),
        (&["gzip"; 1000], &[]),
    ] {
        let encoding = ContentEncoding::new(listed(content), listed(transfer));
        let result = decode_content(encoding, &thrice, CAP);
        assert_eq!(result, Err(Failure::UnsupportedEncoding), "{content:?}");
    }
}

#[test]
fn an_unknown_content_coding_is_ignored() {
    let coded = gzip(JPEG);
    for names in [
        &["UTF-8"][..],
        &["none"],
        &["binary"],
        &["aws-chunked"],
        &["image/jpeg"],
        &["compress"],
        &["gzip;q=1.0"],
        &["gzip", "utf-8"],
        &["none", "gzip"],
    ] {
        assert_eq!(decode(names, &coded, CAP).as_ref(), Ok(&coded), "{names:?}");
        assert_eq!(decode(names, JPEG, CAP).as_deref(), Ok(JPEG), "{names:?}");
    }
}

#[test]
fn an_unknown_transfer_coding_is_unsupported() {
    for transfer in [&["rot13"][..], &["rot13", "gzip"], &["compress"]] {
        let encoding = ContentEncoding::new(CodingList::default(), listed(transfer));
        let result = decode_content(encoding, JPEG, CAP);
        assert_eq!(result, Err(Failure::UnsupportedEncoding), "{transfer:?}");
    }
    let encoding = ContentEncoding::new(CodingList::default(), listed(GZIP));
    assert_eq!(
        decode_content(encoding, JPEG, CAP),
        Err(Failure::UnsupportedEncoding),
        "framing is not guessed, over an image neither"
    );
}

#[test]
fn a_coding_named_but_not_applied_to_an_image_is_ignored() {
    let images: [&[u8]; 6] = [
        JPEG,
        b"\x89PNG\r\n\x1a\n and so on",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"GIF89a and so on",
        b"BM and so on, as bitmaps do",
        b"II*\0 and so on",
    ];
    for image in images {
        for names in [GZIP, DEFLATE, BROTLI, ZSTD, &["gzip", "br"], &["gzip"; 9]] {
            let decoded = decode(names, image, CAP);
            assert_eq!(decoded.as_deref(), Ok(image), "{names:?} {image:?}");
        }
        let once = gzip(image);
        let decoded = decode(&["gzip", "gzip"], &once, CAP);
        assert_eq!(decoded.as_deref(), Ok(image), "named twice, applied once");
    }
}

/// 619 bytes in br, `BMBBB...`, whose coded bytes begin as a bitmap does (RFC 7932, 9.2 and 9.3): a last
/// meta-block of two literals with a code of one bit each, and one insertion of all of them.
fn brotli_that_begins_like_a_bitmap() -> (Vec<u8>, Vec<u8>) {
    let mut bits: Vec<bool> = Vec::new();
    let mut write = |value: u32, count: u32| bits.extend((0..count).map(|at| value >> at & 1 == 1));
    let (b, m) = (u32::from(b'B'), u32::from(b'M'));
    for (value, count) in [
        // The window of 16 bits, the last meta-block, not empty, its length less one in four nibbles.
        (0, 1),
        (1, 1),
        (0, 1),
        (0, 2),
        (618, 16),
        // One block type of each kind, no distance parameters, one context mode, one tree of each kind.
        (0, 3),
        (0, 6),
        (0, 2),
        (0, 2),
        // Literals: a simple code of two symbols, `B` before `M`.
        (1, 2),
        (1, 2),
        (b, 8),
        (m, 8),
        // Commands and distances: simple codes of one symbol. Command 472 inserts 578 and nine bits more.
        (1, 2),
        (0, 2),
        (472, 10),
        (1, 2),
        (0, 2),
        (0, 6),
        (619 - 578, 9),
    ] {
        write(value, count);
    }
    let mut plain = vec![b'B'; 619];
    plain[1] = b'M';
    bits.extend(plain.iter().map(|byte| *byte == b'M'));
    let byte = |bits: &[bool]| {
        bits.iter()
            .rev()
            .fold(0, |byte, bit| byte << 1 | u8::from(*bit))
    };
    (bits.chunks(8).map(byte).collect(), plain)
}

#[test]
fn a_coded_image_that_begins_like_another_is_decoded() {
    let (coded, plain) = brotli_that_begins_like_a_bitmap();
    assert!(sniff(&coded).is_some(), "{:?}", &coded[..2]);
    assert_eq!(decode(BROTLI, &coded, CAP), Ok(plain));
}

#[test]
fn gzip_may_have_several_members_and_padding() {
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
        (GZIP, gzip(&body)),
        (DEFLATE, zlib(&body)),
        (DEFLATE, raw_deflate(&body)),
        (BROTLI, brotli(&body)),
        (ZSTD, zstd(&body)),
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
    type Decode = fn(&[u8], usize, &mut Vec<u8>) -> Result<(), Failure>;
    let zeros = vec![0; 64 << 20];
    let bombs: [(&str, Vec<u8>, Decode); 4] = [
        ("gzip", gzip(&zeros), gunzip),
        ("deflate", zlib(&zeros), inflate),
        ("br", brotli(&zeros[..4 << 20]), unbrotli),
        ("zstd", zstd(&zeros), unzstd),
    ];
    for (name, coded, decode) in bombs {
        let mut out = Vec::new();
        let result = decode(&coded, CAP, &mut out);
        assert_eq!(result, Err(Failure::ResponseTooLarge), "{name}");
        assert!(out.capacity() <= CAP, "{name} took {}", out.capacity());
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
        (ZSTD, zstd(&body)),
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
fn invalid_coded_bytes_are_unsupported() {
    for encoding in [GZIP, DEFLATE, BROTLI, ZSTD] {
        assert_eq!(
            decode(encoding, &[0xff; 40], CAP),
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
