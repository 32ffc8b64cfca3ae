//! Owns expanding unfiltered rows to 8-bit samples: palettes, low depths, 16 bits, colour keys, grey with
//! alpha, and Adam7. Never reads a filter byte.

use super::file::{File, Transparency};
use super::header::Color;
use super::passes::{Pass, Passes};
use crate::alpha::pack;

/// The raster that rows are written to.
pub(super) struct Canvas<'a> {
    file: &'a File<'a>,
    out: &'a mut [u8],
    /// A row of an Adam7 pass.
    line: Vec<u8>,
}

impl<'a> Canvas<'a> {
    /// Writes to `out`, which has the pixels of the frame in the channels of the file.
    pub(super) fn new(file: &'a File, out: &'a mut [u8]) -> Self {
        Self {
            file,
            out,
            line: Vec::new(),
        }
    }

    /// Writes all rows; those of each pass are at its start in `raw` without gaps.
    pub(super) fn put_all(&mut self, passes: &Passes, raw: &[u8]) {
        for pass in passes.iter() {
            let rows = raw[pass.bytes()].chunks_exact(pass.row_bytes);
            for (at, row) in rows.take(pass.rows).enumerate() {
                self.put(pass, at, row);
            }
        }
    }

    /// Writes row `at` of a pass.
    pub(super) fn put(&mut self, pass: &Pass, at: usize, row: &[u8]) {
        let [left, top, right, down] = pass.place;
        let channels = self.file.channels();
        let stride = self.file.frame.size.width as usize * channels;
        let target = &mut self.out[(top + at * down) * stride..][..stride];
        if !self.file.frame.interlaced {
            return self::row(self.file, row, target);
        }
        self.line.resize(pass.width * channels, 0);
        self::row(self.file, row, &mut self.line);
        let places = target.chunks_exact_mut(channels).skip(left).step_by(right);
        for (place, pixel) in places.zip(self.line.chunks_exact(channels)) {
            place.copy_from_slice(pixel);
        }
    }
}

/// Expands one row to as many pixels as fit `out`.
fn row(file: &File, row: &[u8], out: &mut [u8]) {
    let depth = file.frame.depth;
    match (file.frame.color, depth) {
        (Color::Grey, 8) => out.copy_from_slice(row),
        (Color::Grey, 16) => every_other(row, out),
        (Color::Grey, _) => {
            let scale = u8::MAX >> (8 - depth);
            let scale = u8::MAX / scale;
            low_depth(row, depth, out.len(), |at, level| out[at] = level * scale);
        }
        (Color::Palette, 8) if file.transparency.is_some() => {
            for (rgba, &index) in out.as_chunks_mut().0.iter_mut().zip(row) {
                *rgba = file.palette[usize::from(index)];
            }
        }
        (Color::Palette, 8) => opaque(row, &file.palette, out),
        (Color::Palette, _) => {
            let channels = file.channels();
            low_depth(row, depth, out.len() / channels, |at, index| {
                let color = &file.palette[usize::from(index)][..channels];
                out[at * channels..][..channels].copy_from_slice(color);
            });
        }
        (Color::GreyAlpha, _) => {
            let bytes = usize::from(depth / 8);
            for (rgba, pixel) in out.chunks_exact_mut(4).zip(row.chunks_exact(2 * bytes)) {
                let (grey, alpha) = (pixel[0], pixel[bytes]);
                rgba.copy_from_slice(&[grey, grey, grey, alpha]);
            }
        }
        (Color::Rgb, _) => match file.transparency {
            Some(Transparency::Key(key)) => keyed(row, depth, key, out),
            _ if depth == 8 => out.copy_from_slice(row),
            _ => every_other(row, out),
        },
        (Color::Rgba, 8) => out.copy_from_slice(row),
        (Color::Rgba, _) => every_other(row, out),
    }
}

/// The high bytes of 16-bit samples.
fn every_other(row: &[u8], out: &mut [u8]) {
    for (sample, pair) in out.iter_mut().zip(row.chunks_exact(2)) {
        *sample = pair[0];
    }
}

/// Expands 8-bit indices to RGB, four at a time.
fn opaque(row: &[u8], palette: &[[u8; 4]; 256], out: &mut [u8]) {
    let (fours, last) = row.as_chunks();
    let (words, rest) = out.as_chunks_mut();
    for (indices, words) in fours.iter().zip(words) {
        let color = |index: u8| u32::from_le_bytes(palette[usize::from(index)]);
        pack(<[u8; 4]>::map(*indices, color), words);
    }
    for (rgb, &index) in rest.chunks_exact_mut(3).zip(last) {
        rgb.copy_from_slice(&palette[usize::from(index)][..3]);
    }
}

/// Calls `put` with the index and value of each of `pixels` samples of less than 8 bits.
fn low_depth(row: &[u8], depth: u8, pixels: usize, mut put: impl FnMut(usize, u8)) {
    let per_byte = 8 / usize::from(depth);
    let mask = u8::MAX >> (8 - depth);
    for at in 0..pixels {
        let shift = 8 - depth * (at % per_byte + 1) as u8;
        put(at, row[at / per_byte] >> shift & mask);
    }
}

/// Expands RGB whose `key` colour is transparent. At 8 bits only the low bytes of the key count.
fn keyed(row: &[u8], depth: u8, key: [u16; 3], out: &mut [u8]) {
    let key: [[u8; 2]; 3] = key.map(u16::to_be_bytes);
    let bytes = usize::from(depth / 8);
    for (rgba, pixel) in out.chunks_exact_mut(4).zip(row.chunks_exact(3 * bytes)) {
        let is_key = pixel
            .chunks_exact(bytes)
            .zip(&key)
            .all(|(sample, key)| sample == &key[2 - bytes..]);
        let alpha = if is_key { 0 } else { u8::MAX };
        rgba.copy_from_slice(&[pixel[0], pixel[bytes], pixel[2 * bytes], alpha]);
    }
}
