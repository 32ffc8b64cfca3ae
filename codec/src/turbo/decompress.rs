//! Owns decoding JPEG with libjpeg-turbo: a file is opened, then read as pixels or as its planes. It uses
//! the accurate integer DCT and smooth upsampling, like OpenCV. Never decides how a component is used.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::error::CodecError;
use crate::pixels::{Buffer, PaddedPlane, Plane, Shape, Size};

/// Most components of a file.
const COMPONENTS_MAX: usize = 4;

/// Mirrors `struct turbo2ds_jpeg_info`.
#[repr(C)]
#[derive(Default)]
struct RawInfo {
    width: u32,
    height: u32,
    components: u32,
    ycbcr: u32,
    h_samp: [u32; COMPONENTS_MAX],
    v_samp: [u32; COMPONENTS_MAX],
    plane_width: [u32; COMPONENTS_MAX],
    plane_height: [u32; COMPONENTS_MAX],
}

/// The decoder of `decompress.c`, opaque here.
#[repr(C)]
struct RawDecoder {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn turbo2ds_jpeg_new() -> *mut RawDecoder;
    fn turbo2ds_jpeg_free(jpeg: *mut RawDecoder);
    fn turbo2ds_jpeg_close(jpeg: *mut RawDecoder);
    fn turbo2ds_jpeg_open(
        jpeg: *mut RawDecoder,
        data: *const u8,
        size: usize,
        scans_max: c_int,
        info: *mut RawInfo,
    ) -> c_int;
    fn turbo2ds_jpeg_read_pixels(jpeg: *mut RawDecoder, out: *mut u8, stride: usize) -> c_int;
    fn turbo2ds_jpeg_read_planes(
        jpeg: *mut RawDecoder,
        planes: *const *mut u8,
        strides: *const usize,
    ) -> c_int;
}

/// The subsampling of chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subsampling {
    /// Luma columns per chroma column: 1 or 2.
    pub(crate) horizontal: u32,
    /// Luma rows per chroma row: 1 or 2.
    pub(crate) vertical: u32,
}

/// Opens files one after the other; no state of one is kept for the next.
pub(crate) struct Decompressor {
    raw: NonNull<RawDecoder>,
    scans_max: c_int,
}

// SAFETY: the C decoder owns its memory and has no thread affinity; every method that uses it takes
// `&mut self`, or the `OpenJpeg` that borrows it mutably.
unsafe impl Send for Decompressor {}

impl Decompressor {
    pub(crate) fn new(scans_max: u32) -> Self {
        // SAFETY: the function takes no argument; null is checked below.
        let raw = unsafe { turbo2ds_jpeg_new() };
        Self {
            // It fails only if a kilobyte cannot be allocated, like Vec.
            raw: NonNull::new(raw).expect("memory for a JPEG decoder"),
            scans_max: c_int::try_from(scans_max).unwrap_or(c_int::MAX),
        }
    }

    /// Reads the header of `body`, whose size is expected to be `expected`.
    ///
    /// # Errors
    /// `Decode` if the library cannot read it or finds another size.
    pub(crate) fn open<'a>(
        &'a mut self,
        body: &'a [u8],
        expected: Size,
    ) -> Result<OpenJpeg<'a>, CodecError> {
        let mut info = RawInfo::default();
        // SAFETY: `new` checked the decoder, which lives until `drop`; `body` is readable for its length and
        // outlives the `OpenJpeg`, which borrows it for `'a`; `RawInfo` is `repr(C)` and mirrors the C struct.
        let status = unsafe {
            turbo2ds_jpeg_open(
                self.raw.as_ptr(),
                body.as_ptr(),
                body.len(),
                self.scans_max,
                &mut info,
            )
        };
        let open = OpenJpeg {
            raw: self.raw,
            info,
            borrows: PhantomData,
        };
        if status != 0 || Size::new(open.info.width, open.info.height) != expected {
            return Err(CodecError::Decode);
        }
        Ok(open)
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: the decoder came from turbo2ds_jpeg_new in `new`, and `drop` runs once.
        unsafe { turbo2ds_jpeg_free(self.raw.as_ptr()) };
    }
}

