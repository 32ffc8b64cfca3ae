//! Owns encoding PNG, 8-bit grey or RGB, not interlaced: filters by libpng's heuristic, one IDAT deflated
//! by libdeflate. Never writes metadata.

mod filter;

use filter::Filter;
use libdeflater::{CompressionLvl, Compressor};

use crate::error::CodecError;
use crate::pixels::Shape;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1A\n";

/// Bytes of length, name and checksum of a chunk.
const CHUNK_FRAME_BYTES: usize = 12;

/// Largest length of a chunk in bytes.
const CHUNK_BYTES_MAX: usize = 0x7FFF_FFFF;

/// Largest working memory that is kept, in bytes.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Encodes rasters at one compression level.
pub(crate) struct PngEncoder {
    compressor: Compressor,
    filter: Filter,
    rows: Vec<u8>,
    deflated: Vec<u8>,
}

impl PngEncoder {
    /// An encoder at `compression`, from 0 (stored) to 9 (smallest). libdeflate's files are on the whole a few
    /// per cent smaller than zlib's at the same level.
    pub(crate) fn new(compression: u32) -> Self {
        let level = CompressionLvl::new(compression.min(9) as i32).unwrap_or_default();
        Self {
            compressor: Compressor::new(level),
            filter: Filter::default(),
            rows: Vec::new(),
            deflated: Vec::new(),
        }
    }

    /// Encodes `pixels` of one or three samples.
    pub(crate) fn encode(&mut self, pixels: &[u8], shape: Shape) -> Result<Vec<u8>, CodecError> {
        self.rows.clear();
        self.filter
            .rows(pixels, shape.stride(), shape.channels, &mut self.rows);
        let bound = self.compressor.zlib_compress_bound(self.rows.len());
        if bound > CHUNK_BYTES_MAX {
            return Err(CodecError::DimensionsTooLarge);
        }
        if self.deflated.len() < bound {
            self.deflated.resize(bound, 0);
        }
        let bytes = self
            .compressor
            .zlib_compress(&self.rows, &mut self.deflated)
            .map_err(|_| CodecError::DimensionsTooLarge)?;
        let file = file(shape, &self.deflated[..bytes]);
        if bound > KEPT_BYTES_MAX {
            (self.rows, self.deflated) = (Vec::new(), Vec::new());
        }
        Ok(file)
    }
}

fn file(shape: Shape, data: &[u8]) -> Vec<u8> {
    let chunks: [(&[u8; 4], &[u8]); 3] =
        [(b"IHDR", &header(shape)), (b"IDAT", data), (b"IEND", &[])];
    let bytes = chunks
        .iter()
        .map(|(_, data)| CHUNK_FRAME_BYTES + data.len())
        .sum::<usize>();
    let mut file = Vec::with_capacity(SIGNATURE.len() + bytes);
    file.extend_from_slice(SIGNATURE);
    for (name, data) in chunks {
        file.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let covered = file.len();
        file.extend_from_slice(name);
        file.extend_from_slice(data);
        let crc = libdeflater::crc32(&file[covered..]);
        file.extend_from_slice(&crc.to_be_bytes());
    }
    file
}

fn header(shape: Shape) -> [u8; 13] {
    const GREY: u8 = 0;
    const RGB: u8 = 2;
    let mut header = [0; 13];
    header[..4].copy_from_slice(&shape.size.width.to_be_bytes());
    header[4..8].copy_from_slice(&shape.size.height.to_be_bytes());
    header[8] = 8;
    header[9] = if shape.channels == 1 { GREY } else { RGB };
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Size;

    /// What crate `png` reads.
    fn read(file: &[u8]) -> (Vec<u8>, u32, u32, png::ColorType) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        reader.finish().unwrap();
        (pixels, info.width, info.height, info.color_type)
    }

    #[test]
    fn another_decoder_reads_every_level_size_and_colour_back() {
        for level in 0..=9 {
            let mut encoder = PngEncoder::new(level);
            for (width, height) in [(1, 1), (1, 7), (9, 1), (33, 20)] {
                for (channels, color) in [(1, png::ColorType::Grayscale), (3, png::ColorType::Rgb)]
                {
                    let shape = Shape::new(Size::new(width, height), channels);
                    let pixels: Vec<u8> =
                        (0..shape.bytes()).map(|at| (at * at / 7) as u8).collect();
                    let file = encoder.encode(&pixels, shape).unwrap();
                    assert_eq!(read(&file), (pixels, width, height, color));
                }
            }
        }
    }

    #[test]
    fn a_higher_level_makes_a_smaller_file() {
        let shape = Shape::new(Size::new(200, 150), 3);
        let pixels: Vec<u8> = (0..shape.bytes())
            .map(|at| (at / 3 % 200 * (at / 900)) as u8)
            .collect();
        let bytes = |level| PngEncoder::new(level).encode(&pixels, shape).unwrap().len();
        assert!(bytes(0) > shape.bytes());
        assert!(bytes(1) < bytes(0) && bytes(9) < bytes(1));
    }
}
