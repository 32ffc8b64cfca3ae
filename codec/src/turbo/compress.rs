//! Owns the writing of JPEG by libjpeg-turbo: baseline, standard Huffman tables, 4:2:0 for colour.
//! The handle is reused for every image. Never changes a sample's value before the transform.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use turbojpeg::raw;

use crate::error::CodecError;
use crate::pixels::{Buffer, Planes, Shape, Size};

/// A TurboJPEG instance, destroyed with its owner.
struct Handle(NonNull<c_void>);

// SAFETY: a TurboJPEG instance is plain memory without thread affinity; its error text is kept in
// the instance. `Handle` is not Sync and is only used through &mut.
unsafe impl Send for Handle {}

impl Handle {
    fn new() -> Self {
        // SAFETY: tj3Init takes any integer and returns null on failure, which is checked.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS as c_int) };
        // It fails only when a few kilobytes cannot be had, as Vec does.
        Self(NonNull::new(handle).expect("memory for a TurboJPEG instance"))
    }

    fn set(&mut self, parameter: raw::TJPARAM, value: u32) {
        let value = c_int::try_from(value).unwrap_or(c_int::MAX);
        // SAFETY: the handle is live until drop; tj3Set refuses what it does not take.
        unsafe { raw::tj3Set(self.0.as_ptr(), parameter as c_int, value) };
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init and is destroyed once, here.
        unsafe { raw::tj3Destroy(self.0.as_ptr()) };
    }
}

/// Encodes baseline JPEG with standard Huffman tables, 4:2:0 for colour.
pub(crate) struct Compressor {
    handle: Handle,
    /// Worst-case room; only the bytes written leave it.
    scratch: Buffer,
}

impl Compressor {
    /// `quality` on libjpeg's scale; 0 means what libjpeg makes of it, 1.
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
            // SAFETY: pixels hold `height` rows of `stride` bytes (asserted above, shape.channels
            // is what `format` has); `write` says why the file's room is enough.
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

    /// Encodes Y, Cb and Cr, chroma of half the columns and rows. Luma has to hold an even number
    /// of columns and rows, the odd ones repeated.
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
        // SAFETY: every start lies within samples, as asserted.
        let starts = planes
            .planes
            .map(|plane| unsafe { samples.as_ptr().add(plane.start) });
        let strides = planes.planes.map(|plane| plane.stride as c_int);
        self.write(planes.size, raw::TJSAMP_TJSAMP_420, |handle, file| {
            // SAFETY: the planes hold the rows and columns that 4:2:0 needs (asserted above);
            // `write` says why the file's room is enough.
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

    /// Calls `compress` with room for the worst case: with NOREALLOC set the library writes at
    /// most the bound that it gave itself, and leaves the pointer alone.
    fn write(
        &mut self,
        size: Size,
        sampling: raw::TJSAMP,
        compress: impl FnOnce(*mut c_void, &mut File) -> c_int,
    ) -> Result<Vec<u8>, CodecError> {
        self.handle
            .set(raw::TJPARAM_TJPARAM_SUBSAMP, sampling as u32);
        let (width, height) = (size.width as c_int, size.height as c_int);
        // SAFETY: a pure computation over integers; 0 on arguments out of range.
        let worst = unsafe { raw::tj3JPEGBufSize(width, height, sampling as c_int) } as usize;
        let mut file = File {
            start: self.scratch.room(worst).as_mut_ptr(),
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

/// Where the library writes, and how much it may; then how much it has written.
struct File {
    start: *mut u8,
    written: raw::size_t,
}
