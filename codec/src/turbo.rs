//! Owns libjpeg-turbo's handles: one decompressor and one compressor, reused for every image
//! because making them anew costs 6 %. Never decides what a warning means for an image beyond
//! telling truncation and corruption apart.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;

use turbojpeg::raw;

use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// What libjpeg-turbo says when the data ends within the image.
const PREMATURE_END: &[u8] = b"Premature end of JPEG file";

/// How pixels stand in memory, in libjpeg-turbo's numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PixelFormat {
    Grey,
    Rgb,
    Cmyk,
}

impl PixelFormat {
    const fn raw(self) -> c_int {
        match self {
            Self::Grey => raw::TJPF_TJPF_GRAY,
            Self::Rgb => raw::TJPF_TJPF_RGB,
            Self::Cmyk => raw::TJPF_TJPF_CMYK,
        }
    }

    pub(crate) const fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// A TurboJPEG instance, destroyed with its owner.
struct Handle(NonNull<c_void>);

// SAFETY: a TurboJPEG instance is plain memory without thread affinity; its error text is kept in
// the instance. `Handle` is not Sync and is only used through &mut.
unsafe impl Send for Handle {}

impl Handle {
    fn new(kind: raw::TJINIT) -> Self {
        // SAFETY: tj3Init takes any integer and returns null on failure, which is checked.
        let handle = unsafe { raw::tj3Init(kind as c_int) };
        // It fails only when a few kilobytes cannot be had, as Vec does.
        Self(NonNull::new(handle).expect("memory for a TurboJPEG instance"))
    }

    fn set(&mut self, parameter: raw::TJPARAM, value: u32) {
        let value = c_int::try_from(value).unwrap_or(c_int::MAX);
        // SAFETY: the handle is live until drop; tj3Set refuses what it does not take.
        unsafe { raw::tj3Set(self.0.as_ptr(), parameter as c_int, value) };
    }

    fn get(&mut self, parameter: raw::TJPARAM) -> c_int {
        // SAFETY: the handle is live until drop; an unknown parameter gives -1.
        unsafe { raw::tj3Get(self.0.as_ptr(), parameter as c_int) }
    }

    /// Whether the last call failed only with a warning that leaves the image whole enough.
    fn survived_corruption(&mut self) -> bool {
        // SAFETY: the handle is live, and the text it returns is terminated and stays in place
        // until the next call on the handle, which needs &mut self.
        let (code, text) = unsafe {
            let code = raw::tj3GetErrorCode(self.0.as_ptr());
            (code, CStr::from_ptr(raw::tj3GetErrorStr(self.0.as_ptr())))
        };
        code == raw::TJERR_TJERR_WARNING as c_int && text.to_bytes() != PREMATURE_END
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init and is destroyed once, here.
        unsafe { raw::tj3Destroy(self.0.as_ptr()) };
    }
}

/// Decodes JPEG with the accurate integer DCT and smooth upsampling, OpenCV's bits.
pub(crate) struct Decompressor {
    handle: Handle,
}

impl Decompressor {
    pub(crate) fn new(scans_max: u32) -> Self {
        let mut handle = Handle::new(raw::TJINIT_TJINIT_DECOMPRESS);
        handle.set(raw::TJPARAM_TJPARAM_SCANLIMIT, scans_max);
        Self { handle }
    }

    /// Decodes `body`, whose header says `expected`, into `out`.
    pub(crate) fn decode(
        &mut self,
        body: &[u8],
        expected: Size,
        out: &mut Buffer,
    ) -> Result<(Size, PixelFormat), CodecError> {
        let format = self.read_header(body, expected)?;
        let shape = Shape::new(expected, format.channels());
        let room = out.room(shape.bytes());
        // SAFETY: body is readable for its length; `room` holds height rows of `stride` bytes, and
        // read_header has checked that libjpeg-turbo sees the very size that `shape` has.
        let status = unsafe {
            raw::tj3Decompress8(
                self.handle.0.as_ptr(),
                body.as_ptr(),
                body.len() as _,
                room.as_mut_ptr(),
                shape.stride() as c_int,
                format.raw(),
            )
        };
        if status != 0 && !self.handle.survived_corruption() {
            return Err(CodecError::Decode);
        }
        Ok((expected, format))
    }

    fn read_header(&mut self, body: &[u8], expected: Size) -> Result<PixelFormat, CodecError> {
        // SAFETY: body is readable for its length.
        let status = unsafe {
            raw::tj3DecompressHeader(self.handle.0.as_ptr(), body.as_ptr(), body.len() as _)
        };
        if status != 0 && !self.handle.survived_corruption() {
            return Err(CodecError::Decode);
        }
        let width = self.handle.get(raw::TJPARAM_TJPARAM_JPEGWIDTH);
        let height = self.handle.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT);
        if (i64::from(width), i64::from(height))
            != (i64::from(expected.width), i64::from(expected.height))
        {
            return Err(CodecError::Decode);
        }
        match self.handle.get(raw::TJPARAM_TJPARAM_COLORSPACE) {
            space if space == raw::TJCS_TJCS_GRAY as c_int => Ok(PixelFormat::Grey),
            space if space == raw::TJCS_TJCS_RGB as c_int => Ok(PixelFormat::Rgb),
            space if space == raw::TJCS_TJCS_YCbCr as c_int => Ok(PixelFormat::Rgb),
            space if space == raw::TJCS_TJCS_CMYK as c_int => Ok(PixelFormat::Cmyk),
            space if space == raw::TJCS_TJCS_YCCK as c_int => Ok(PixelFormat::Cmyk),
            _ => Err(CodecError::Decode),
        }
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
        let mut handle = Handle::new(raw::TJINIT_TJINIT_COMPRESS);
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
            1 => (PixelFormat::Grey, raw::TJSAMP_TJSAMP_GRAY),
            _ => (PixelFormat::Rgb, raw::TJSAMP_TJSAMP_420),
        };
        self.handle
            .set(raw::TJPARAM_TJPARAM_SUBSAMP, sampling as u32);
        let (width, height) = (shape.size.width as c_int, shape.size.height as c_int);
        // SAFETY: a pure computation over integers; 0 on arguments out of range.
        let worst = unsafe { raw::tj3JPEGBufSize(width, height, sampling as c_int) } as usize;
        let room = self.scratch.room(worst);
        let mut start = room.as_mut_ptr();
        let mut written = worst as _;
        // SAFETY: pixels hold `height` rows of `stride` bytes (asserted above, shape.channels is
        // what `format` has); with NOREALLOC set the library writes at most `worst` bytes, the
        // bound it gave itself, to `start` and leaves the pointer alone.
        let status = unsafe {
            raw::tj3Compress8(
                self.handle.0.as_ptr(),
                pixels.as_ptr(),
                width,
                shape.stride() as c_int,
                height,
                format.raw(),
                &mut start,
                &mut written,
            )
        };
        if status != 0 {
            return Err(CodecError::DimensionsTooLarge);
        }
        let encoded = self.scratch.filled(written as usize).to_vec();
        self.scratch.trim();
        Ok(encoded)
    }
}
