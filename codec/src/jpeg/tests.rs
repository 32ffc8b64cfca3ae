//! This crate's JPEG reader against libjpeg-turbo, over files of every supported kind and damaged ones.

use std::ffi::{c_int, c_uchar};

use turbojpeg::raw;

use super::*;
use crate::pixels::Buffer;
use crate::turbo::{Decompressor, padded_bytes};

const SCANS_MAX: u32 = 100;

/// How a file is written.
#[derive(Clone, Copy, Debug)]
struct Writing {
    width: usize,
    height: usize,
    sampling: raw::TJSAMP,
    quality: i32,
    progressive: bool,
    optimized: bool,
    restart_blocks: i32,
}

struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }
}

/// Smooth light, noise, and a plain corner: blocks full, sparse and flat.
fn pixels(width: usize, height: usize) -> Vec<u8> {
    let mut random = Random(width as u32 * 31 + height as u32);
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let noise = if x > width / 2 { random.next() % 64 } else { 0 };
            for channel in 0..3 {
                let plain = x < width / 4 && y < height / 2;
                let light = (x * (3 + channel) + y * 2) as u32 + noise;
                pixels.push(if plain { 90 } else { light as u8 });
            }
        }
    }
    pixels
}

fn write(writing: Writing) -> Vec<u8> {
    let source = pixels(writing.width, writing.height);
    // SAFETY: a new instance is set up and used by its own interface, and destroyed below; the source
    // has height rows of width RGB pixels without gaps; the library allocates what it returns, which is
    // copied before it is freed.
    unsafe {
        let handle = raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS as c_int);
        let set = |parameter: raw::TJPARAM, value: i32| {
            assert_eq!(raw::tj3Set(handle, parameter as c_int, value), 0);
        };
        set(raw::TJPARAM_TJPARAM_QUALITY, writing.quality);
        set(raw::TJPARAM_TJPARAM_SUBSAMP, writing.sampling);
        set(raw::TJPARAM_TJPARAM_PROGRESSIVE, writing.progressive.into());
        set(raw::TJPARAM_TJPARAM_OPTIMIZE, writing.optimized.into());
        set(raw::TJPARAM_TJPARAM_RESTARTBLOCKS, writing.restart_blocks);
        let (mut file, mut length): (*mut c_uchar, _) = (std::ptr::null_mut(), 0);
        let status = raw::tj3Compress8(
            handle,
            source.as_ptr(),
            writing.width as c_int,
            0,
            writing.height as c_int,
            raw::TJPF_TJPF_RGB as c_int,
            &mut file,
            &mut length,
        );
        assert_eq!(status, 0, "{writing:?}");
        let bytes = std::slice::from_raw_parts(file, length as usize).to_vec();
        raw::tj3Free(file.cast());
        raw::tj3Destroy(handle);
        bytes
    }
}

/// What shows of the planes.
fn shown(samples: &[u8], padded: &[PaddedPlane; 3], size: Size) -> Vec<u8> {
    let [luma, ..] = padded;
    let mut shown = Vec::new();
    for one in padded {
        // Of a plane of half the rows half the image's are shown.
        let ratio = |whole: usize, of: u32| (of as usize * whole).div_ceil(luma.rows);
        let rows = ratio(one.rows, size.height);
        for row in 0..rows {
            let start = one.plane.start + row * one.plane.stride;
            shown.extend_from_slice(&samples[start..][..one.plane.stride]);
        }
    }
    shown
}

/// What both read of `body`; none where the reader leaves it alone, an error where the library fails.
fn both(reader: &mut PlaneReader, body: &[u8], size: Size) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let mut decompressor = Decompressor::new(SCANS_MAX);
    let file = decompressor.open(body, size).ok()?;
    file.subsampling()?;
    let padded = file.padded();
    let mut own = Buffer::default();
    let samples = own.bytes_mut(padded_bytes(&padded));
    reader.read(body, size, padded, samples)?;
    let own = shown(samples, &padded, size);
    let mut theirs = Buffer::default();
    let samples = theirs.bytes_mut(padded_bytes(&padded));
    let theirs = file.read_planes(samples).ok();
    Some((own, theirs.map(|()| shown(samples, &padded, size))))
}