/// A file whose header was read.
pub(crate) struct OpenJpeg<'a> {
    raw: NonNull<RawDecoder>,
    info: RawInfo,
    borrows: PhantomData<(&'a mut Decompressor, &'a [u8])>,
}

impl OpenJpeg<'_> {
    fn size(&self) -> Size {
        Size::new(self.info.width, self.info.height)
    }

    /// The subsampling, if the file is YCbCr in 4:4:4, 4:2:2, 4:4:0 or 4:2:0.
    pub(crate) fn subsampling(&self) -> Option<Subsampling> {
        let RawInfo { h_samp, v_samp, .. } = &self.info;
        let equal_chroma = h_samp[1] == h_samp[2] && v_samp[1] == v_samp[2];
        if self.info.ycbcr == 0 || !equal_chroma {
            return None;
        }
        let ratio = |luma: u32, chroma: u32| {
            let whole = luma.checked_rem(chroma)? == 0;
            let ratio = luma / chroma;
            (whole && matches!(ratio, 1 | 2)).then_some(ratio)
        };
        Some(Subsampling {
            horizontal: ratio(h_samp[0], h_samp[1])?,
            vertical: ratio(v_samp[0], v_samp[1])?,
        })
    }

    /// The three planes padded to whole blocks, one after the other.
    pub(crate) fn padded(&self) -> [PaddedPlane; 3] {
        let mut start = 0;
        std::array::from_fn(|index| {
            let stride = self.info.plane_width[index] as usize;
            let rows = self.info.plane_height[index] as usize;
            let plane = Plane { start, stride };
            start += stride * rows;
            PaddedPlane { plane, rows }
        })
    }

    /// Decodes to grey (1 channel), RGB (3) or, for CMYK and YCCK files, CMYK as stored (4).
    pub(crate) fn read_pixels(self, out: &mut Buffer) -> Result<Shape, CodecError> {
        let channels = match self.info.components {
            1 => 1,
            4 => 4,
            _ => 3,
        };
        let shape = Shape::new(self.size(), channels);
        let room = out.bytes_mut(shape.bytes());
        // SAFETY: `self` is an open file. The buffer has `height` rows of `stride` bytes, with as many
        // channels as the C side writes for this number of components.
        let status = unsafe {
            turbo2ds_jpeg_read_pixels(self.raw.as_ptr(), room.as_mut_ptr(), shape.stride())
        };
        done(status).map(|()| shape)
    }

    /// Decodes Y, Cb and Cr as stored, each to its padded plane in `samples`.
    ///
    /// # Panics
    /// If the file does not have three components, or `samples` is shorter than the planes.
    pub(crate) fn read_planes(self, samples: &mut [u8]) -> Result<(), CodecError> {
        assert_eq!(self.info.components, 3, "planes are for three components");
        let padded = self.padded();
        assert!(samples.len() >= padded_bytes(&padded));
        // SAFETY: the planes follow each other, and the assertion above has their total within `samples`.
        let pointers = padded.map(|one| unsafe { samples.as_mut_ptr().add(one.plane.start) });
        let strides = padded.map(|one| one.plane.stride);
        // SAFETY: `self` is an open file. The C side writes at most `rows` rows of `stride` samples for each
        // of the three components, from the same header values as `padded`; the planes do not overlap.
        let status = unsafe {
            turbo2ds_jpeg_read_planes(self.raw.as_ptr(), pointers.as_ptr(), strides.as_ptr())
        };
        done(status)
    }
}

/// Total samples of padded planes.
pub(crate) fn padded_bytes(padded: &[PaddedPlane; 3]) -> usize {
    padded.iter().map(|one| one.plane.stride * one.rows).sum()
}

impl Drop for OpenJpeg<'_> {
    fn drop(&mut self) {
        // SAFETY: `self` borrows the `Decompressor`, so the decoder is live; closing twice is harmless.
        unsafe { turbo2ds_jpeg_close(self.raw.as_ptr()) };
    }
}

fn done(status: c_int) -> Result<(), CodecError> {
    if status == 0 {
        Ok(())
    } else {
        Err(CodecError::Decode)
    }
}
