//! Owns our own way from a usual JPEG to its planes: 8 bits, Y, Cb and Cr, Huffman codes, baseline or
//! progressive, and not a bit out of place. Whatever is unusual or damaged it leaves to libjpeg-turbo, so
//! it never decides that a file is broken; and what it reads comes out as the same samples.
//!
//! Against libjpeg-turbo it has the whole file in memory and takes the stuffing out first, finds code,
//! run and length of the value by one look into a table, keeps a coefficient's sign and end of block off
//! the branch predictor, and refines progressive coefficients by sets of bits.

mod bits;
mod canvas;
mod huffman;
mod idct;
mod markers;
mod progressive;
mod run;
mod sequential;
#[cfg(test)]
mod tests;

use canvas::Canvas;
use huffman::Made;
use idct::Width;
use markers::{Data, Found, Markers};
use progressive::Progressive;

use crate::pixels::{Room, Size};

/// Reads one file after another; keeps the working memory.
pub(crate) struct PlaneReader {
    scans_max: u32,
    made: Made,
    data: Data,
    progressive: Progressive,
}

impl PlaneReader {
    /// A reader of files of up to `scans_max` scans.
    pub(crate) fn new(scans_max: u32) -> Self {
        Self {
            scans_max,
            made: Made::default(),
            data: Data::default(),
            progressive: Progressive::default(),
        }
    }

    /// Fills `samples` with the planes of `body`, each in its room. None where that is for
    /// libjpeg-turbo to do; what then stands in `samples` is of no meaning.
    pub(crate) fn read(
        &mut self,
        body: &[u8],
        size: Size,
        rooms: [Room; 3],
        samples: &mut [u8],
    ) -> Option<()> {
        let width = Width::widest()?;
        let read = self.read_with(width, body, size, rooms, samples);
        self.progressive.trim();
        self.data.trim();
        read
    }

    fn read_with(
        &mut self,
        width: Width,
        body: &[u8],
        size: Size,
        rooms: [Room; 3],
        samples: &mut [u8],
    ) -> Option<()> {
        let mut markers = Markers::new(body)?;
        let Found::Scan(scan) = markers.next()? else {
            return None;
        };
        let frame = markers.frame?;
        let expected = (size.width as usize, size.height as usize);
        if (frame.width, frame.height) != expected {
            return None;
        }
        let fits = frame
            .components
            .iter()
            .zip(&rooms)
            .all(|(component, room)| {
                room.plane.stride >= component.blocks_wide * 8
                    && room.rows >= component.blocks_high * 8
            });
        if !fits {
            return None;
        }
        let mut canvas = Canvas::new(samples, rooms, width)?;
        let (data, scans_max) = (&mut self.data, self.scans_max);
        if frame.progressive {
            let progressive = &mut self.progressive;
            // SAFETY: there is a width, so the processor has what the function is compiled for.
            return unsafe {
                progressive.read(&mut markers, &frame, scan, scans_max, data, &mut canvas)
            };
        }
        // SAFETY: there is a width, so the processor has what the function is compiled for.
        unsafe {
            sequential::read(
                &mut markers,
                &frame,
                &scan,
                &mut self.made,
                data,
                &mut canvas,
            )
        }
    }
}
