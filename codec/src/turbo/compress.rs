//! Owns encoding JPEG with libjpeg-turbo: baseline, standard Huffman tables, 4:2:0 for colour. Never
//! changes a sample before the transform.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use turbojpeg::raw;

use crate::error::CodecError;
use crate::pixels::{Buffer, Planes, Shape, Size};

/// A TurboJPEG instance, destroyed with its owner.
struct Handle(NonNull<c_void>);

// SAFETY: a TurboJPEG instance has no thread affinity, and tj3* functions keep their error text in the
// instance. `Handle` is not `Sync`, and its methods take `&mut self`.
unsafe impl Send for Handle {}

impl Handle {
    fn new() -> Self {
        // SAFETY: tj3Init takes any integer and returns null on failure, which is checked.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS as c_int) };
        // It fails only if a few kilobytes cannot be allocated, like Vec.
        Self(NonNull::new(handle).expect("memory for a TurboJPEG instance"))
    }

    fn set(&mut self, parameter: raw::TJPARAM, value: u32) {
        let value = c_int::try_from(value).unwrap_or(c_int::MAX);
        // SAFETY: `new` checked the handle, and it is live until drop; tj3Set rejects values out of range.
        unsafe { raw::tj3Set(self.0.as_ptr(), parameter as c_int, value) };
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init in `new`, and `drop` runs once.
        unsafe { raw::tj3Destroy(self.0.as_ptr()) };
    }
}

/// Encodes baseline JPEG with standard Huffman tables, 4:2:0 for colour.
pub(crate) struct Compressor {
    handle: Handle,
    /// Memory for the worst case; only the bytes written are copied out.
    scratch: Buffer,
}

impl Compressor {
    /// An encoder of `quality` on libjpeg's scale; 0 counts as 1, as in libjpeg.
    pub(crate) fn new(quality: u32) -> Self {
        let mut handle = Handle::new();
        handle.set(raw::TJPARAM_TJPARAM_QUALITY, quality.clamp(1, 100));
        handle.set(raw::TJPARAM_TJPARAM_NOREALLOC, 1);
        Self {
            handle,
            scratch: Buffer::default(),
        }
    }

    /// Encodes a raster of one (grey) or three (RGB) channels.
    pub(crate) fn encode(&mut self, pixels: &[u8], shape: Shape) -> Result<Vec<u8>, CodecError> {
        assert!(
            pixels.len() >= shape.bytes(),
            "a raster holds all of its rows"
        );
        let (format, sampling) = match shape.channels {
            1 => (raw::TJPF_TJPF_GRAY, raw::TJSAMP_TJSAMP_GRAY),
            _ => (raw::TJPF_TJPF_RGB, raw::TJSAMP_TJSAMP_420),
        };
        self.write(shape.size, sampling, |handle, file| {
            // SAFETY: the assertion above gives `pixels` `height` rows of `stride` bytes, and `format` has
            // `shape.channels` samples; `write` passes memory for the worst case.
            unsafe {
                raw::tj3Compress8(
                    handle,
                    pixels.as_ptr(),
                    shape.size.width as c_int,
                    shape.stride() as c_int,
                    shape.size.height as c_int,
                    format as c_int,
                    &mut file.start,
                    &mut file.written,
                )
            }
        })
    }

    /// Encodes 4:2:0 planes. Luma must have even numbers of columns and rows, with the last repeated if
    /// need be.
    pub(crate) fn encode_planes(
        &mut self,
        samples: &[u8],
        planes: &Planes,
    ) -> Result<Vec<u8>, CodecError> {
        let halved = |side: u32| side.div_ceil(2) as usize;
        let (width, height) = (halved(planes.size.width), halved(planes.size.height));
        let needs = [(width * 2, height * 2), (width, height), (width, height)];
        for (plane, (columns, rows)) in planes.planes.iter().zip(needs) {
            assert!(plane.stride >= columns, "a row holds all of its samples");
            let end = plane.start + plane.stride * (rows - 1) + columns;
            assert!(end <= samples.len(), "a plane holds all of its rows");
        }
        // SAFETY: the assertion above has `plane.start` below `end`, which is at most `samples.len()`.
        let starts = planes
            .planes
            .map(|plane| unsafe { samples.as_ptr().add(plane.start) });
        let strides = planes.planes.map(|plane| plane.stride as c_int);
        self.write(planes.size, raw::TJSAMP_TJSAMP_420, |handle, file| {
            // SAFETY: the assertions above give every plane the rows and columns that 4:2:0 needs; `write`
            // passes memory for the worst case.
            unsafe {
                raw::tj3CompressFromYUVPlanes8(
                    handle,
                    starts.as_ptr(),
                    planes.size.width as c_int,
                    strides.as_ptr(),
                    planes.size.height as c_int,
                    &mut file.start,
                    &mut file.written,
                )
            }
        })
    }

    /// Calls `compress` with memory for the worst case: with NOREALLOC set, the library writes at most its
    /// own bound and does not replace the pointer.
    fn write(
        &mut self,
        size: Size,
        sampling: raw::TJSAMP,
        compress: impl FnOnce(*mut c_void, &mut File) -> c_int,
    ) -> Result<Vec<u8>, CodecError> {
        self.handle
            .set(raw::TJPARAM_TJPARAM_SUBSAMP, sampling as u32);
        let (width, height) = (size.width as c_int, size.height as c_int);
        // SAFETY: tj3JPEGBufSize only computes with its integer arguments; it returns 0 if they are out of
        // range.
        let worst = unsafe { raw::tj3JPEGBufSize(width, height, sampling as c_int) } as usize;
        let mut file = File {
            start: self.scratch.bytes_mut(worst).as_mut_ptr(),
            written: worst as _,
        };
        if compress(self.handle.0.as_ptr(), &mut file) != 0 {
            return Err(CodecError::DimensionsTooLarge);
        }
        let encoded = self.scratch.filled(file.written as usize).to_vec();
        self.scratch.trim();
        Ok(encoded)
    }
}

/// The memory that the library writes to. `written` is its size, then the size of the file.
struct File {
    start: *mut u8,
    written: raw::size_t,
}
