//! Whole images through the codec: formats, refusals and what is kept.

use super::*;
use crate::header;
use crate::settings::{JpegDecoder, ResizeMode};
use crate::sniff::sniff;

/// A seeded smooth colour gradient with some texture, `width` x `height`.
fn picture(width: u32, height: u32, channels: usize) -> (Vec<u8>, Shape) {
    let shape = Shape::new(Size::new(width, height), channels);
    let sample = |at: usize| {
        let (pixel, channel) = (at / channels, at % channels);
        let (x, y) = (pixel % width as usize, pixel / width as usize);
        (x * 3 + y * 2 + channel * 40 + (x * y) % 7) as u8
    };
    ((0..shape.bytes()).map(sample).collect(), shape)
}

pub(crate) fn file(format: EncodeFormat, quality: u32, channels: usize) -> Vec<u8> {
    let (pixels, shape) = picture(90, 60, channels);
    Encoder::new(format, quality)
        .encode(&pixels, shape)
        .unwrap()
}

pub(crate) fn gif_file() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 8, 4, &[0, 0, 0, 255, 0, 0]).unwrap();
    encoder
        .write_frame(&gif::Frame::from_indexed_pixels(8, 4, [1; 32], None))
        .unwrap();
    drop(encoder);
    bytes
}

pub(crate) fn bmp_file() -> Vec<u8> {
    let mut bytes = Vec::new();
    let (pixels, shape) = picture(8, 4, 3);
    image::codecs::bmp::BmpEncoder::new(&mut bytes)
        .encode(
            &pixels,
            shape.size.width,
            shape.size.height,
            image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

pub(crate) fn tiff_file() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let (pixels, shape) = picture(8, 4, 1);
    tiff::encoder::TiffEncoder::new(&mut bytes)
        .unwrap()
        .write_image::<tiff::encoder::colortype::Gray8>(
            shape.size.width,
            shape.size.height,
            &pixels,
        )
        .unwrap();
    bytes.into_inner()
}

/// Two pixels: transparent red and opaque blue.
fn rgba_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&[255, 0, 0, 0, 0, 0, 255, 255])
        .unwrap();
    writer.finish().unwrap();
    bytes
}

fn decoded(body: &[u8]) -> (Vec<u8>, Shape) {
    let settings = Settings::default();
    let format = sniff(body).unwrap();
    let size = header::read(format, body, &settings.limits).unwrap();
    let mut out = Buffer::default();
    let mut decoder = Decoder::new(settings.limits, settings.jpeg_decoder);
    let Decoded::Raster(shape) = decoder.decode(format, body, size, false, &mut out).unwrap()
    else {
        panic!("no planes were wanted");
    };
    (out.filled(shape.bytes()).to_vec(), shape)
}

fn new_bytes(processed: &Processed) -> &[u8] {
    match &processed.encoded {
        Encoded::New(bytes) => bytes,
        Encoded::Original => panic!("the original was kept"),
    }
}

#[test]
fn every_format_becomes_a_padded_square() {
    let files = [
        file(EncodeFormat::Jpg, 90, 3),
        file(EncodeFormat::Png, 1, 3),
        file(EncodeFormat::Webp, 80, 3),
        file(EncodeFormat::Webp, 101, 3),
        gif_file(),
        bmp_file(),
        tiff_file(),
    ];
    let mut codec = Codec::new(Settings::default());
    for body in files {
        let result = codec.process(&body).unwrap();
        assert_eq!((result.facts.width, result.facts.height), (256, 256));
        assert_eq!(decoded(new_bytes(&result)).1.size, Size::new(256, 256));
    }
}

#[test]
fn lossless_formats_give_back_their_pixels() {
    for (format, quality) in [
        (EncodeFormat::Png, 0),
        (EncodeFormat::Png, 9),
        (EncodeFormat::Webp, 101),
    ] {
        assert_eq!(decoded(&file(format, quality, 3)).0, picture(90, 60, 3).0);
    }
}

#[test]
fn grey_stays_grey_through_resize_and_encode() {
    for format in [EncodeFormat::Jpg, EncodeFormat::Png] {
        let settings = Settings {
            encode_format: format,
            encode_quality: 9,
            ..Settings::default()
        };
        let result = Codec::new(settings)
            .process(&file(EncodeFormat::Jpg, 90, 1))
            .unwrap();
        assert_eq!(decoded(new_bytes(&result)).1.channels, 1);
    }
}

#[test]
fn alpha_is_matted_on_white() {
    let settings = Settings {
        resize_mode: ResizeMode::No,
        encode_format: EncodeFormat::Png,
        encode_quality: 1,
        reencode: ReencodePolicy::SkipIfUnchanged,
        ..Settings::default()
    };
    let result = Codec::new(settings).process(&rgba_png()).unwrap();
    assert_eq!(decoded(new_bytes(&result)).0, [255, 255, 255, 0, 0, 255]);
}

