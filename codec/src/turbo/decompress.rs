//! Owns the reading of JPEG by libjpeg-turbo: a file is opened, and then read as pixels or as the
//! planes it stores. Uses the accurate integer DCT and smooth upsampling, OpenCV's bits. Never
//! decides what is done with a component.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::error::CodecError;
use crate::pixels::{Buffer, Plane, Room, Shape, Size};

/// Components that libjpeg-turbo can hold in one scan.
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

/// The C side's decoder, opaque here.
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

/// How the components of a file stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subsampling {
    /// Columns of luma that one column of chroma covers: 1 or 2.
    pub(crate) horizontal: u32,
    /// Rows of luma that one row of chroma covers: 1 or 2.
    pub(crate) vertical: u32,
}

/// Makes one object of the library after another; nothing of an image stays for the next.
pub(crate) struct Decompressor {
    raw: NonNull<RawDecoder>,
    scans_max: c_int,
}

// SAFETY: the decoder is plain memory of its own without thread affinity, used through &mut only.
unsafe impl Send for Decompressor {}

impl Decompressor {
    pub(crate) fn new(scans_max: u32) -> Self {
        // SAFETY: takes nothing; null is checked.
        let raw = unsafe { turbo2ds_jpeg_new() };
        Self {
            // It fails only when a kilobyte cannot be had, as Vec does.
            raw: NonNull::new(raw).expect("memory for a JPEG decoder"),
            scans_max: c_int::try_from(scans_max).unwrap_or(c_int::MAX),
        }
    }

    /// Reads the header of `body`, which was seen before to say `expected`.
    ///
    /// # Errors
    /// `Decode` where the library cannot read it or sees another size.
    pub(crate) fn open<'a>(
        &'a mut self,
        body: &'a [u8],
        expected: Size,
    ) -> Result<OpenJpeg<'a>, CodecError> {
        let mut info = RawInfo::default();
        // SAFETY: the decoder lives as long as self; body is readable for its length and outlives
        // the open file, which borrows it; info has the layout that the C side writes.
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
        // SAFETY: the decoder came from turbo2ds_jpeg_new and is freed once, here.
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

    /// How chroma stands to luma, where the file holds Y, Cb and Cr in one of the usual ways:
    /// 4:4:4, 4:2:2, 4:4:0 or 4:2:0.
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

    /// The room that each of the three planes needs, one behind the other.
    pub(crate) fn rooms(&self) -> [Room; 3] {
        let mut start = 0;
        std::array::from_fn(|index| {
            let stride = self.info.plane_width[index] as usize;
            let rows = self.info.plane_height[index] as usize;
            let plane = Plane { start, stride };
            start += stride * rows;
            Room { plane, rows }
        })
    }

    /// Decodes to grey (1 channel), RGB (3) or, where the file stores ink, CMYK (4), as it came.
    pub(crate) fn read_pixels(self, out: &mut Buffer) -> Result<Shape, CodecError> {
        let channels = match self.info.components {
            1 => 1,
            4 => 4,
            _ => 3,
        };
        let shape = Shape::new(self.size(), channels);
        let room = out.room(shape.bytes());
        // SAFETY: the file is open (self exists); room holds `height` rows of `stride` bytes, with
        // the channels that the C side chooses by the same number of components.
        let status = unsafe {
            turbo2ds_jpeg_read_pixels(self.raw.as_ptr(), room.as_mut_ptr(), shape.stride())
        };
        done(status).map(|()| shape)
    }

    /// Decodes Y, Cb and Cr as they are stored, each into its room of `samples`, which are as many as
    /// all rooms take.
    pub(crate) fn read_planes(self, samples: &mut [u8]) -> Result<(), CodecError> {
        assert_eq!(self.info.components, 3, "planes are for three components");
        let rooms = self.rooms();
        assert!(samples.len() >= rooms_bytes(&rooms));
        // SAFETY: the rooms follow each other and end within samples, as the assertion saw.
        let pointers = rooms.map(|room| unsafe { samples.as_mut_ptr().add(room.plane.start) });
        let strides = rooms.map(|room| room.plane.stride);
        // SAFETY: the file is open; each of its three components writes at most `rows` rows of
        // `stride` samples, which is its room, and the rooms follow each other in samples.
        let status = unsafe {
            turbo2ds_jpeg_read_planes(self.raw.as_ptr(), pointers.as_ptr(), strides.as_ptr())
        };
        done(status)
    }
}

/// Samples of rooms that follow each other.
pub(crate) fn rooms_bytes(rooms: &[Room; 3]) -> usize {
    rooms.iter().map(|room| room.plane.stride * room.rows).sum()
}

impl Drop for OpenJpeg<'_> {
    fn drop(&mut self) {
        // SAFETY: the decoder outlives self, which borrows its owner; closing twice is harmless.
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
