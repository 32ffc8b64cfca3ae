//! Owns the JPEG reader of this crate, which decodes common files to planes: 8 bits, Y, Cb and Cr, Huffman
//! coding, baseline or progressive, intact. It leaves every other file to libjpeg-turbo, so it never
//! decides that a file is broken; the samples of those it reads are identical to libjpeg-turbo's.
//!
//! Unlike libjpeg-turbo it has the whole file in memory and removes byte stuffing first, finds a code, its
//! run and its value length by one table lookup, decodes signs and ends of blocks without branches, and
//! refines progressive coefficients by bit sets.

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

use crate::pixels::{PaddedPlane, Size};

/// Reads JPEG files; keeps working memory between them.
pub(crate) struct PlaneReader {
    scans_max: u32,
    made: Made,
    data: Data,
    progressive: Progressive,
}

impl PlaneReader {
    /// A reader of files with at most `scans_max` scans.
    pub(crate) fn new(scans_max: u32) -> Self {
        Self {
            scans_max,
            made: Made::default(),
            data: Data::default(),
            progressive: Progressive::default(),
        }
    }

    /// Fills `samples` with the planes of `body`, padded as given. `None` if the file is for libjpeg-turbo;
    /// the content of `samples` is then unspecified.
    pub(crate) fn read(
        &mut self,
        body: &[u8],
        size: Size,
        padded: [PaddedPlane; 3],
        samples: &mut [u8],
    ) -> Option<()> {
        let width = Width::widest()?;
        let read = self.read_with(width, body, size, padded, samples);
        self.progressive.trim();
        self.data.trim();
        read
    }

    fn read_with(
        &mut self,
        width: Width,
        body: &[u8],
        size: Size,
        padded: [PaddedPlane; 3],
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
            .zip(&padded)
            .all(|(component, one)| {
                one.plane.stride >= component.blocks_wide * 8
                    && one.rows >= component.blocks_high * 8
            });
        if !fits {
            return None;
        }
        let mut canvas = Canvas::new(samples, padded, width)?;
        let (data, scans_max) = (&mut self.data, self.scans_max);
        if frame.progressive {
            let progressive = &mut self.progressive;
            // SAFETY: `width` came from `Width::widest`, which returns one only if the processor has every
            // feature that the function is compiled for.
            return unsafe {
                progressive.read(&mut markers, &frame, scan, scans_max, data, &mut canvas)
            };
        }
        // SAFETY: as above, `width` proves that the processor has the features.
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
