//! Owns the bare library calls that the codec's stages are held against, with handles and buffers
//! reused as the codec reuses its own. Never a check of the result beyond success.

use std::ffi::{c_int, c_void};
use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use libwebp_sys as webp;
use turbo2ds_codec::Format;
use turbo2ds_codec::stages::Raster;
use turbojpeg::raw;

/// libjpeg-turbo, libwebp, png, gif and fast_image_resize, and the memory they write to.
pub(crate) struct Bare {
    decompressor: *mut c_void,
    compressor: *mut c_void,
    resizer: Resizer,
    out: Vec<u8>,
}

impl Bare {
    pub(crate) fn new(quality: c_int) -> Self {
        // SAFETY: the arguments are the library's own constants; null is checked below, and the
        // handles live until drop.
        let (decompressor, compressor) = unsafe {
            let compressor = raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS as c_int);
            assert!(!compressor.is_null(), "a compressor");
            let set = |what, value| raw::tj3Set(compressor, what, value);
            set(raw::TJPARAM_TJPARAM_QUALITY as c_int, quality);
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
            resizer: Resizer::new(),
            out: vec![0; 1 << 28],
        }
    }

    /// Decodes `body`, whose raster has `channels`; false where no library here is meant for it.
    pub(crate) fn decode(&mut self, format: Format, body: &[u8], channels: usize) -> bool {
        match format {
            Format::Jpeg => self.jpeg(body, channels),
            Format::Webp => self.webp(body),
            Format::Png => self.png(body),
            Format::Gif => self.gif(body),
            Format::Bmp | Format::Tiff => false,
        }
    }

    fn jpeg(&mut self, body: &[u8], channels: usize) -> bool {
        let format = match channels {
            1 => raw::TJPF_TJPF_GRAY,
            _ => raw::TJPF_TJPF_RGB,
        };
        let (data, len) = (body.as_ptr(), body.len() as raw::size_t);
        // SAFETY: body is readable for its length; the size is checked against the room before
        // pixels are written, rows without gaps.
        unsafe {
            if raw::tj3DecompressHeader(self.decompressor, data, len) != 0 {
                return false;
            }
            let get = |what| raw::tj3Get(self.decompressor, what) as usize;
            let width = get(raw::TJPARAM_TJPARAM_JPEGWIDTH as c_int);
            let height = get(raw::TJPARAM_TJPARAM_JPEGHEIGHT as c_int);
            if width * height * channels > self.out.len() {
                return false;
            }
            let (out, pitch) = (self.out.as_mut_ptr(), (width * channels) as c_int);
            raw::tj3Decompress8(self.decompressor, data, len, out, pitch, format as c_int) == 0
        }
    }

    fn webp(&mut self, body: &[u8]) -> bool {
        let (mut width, mut height) = (0, 0);
        // SAFETY: body is readable for its length and out writable for the length given.
        unsafe {
            webp::WebPGetInfo(body.as_ptr(), body.len(), &mut width, &mut height) != 0
                && !webp::WebPDecodeRGBInto(
                    body.as_ptr(),
                    body.len(),
                    self.out.as_mut_ptr(),
                    self.out.len(),
                    width * 3,
                )
                .is_null()
        }
    }

    fn png(&mut self, body: &[u8]) -> bool {
        let mut decoder = png::Decoder::new(Cursor::new(body));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let Ok(mut reader) = decoder.read_info() else {
            return false;
        };
        reader.next_frame(&mut self.out).is_ok()
    }

    fn gif(&mut self, body: &[u8]) -> bool {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let Ok(mut decoder) = options.read_info(Cursor::new(body)) else {
            return false;
        };
        matches!(decoder.read_next_frame(), Ok(Some(_)))
    }

    /// Resizes by the library's filter nearest to a mean over the source cell.
    pub(crate) fn resize(&mut self, from: &Raster<'_>, width: u32, height: u32) -> bool {
        let pixel = match from.channels {
            1 => PixelType::U8,
            3 => PixelType::U8x3,
            _ => return false,
        };
        let bytes = width as usize * height as usize * from.channels;
        let alg = ResizeAlg::Convolution(FilterType::Hamming);
        let source = ImageRef::new(from.width, from.height, from.samples, pixel);
        let target = Image::from_slice_u8(width, height, &mut self.out[..bytes], pixel);
        let (Ok(source), Ok(mut target)) = (source, target) else {
            return false;
        };
        let options = ResizeOptions::new().resize_alg(alg);
        self.resizer.resize(&source, &mut target, &options).is_ok()
    }

    /// Encodes to JPEG, 4:2:0 for colour.
    pub(crate) fn encode(&mut self, from: &Raster<'_>) -> bool {
        let (format, sampling) = match from.channels {
            1 => (raw::TJPF_TJPF_GRAY, raw::TJSAMP_TJSAMP_GRAY),
            _ => (raw::TJPF_TJPF_RGB, raw::TJSAMP_TJSAMP_420),
        };
        let (width, height) = (from.width as c_int, from.height as c_int);
        let mut start = self.out.as_mut_ptr();
        let mut written = self.out.len() as raw::size_t;
        // SAFETY: the raster has all of its rows without gaps, and the library may write no more
        // than the room it is told of.
        unsafe {
            let subsampling = raw::TJPARAM_TJPARAM_SUBSAMP as c_int;
            raw::tj3Set(self.compressor, subsampling, sampling as c_int);
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
}

impl Drop for Bare {
    fn drop(&mut self) {
        // SAFETY: both handles came from tj3Init and are destroyed once.
        unsafe {
            raw::tj3Destroy(self.decompressor);
            raw::tj3Destroy(self.compressor);
        }
    }
}
