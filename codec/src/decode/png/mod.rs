//! Owns decoding PNG (RFC 2083 and its third edition) as OpenCV does with libpng: which errors are fatal,
//! palettes and low depths expanded, the high byte of 16 bits, the first frame of an animation on an empty
//! canvas. Never applies the colour key of a grey image, which OpenCV ignores too.

mod animation;
mod chunk;
mod expand;
mod file;
mod header;
mod inflate;
mod passes;
mod unfilter;
mod walk;

use expand::Canvas;
use file::{File, Region};
use inflate::{Inflater, Stream};
use passes::Passes;

use crate::decode::outcome::{Completeness, same_size};
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Largest filtered stream that is inflated at once outside the output, in bytes.
const RAW_BYTES_MAX: usize = 64 << 20;

/// Decodes PNG files; keeps working memory.
#[derive(Default)]
pub(super) struct PngDecoder {
    inflater: Inflater,
    /// Filtered rows, if they cannot be inflated into the output itself.
    raw: Buffer,
    /// A frame that is not the whole canvas.
    frame: Buffer,
}

impl PngDecoder {
    /// Decodes the image, or the first frame of an animation.
    pub(super) fn decode(
        &mut self,
        body: &[u8],
        size: Size,
        out: &mut Buffer,
    ) -> Result<Shape, CodecError> {
        let file = walk::read(body)?;
        same_size(file.canvas.size.width, file.canvas.size.height, size)?;
        let shape = Shape::new(size, file.channels());
        let result = match file.region {
            Some(region) if !region.is_whole(&file) => self.compose(&file, region, shape, out),
            _ => self.frame(&file, out),
        };
        self.inflater.trim();
        self.raw.trim();
        self.frame.trim();
        result.map(|()| shape)
    }

    /// Whether all chunks are present, those of the image are intact, and their stream has every row, each
    /// with a valid filter.
    pub(super) fn completeness(&mut self, body: &[u8], size: Size) -> Completeness {
        let whole = walk::read(body).and_then(|file| {
            same_size(file.canvas.size.width, file.canvas.size.height, size)?;
            self.inflate_alone(&file)
        });
        self.inflater.trim();
        self.raw.trim();
        whole.map_or(Completeness::Truncated, |()| Completeness::Complete)
    }

    fn inflate_alone(&mut self, file: &File) -> Result<(), CodecError> {
        let passes = Passes::new(&file.frame);
        let bytes = passes.filtered_bytes();
        if inflate::cannot_expand_to(&file.data, bytes) {
            return Err(CodecError::Decode);
        }
        if bytes <= RAW_BYTES_MAX {
            let mut rows = self.raw.bytes_mut(bytes);
            self.inflater.inflate(&file.data, &passes, rows)?;
            for row_bytes in passes.rows() {
                let (row, below) = rows.split_at_mut(row_bytes);
                has_filter(row)?;
                rows = below;
            }
            return Ok(());
        }
        let mut stream = Stream::new(&file.data);
        let mut row = Vec::new();
        for row_bytes in passes.rows() {
            row.resize(row_bytes, 0);
            stream.fill(&mut row)?;
            has_filter(&row)?;
        }
        stream.finish()
    }

    /// Decodes the frame of the file to the start of `out`.
    fn frame(&mut self, file: &File, out: &mut Buffer) -> Result<(), CodecError> {
        let header = &file.frame;
        let passes = Passes::new(header);
        let bytes = passes.filtered_bytes();
        if inflate::cannot_expand_to(&file.data, bytes) {
            return Err(CodecError::Decode);
        }
        if !header.interlaced && header.depth == 8 && file.samples_are_output() {
            return self.unfiltered(file, &passes, out.bytes_mut(bytes));
        }
        let shape = Shape::new(header.size, file.channels());
        if bytes > RAW_BYTES_MAX {
            return by_rows(file, &passes, out.bytes_mut(shape.bytes()));
        }
        let mut raw = std::mem::take(&mut self.raw);
        let result = self.unfiltered(file, &passes, raw.bytes_mut(bytes));
        if result.is_ok() {
            let mut canvas = Canvas::new(file, out.bytes_mut(shape.bytes()));
            canvas.put_all(&passes, raw.filled(bytes));
        }
        self.raw = raw;
        result
    }

    /// Fills `raw` with the unfiltered rows of each pass, at the start of the pass.
    fn unfiltered(
        &mut self,
        file: &File,
        passes: &Passes,
        raw: &mut [u8],
    ) -> Result<(), CodecError> {
        self.inflater.inflate(&file.data, passes, raw)?;
        for pass in passes.iter() {
            unfilter::rows(
                &mut raw[pass.bytes()],
                pass.row_bytes,
                file.frame.pixel_bytes(),
            )?;
        }
        Ok(())
    }

    /// Draws the region of the frame on an empty canvas: black, or transparent.
    fn compose(
        &mut self,
        file: &File,
        region: Region,
        canvas: Shape,
        out: &mut Buffer,
    ) -> Result<(), CodecError> {
        let mut frame = std::mem::take(&mut self.frame);
        let result = self.frame(file, &mut frame);
        let pixels = out.bytes_mut(canvas.bytes());
        pixels.fill(0);
        let from = Shape::new(file.frame.size, canvas.channels);
        let width = region.size.width as usize * canvas.channels;
        if result.is_ok() {
            let rows = frame.filled(from.bytes()).chunks_exact(from.stride());
            let first = region.y as usize * canvas.stride() + region.x as usize * canvas.channels;
            for (at, row) in rows.take(region.size.height as usize).enumerate() {
                let at = first + at * canvas.stride();
                pixels[at..at + width].copy_from_slice(&row[..width]);
            }
        }
        self.frame = frame;
        result
    }
}

/// Checks that the first byte of a row is one of the five filters.
fn has_filter(row: &[u8]) -> Result<(), CodecError> {
    const PAETH: u8 = 4;
    match row {
        [..=PAETH, ..] => Ok(()),
        _ => Err(CodecError::Decode),
    }
}

/// Decodes row by row, which is slower but takes only two rows of memory.
fn by_rows(file: &File, passes: &Passes, out: &mut [u8]) -> Result<(), CodecError> {
    let mut stream = Stream::new(&file.data);
    let mut canvas = Canvas::new(file, out);
    for pass in passes.iter() {
        let mut above = vec![0; pass.row_bytes + 1];
        let mut stored = above.clone();
        for at in 0..pass.rows {
            stream.fill(&mut stored)?;
            unfilter::row(&mut stored, &above[1..], file.frame.pixel_bytes())?;
            canvas.put(pass, at, &stored[1..]);
            std::mem::swap(&mut stored, &mut above);
        }
    }
    stream.finish()
}

#[cfg(test)]
mod tests;
