//! Owns libjpeg-turbo's calls by its TurboJPEG interface: pixels and planes, both ways.

use std::ffi::{c_int, c_void};

use turbo2ds_codec::stages::Raster;
use turbojpeg::raw;

use super::bare::Shape;

/// Room for a file, bytes: above what any raster here becomes.
const FILE_BYTES_MAX: usize = 1 << 26;

/// A plane's samples, width and height.
pub(super) type Plane = (Vec<u8>, u32, u32);

/// Y, Cb and Cr as a file has them.
pub(super) struct Planes {
    pub(super) shape: Shape,
    pub(super) planes: [Plane; 3],
    subsampling: c_int,
}

/// A decompressor, a compressor and where it writes.
pub(super) struct Jpeg {
    decompressor: *mut c_void,
    compressor: *mut c_void,
    file: Vec<u8>,
}

impl Jpeg {
    /// Handles that encode at `quality`.
    pub(super) fn new(quality: u32) -> Self {
        // SAFETY: the arguments are the library's own constants; null is checked below, and the
        // handles live until drop.
        let (decompressor, compressor) = unsafe {
            let compressor = raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS as c_int);
            assert!(!compressor.is_null(), "a compressor");
            let set = |what, value| raw::tj3Set(compressor, what, value);
            set(raw::TJPARAM_TJPARAM_QUALITY as c_int, quality as c_int);
            set(raw::TJPARAM_TJPARAM_NOREALLOC as c_int, 1);
            (
                raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as c_int),
                compressor,
            )
        };
        assert!(!decompressor.is_null(), "a decompressor");
        Self {
            decompressor,
            compressor,
            file: vec![0; FILE_BYTES_MAX],
        }
    }

    fn get(&self, what: raw::TJPARAM) -> c_int {
        // SAFETY: the handle lives as long as self; any other number gives -1.
        unsafe { raw::tj3Get(self.decompressor, what as c_int) }
    }

    /// Reads the header; none where the library refuses it.
    fn open(&mut self, body: &[u8]) -> Option<(u32, u32)> {
        let (data, len) = (body.as_ptr(), body.len() as raw::size_t);
        // SAFETY: body is readable for its length.
        let status = unsafe { raw::tj3DecompressHeader(self.decompressor, data, len) };
        let width = self.get(raw::TJPARAM_TJPARAM_JPEGWIDTH);
        let height = self.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT);
        (status == 0).then_some((width as u32, height as u32))
    }

    /// Decodes to `channels` (1 grey, else RGB) at the start of `out`.
    pub(super) fn decode(&mut self, body: &[u8], channels: usize, out: &mut [u8]) -> Option<Shape> {
        let (format, channels) = match channels {
            1 => (raw::TJPF_TJPF_GRAY, 1),
            _ => (raw::TJPF_TJPF_RGB, 3),
        };
        let (width, height) = self.open(body)?;
        let pitch = width as usize * channels;
        if pitch * height as usize > out.len() {
            return None;
        }
        // SAFETY: body is readable for its length; out has room for all rows without gaps, which
        // was checked.
        let status = unsafe {
            raw::tj3Decompress8(
                self.decompressor,
                body.as_ptr(),
                body.len() as raw::size_t,
                out.as_mut_ptr(),
                pitch as c_int,
                format as c_int,
            )
        };
        (status == 0).then_some(Shape {
            width,
            height,
            channels,
        })
    }

    /// Room for the planes of `body`; none where it has not three.
    pub(super) fn planes_of(&mut self, body: &[u8]) -> Option<Planes> {
        let (width, height) = self.open(body)?;
        let subsampling = self.get(raw::TJPARAM_TJPARAM_SUBSAMP);
        let space = self.get(raw::TJPARAM_TJPARAM_COLORSPACE);
        if subsampling < 0 || space != raw::TJCS_TJCS_YCbCr as c_int {
            return None;
        }
        let plane = |index| {
            // SAFETY: both take numbers alone.
            let (width, height) = unsafe {
                (
                    raw::tj3YUVPlaneWidth(index, width as c_int, subsampling),
                    raw::tj3YUVPlaneHeight(index, height as c_int, subsampling),
                )
            };
            (
                vec![0; width as usize * height as usize],
                width as u32,
                height as u32,
            )
        };
        Some(Planes {
            shape: Shape {
                width,
                height,
                channels: 3,
            },
            planes: [plane(0), plane(1), plane(2)],
            subsampling,
        })
    }

    /// Decodes `body` to the planes that [`Self::planes_of`] made for it.
    pub(super) fn decode_planes(&mut self, body: &[u8], into: &mut Planes) -> bool {
        let Some((width, height)) = self.open(body) else {
            return false;
        };
        let same = self.get(raw::TJPARAM_TJPARAM_SUBSAMP) == into.subsampling
            && (width, height) == (into.shape.width, into.shape.height);
        let mut pointers = into.planes.each_mut().map(|plane| plane.0.as_mut_ptr());
        // SAFETY: body is readable for its length; the planes were made for this size and
        // subsampling, which is checked, with the library's own widths and heights and no gaps.
        same && unsafe {
            raw::tj3DecompressToYUVPlanes8(
                self.decompressor,
                body.as_ptr(),
                body.len() as raw::size_t,
                pointers.as_mut_ptr(),
                std::ptr::null_mut(),
            ) == 0
        }
    }

    /// Encodes a raster, 4:2:0 for colour.
    pub(super) fn encode(&mut self, from: &Raster<'_>) -> bool {
        let (format, sampling) = match from.channels {
            1 => (raw::TJPF_TJPF_GRAY, raw::TJSAMP_TJSAMP_GRAY),
            3 => (raw::TJPF_TJPF_RGB, raw::TJSAMP_TJSAMP_420),
            _ => (raw::TJPF_TJPF_RGBX, raw::TJSAMP_TJSAMP_420),
        };
        let (width, height) = (from.width as c_int, from.height as c_int);
        let mut start = self.file.as_mut_ptr();
        let mut written = self.file.len() as raw::size_t;
        self.set_subsampling(sampling as c_int);
        // SAFETY: the raster has all of its rows without gaps, and the library may write no more
        // than the room it is told of.
        unsafe {
            raw::tj3Compress8(
                self.compressor,
                from.samples.as_ptr(),
                width,
                width * from.channels as c_int,
                height,
                format as c_int,
                &mut start,
                &mut written,
            ) == 0
        }
    }

    /// Encodes planes with the subsampling they have.
    pub(super) fn encode_planes(&mut self, from: &Planes) -> bool {
        let pointers = from.planes.each_ref().map(|plane| plane.0.as_ptr());
        let mut start = self.file.as_mut_ptr();
        let mut written = self.file.len() as raw::size_t;
        self.set_subsampling(from.subsampling);
        // SAFETY: the planes have the library's own widths and heights for this size and
        // subsampling, without gaps; it may write no more than the room it is told of.
        unsafe {
            raw::tj3CompressFromYUVPlanes8(
                self.compressor,
                pointers.as_ptr(),
                from.shape.width as c_int,
                std::ptr::null(),
                from.shape.height as c_int,
                &mut start,
                &mut written,
            ) == 0
        }
    }

    fn set_subsampling(&mut self, subsampling: c_int) {
        let what = raw::TJPARAM_TJPARAM_SUBSAMP as c_int;
        // SAFETY: the handle lives as long as self; a number it does not know is refused.
        unsafe { raw::tj3Set(self.compressor, what, subsampling) };
    }
}

impl Drop for Jpeg {
    fn drop(&mut self) {
        // SAFETY: both handles came from tj3Init and are destroyed once.
        unsafe {
            raw::tj3Destroy(self.decompressor);
            raw::tj3Destroy(self.compressor);
        }
    }
}