const SAMPLINGS: [raw::TJSAMP; 4] = [
    raw::TJSAMP_TJSAMP_444,
    raw::TJSAMP_TJSAMP_422,
    raw::TJSAMP_TJSAMP_440,
    raw::TJSAMP_TJSAMP_420,
];

fn writings() -> impl Iterator<Item = Writing> {
    let sizes = [
        (1, 1),
        (7, 9),
        (16, 16),
        (17, 8),
        (33, 65),
        (120, 50),
        (131, 77),
        (700, 20),
    ];
    let kinds = [
        (false, false, 0),
        (false, true, 0),
        (false, true, 3),
        (true, true, 0),
        (true, true, 5),
    ];
    SAMPLINGS.into_iter().flat_map(move |sampling| {
        sizes.into_iter().flat_map(move |(width, height)| {
            kinds
                .into_iter()
                .flat_map(move |(progressive, optimized, restart_blocks)| {
                    [1, 30, 75, 97, 100].map(|quality| Writing {
                        width,
                        height,
                        sampling,
                        quality,
                        progressive,
                        optimized,
                        restart_blocks,
                    })
                })
        })
    })
}

#[test]
fn whole_files_are_read_to_libjpeg_turbos_samples() {
    let mut reader = PlaneReader::new(SCANS_MAX);
    for writing in writings() {
        let body = write(writing);
        let size = Size::new(writing.width as u32, writing.height as u32);
        let (own, theirs) = both(&mut reader, &body, size).unwrap_or_else(|| {
            panic!("{writing:?} was not read");
        });
        assert!(Some(own) == theirs, "{writing:?}");
    }
}

#[test]
fn what_is_read_of_a_damaged_file_is_what_libjpeg_turbo_reads() {
    let mut reader = PlaneReader::new(SCANS_MAX);
    let mut random = Random(5);
    let (mut read, mut left) = (0, 0);
    for writing in writings().filter(|writing| writing.width > 30 && writing.quality < 100) {
        let whole = write(writing);
        let size = Size::new(writing.width as u32, writing.height as u32);
        for _ in 0..12 {
            let mut body = whole.clone();
            for _ in 0..1 + random.next() % 3 {
                let at = random.next() as usize % body.len();
                match random.next() % 4 {
                    0 => body[at] ^= 1 << (random.next() % 8),
                    1 => body[at] = random.next() as u8,
                    2 => drop(body.drain(at..(at + 3).min(body.len()))),
                    _ => body.truncate(at.max(body.len() / 2)),
                }
            }
            match both(&mut reader, &body, size) {
                None => left += 1,
                Some((own, theirs)) => {
                    assert!(Some(own) == theirs, "{writing:?}");
                    read += 1;
                }
            }
        }
    }
    assert!(
        read > 100 && left > 100,
        "{read} read, {left} left to the library"
    );
}

#[test]
fn absurd_coefficients_overflow_as_they_do_in_libjpeg_turbo() {
    let mut reader = PlaneReader::new(SCANS_MAX);
    let writing = Writing {
        width: 64,
        height: 64,
        sampling: raw::TJSAMP_TJSAMP_420,
        quality: 100,
        progressive: false,
        optimized: true,
        restart_blocks: 0,
    };
    let mut body = write(writing);
    // Quantizers of 255 for coefficients that were made for 1.
    let tables = memchr::memmem::find(&body, &[0xFF, 0xDB]).unwrap();
    body[tables + 5..tables + 69].fill(255);
    let size = Size::new(64, 64);
    let (own, theirs) = both(&mut reader, &body, size).expect("read");
    assert!(Some(own) == theirs);
}
