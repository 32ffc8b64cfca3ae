//! Owns reading the chunks of a PNG: which order, lengths and checksums OpenCV and its libpng accept, and
//! which slices of the body are image data. Never inflates.
//!
//! libpng refuses errors in critical chunks and only warns about others, and it reads to IEND, so it refuses
//! a truncated file. OpenCV reads up to the first IDAT before libpng does, with limits of its own.

use super::animation;
use super::chunk::{Chunk, Chunks};
use super::file::{File, Region, Transparency};
use super::header::{Color, Header};
use crate::error::CodecError;

/// Bytes of the signature, which `sniff` has checked.
const SIGNATURE_BYTES: usize = 8;

/// Reads the chunks of `body`, which begins with the signature.
///
/// # Errors
/// `Decode` if OpenCV refuses the file.
pub(super) fn read(body: &[u8]) -> Result<File<'_>, CodecError> {
    let mut chunks = Chunks {
        rest: body.get(SIGNATURE_BYTES..).unwrap_or_default(),
    };
    let mut file = first_chunk(&mut chunks)?;
    let mut preface = Preface::default();
    let first_data = loop {
        let chunk = chunks.next()?;
        if chunk.name == *b"IDAT" {
            break chunk;
        }
        preface.take(&chunk, &mut file)?;
    };
    if file.canvas.color == Color::Palette && preface.palette_len.is_none() {
        return Err(CodecError::Decode);
    }
    if let Some(region) = preface.control
        && !animation::is_on_canvas(region, file.canvas.size)
    {
        return Err(CodecError::Decode);
    }
    if preface.frames > 1 {
        animation::first_frame(chunks, first_data, preface.control, &mut file)?;
    } else {
        still(chunks, first_data, &mut file)?;
    }
    Ok(file)
}

fn first_chunk<'a>(chunks: &mut Chunks<'a>) -> Result<File<'a>, CodecError> {
    let chunk = chunks.next()?;
    let header = match <&[u8; 13]>::try_from(chunk.data) {
        Ok(data) if chunk.name == *b"IHDR" && chunk.is_intact() => Header::read(data),
        _ => None,
    };
    let header = header.ok_or(CodecError::Decode)?;
    Ok(File {
        canvas: header,
        frame: header,
        region: None,
        palette: [[0, 0, 0, u8::MAX]; 256],
        transparency: None,
        data: Vec::new(),
    })
}

/// What was found before the first IDAT.
#[derive(Default)]
struct Preface {
    palette_len: Option<usize>,
    /// Number of frames of an animation.
    frames: u32,
    /// The last frame control.
    control: Option<Region>,
}

impl Preface {
    fn take(&mut self, chunk: &Chunk, file: &mut File) -> Result<(), CodecError> {
        if !chunk.passes_opencv() {
            return Err(CodecError::Decode);
        }
        match &chunk.name {
            b"PLTE" => self.palette(chunk, file)?,
            b"tRNS" => self.transparency(chunk, file),
            b"acTL" => {
                self.frames = animation::frames(chunk.data)?;
            }
            b"fcTL" => {
                self.control = Some(animation::control(chunk.data)?);
            }
            _ if chunk.is_critical() => return Err(CodecError::Decode),
            _ => {}
        }
        Ok(())
    }

    /// Reads a palette, which is critical if pixels index it, and only a suggestion otherwise.
    fn palette(&mut self, chunk: &Chunk, file: &mut File) -> Result<(), CodecError> {
        let bytes = chunk.data.len();
        let is_first = self.palette_len.is_none();
        let is_valid = is_first && bytes <= 768 && bytes.is_multiple_of(3);
        match file.canvas.color {
            Color::Palette if is_valid && bytes > 0 && chunk.is_intact() => {
                let entries = (bytes / 3).min(1 << file.canvas.depth);
                for (rgba, rgb) in file.palette.iter_mut().zip(chunk.data.chunks_exact(3)) {
                    rgba[..3].copy_from_slice(rgb);
                }
                file.palette[entries..].fill([0, 0, 0, u8::MAX]);
                self.palette_len = Some(entries);
                Ok(())
            }
            Color::Palette => Err(CodecError::Decode),
            // libpng refuses an empty palette wherever it would use one.
            Color::Rgb | Color::Rgba if is_valid && bytes == 0 && file.transparency.is_none() => {
                Err(CodecError::Decode)
            }
            _ => {
                self.palette_len = Some(0);
                Ok(())
            }
        }
    }

    /// Reads tRNS, which is ignored if it is invalid.
    fn transparency(&self, chunk: &Chunk, file: &mut File) {
        if file.transparency.is_some() {
            return;
        }
        match (file.canvas.color, chunk.data) {
            (Color::Rgb, &[r1, r0, g1, g0, b1, b0]) if chunk.is_intact() => {
                let key = [[r1, r0], [g1, g0], [b1, b0]].map(u16::from_be_bytes);
                file.transparency = Some(Transparency::Key(key));
            }
            (Color::Palette, alphas)
                if (1..=self.palette_len.unwrap_or(0)).contains(&alphas.len())
                    && chunk.is_intact() =>
            {
                for (rgba, &alpha) in file.palette.iter_mut().zip(alphas) {
                    rgba[3] = alpha;
                }
                file.transparency = Some(Transparency::Palette);
            }
            _ => {}
        }
    }
}

/// Collects consecutive data chunks and checks the rest of the file up to IEND, whose checksum is not
/// verified.
fn still<'a>(
    mut chunks: Chunks<'a>,
    first: Chunk<'a>,
    file: &mut File<'a>,
) -> Result<(), CodecError> {
    let mut chunk = first;
    let mut is_stream = true;
    loop {
        match &chunk.name {
            b"IDAT" if !chunk.is_intact() => return Err(CodecError::Decode),
            b"IDAT" if is_stream => file.data.push(chunk.data),
            b"IDAT" => {}
            b"IEND" => return Ok(()),
            b"PLTE" if file.canvas.color != Color::Palette => is_stream = false,
            _ if chunk.is_critical() => return Err(CodecError::Decode),
            _ => is_stream = false,
        }
        chunk = chunks.next()?;
    }
}