#[test]
fn files_cut_short_are_refused() {
    let mut codec = Codec::new(Settings::default());
    for body in [
        file(EncodeFormat::Jpg, 90, 3),
        file(EncodeFormat::Png, 1, 3),
        file(EncodeFormat::Webp, 80, 3),
    ] {
        for kept in [body.len() / 2, body.len() - 8] {
            assert_eq!(codec.process(&body[..kept]), Err(CodecError::Decode));
        }
        assert!(
            codec.process(&body).is_ok(),
            "the codec survives a broken file"
        );
    }
}

#[test]
fn a_jpeg_corrupt_in_mid_stream_decodes() {
    let mut body = file(EncodeFormat::Jpg, 90, 3);
    let middle = body.len() / 2;
    body[middle..middle + 4].copy_from_slice(&[0xFF, 0xD4, 0xFF, 0xD4]);
    assert!(Codec::new(Settings::default()).process(&body).is_ok());
}

#[test]
fn changed_bytes_never_panic() {
    let mut codec = Codec::new(Settings::default());
    let files = [
        file(EncodeFormat::Jpg, 50, 3),
        file(EncodeFormat::Png, 1, 3),
        file(EncodeFormat::Webp, 50, 3),
        gif_file(),
        bmp_file(),
        tiff_file(),
    ];
    for body in files {
        for at in (0..body.len().min(900)).step_by(3) {
            let mut changed = body.clone();
            changed[at] ^= 0x81;
            let _ = codec.process(&changed);
        }
    }
}

#[test]
fn skip_reencode_keeps_a_fitting_file_that_is_not_resized() {
    let body = file(EncodeFormat::Jpg, 90, 3);
    let keep = Settings {
        only_if_bigger: true,
        reencode: ReencodePolicy::SkipIfUnchanged,
        ..Settings::default()
    };
    let smaller = Settings {
        image_size: 64,
        ..keep.clone()
    };
    let png = Settings {
        encode_format: EncodeFormat::Png,
        encode_quality: 1,
        ..keep.clone()
    };
    assert_eq!(
        Codec::new(keep).process(&body).unwrap().encoded,
        Encoded::Original
    );
    assert_ne!(
        Codec::new(smaller).process(&body).unwrap().encoded,
        Encoded::Original
    );
    assert_ne!(
        Codec::new(png).process(&body).unwrap().encoded,
        Encoded::Original
    );
}

#[test]
fn without_reencoding_the_bytes_stay_and_the_size_is_known() {
    let never = Settings {
        reencode: ReencodePolicy::Never,
        ..Settings::default()
    };
    let mut codec = Codec::new(never);
    let result = codec.process(&file(EncodeFormat::Webp, 80, 3)).unwrap();
    assert_eq!(
        (result.encoded, result.facts.width, result.facts.height),
        (Encoded::Original, 90, 60)
    );
    assert_eq!(codec.process(b"<html>"), Err(CodecError::UnsupportedFormat));
    assert_eq!(codec.process(b""), Err(CodecError::Empty));
}

#[test]
fn the_filters_look_at_the_original() {
    let filters = [
        (
            SizeFilter {
                min_image_size: 61.0,
                ..Settings::default().filter
            },
            CodecError::TooSmall,
        ),
        (
            SizeFilter {
                max_image_area: 5399.0,
                ..Settings::default().filter
            },
            CodecError::AreaTooLarge,
        ),
        (
            SizeFilter {
                max_aspect_ratio: 1.4,
                ..Settings::default().filter
            },
            CodecError::AspectRatioTooLarge,
        ),
    ];
    for (filter, error) in filters {
        let mut codec = Codec::new(Settings {
            filter,
            ..Settings::default()
        });
        assert_eq!(codec.process(&file(EncodeFormat::Jpg, 90, 3)), Err(error));
    }
}

#[test]
fn both_jpeg_decoders_agree_within_a_few_levels() {
    let body = file(EncodeFormat::Jpg, 95, 1);
    let size = Size::new(90, 60);
    let mut out = Buffer::default();
    let mut zune = Decoder::new(Settings::default().limits, JpegDecoder::Zune);
    let zune = zune.decode(Format::Jpeg, &body, size, false, &mut out);
    let Decoded::Raster(shape) = zune.unwrap() else {
        panic!("zune-jpeg gives no planes");
    };
    let (turbo, turbo_shape) = decoded(&body);
    assert_eq!(shape, turbo_shape);
    assert!(
        turbo
            .iter()
            .zip(out.filled(shape.bytes()))
            .all(|(a, b)| a.abs_diff(*b) <= 3)
    );
}

#[test]
fn a_jpeg_with_a_broken_header_leaves_nothing_for_the_next_one() {
    let good = file(EncodeFormat::Jpg, 90, 3);
    let mut broken = good.clone();
    // A quantization table of a number that there is none of.
    let table = broken.windows(2).position(|pair| pair == [0xFF, 0xDB]);
    broken[table.unwrap() + 4] = 0x0F;
    let mut codec = Codec::new(Settings::default());
    let before = codec.process(&good);
    assert!(before.is_ok());
    assert_eq!(codec.process(&broken), Err(CodecError::Decode));
    assert_eq!(codec.process(&good), before);
}
