//! Perceptual hashes of whole images: when there is one, what may change it, and what it may change.

use super::tests::file;
use super::*;
use crate::settings::{JpegDecoder, ResizeMode};

fn hashing() -> Settings {
    Settings {
        pdq: true,
        ..Settings::default()
    }
}

/// Settings of every way through the codec.
fn ways(base: &Settings) -> Vec<Settings> {
    let with = |change: fn(&mut Settings)| {
        let mut settings = base.clone();
        change(&mut settings);
        settings
    };
    vec![
        base.clone(),
        with(|settings| settings.exact = true),
        with(|settings| settings.encode_format = EncodeFormat::Png),
        with(|settings| settings.downscale = Interpolation::Nearest),
        with(|settings| settings.resize_mode = ResizeMode::No),
        with(|settings| {
            settings.resize_mode = ResizeMode::No;
            settings.reencode = ReencodePolicy::SkipIfUnchanged;
        }),
        with(|settings| settings.reencode = ReencodePolicy::Never),
    ]
}

/// Images of all formats that the encoders write, in grey and colour, small and large.
fn files() -> Vec<Vec<u8>> {
    let small = [EncodeFormat::Jpg, EncodeFormat::Png, EncodeFormat::Webp]
        .into_iter()
        .flat_map(|format| [1, 3].map(|channels| file(format, 9, channels)));
    let mut files: Vec<Vec<u8>> = small.collect();
    // Scaled up, they are large enough to stay in planes, and to be scaled before they are hashed.
    for (side, format) in [
        (400, EncodeFormat::Jpg),
        (700, EncodeFormat::Jpg),
        (600, EncodeFormat::Png),
    ] {
        let larger = Settings {
            image_size: side,
            encode_format: format,
            encode_quality: 9,
            ..Settings::default()
        };
        let body = file(EncodeFormat::Png, 1, 3);
        match Codec::new(larger).process(&body).unwrap().encoded {
            Encoded::New(file) => files.push(file),
            Encoded::Original => unreachable!("it is scaled"),
        }
    }
    files
}

#[test]
fn an_image_has_the_same_hash_in_every_way_and_none_unless_it_is_asked_for() {
    for (at, body) in files().iter().enumerate() {
        let expected = Codec::new(hashing()).process(body).unwrap().facts.pdq;
        assert!(expected.is_some_and(|pdq| pdq.hash != [0; 32]), "{at}");
        for settings in ways(&hashing()) {
            let found = Codec::new(settings.clone()).process(body).unwrap();
            assert_eq!(found.facts.pdq, expected, "{at}: {settings:?}");
        }
        let without = Codec::new(Settings::default()).process(body).unwrap();
        assert_eq!(without.facts.pdq, None);
    }
}

#[test]
fn a_hash_changes_nothing_that_is_stored() {
    for (at, body) in files().iter().enumerate() {
        for settings in ways(&Settings::default()) {
            let hashing = Settings {
                pdq: true,
                ..settings.clone()
            };
            let (plain, hashed) = (Codec::new(settings), Codec::new(hashing.clone()));
            let [mut plain, mut hashed] =
                [plain, hashed].map(|mut codec| codec.process(body).unwrap());
            assert!(hashed.facts.pdq.is_some());
            (plain.facts.pdq, hashed.facts.pdq) = (None, None);
            assert!(plain == hashed, "{at}: {hashing:?}");
        }
    }
}

#[test]
fn boxes_are_blurred_in_the_image_and_not_in_its_hash() {
    let boxes = [BoundingBox::new([0.1, 0.1, 0.9, 0.9]).unwrap()];
    for body in files() {
        let mut codec = Codec::new(hashing());
        let plain = codec.process(&body).unwrap();
        let blurred = codec.process_blurred(&body, &boxes).unwrap();
        assert_eq!(plain.facts, blurred.facts);
        assert_ne!(plain.encoded, blurred.encoded);
        let without = Codec::new(Settings::default())
            .process_blurred(&body, &boxes)
            .unwrap();
        assert!(without.encoded == blurred.encoded);
    }
}

#[test]
fn what_is_kept_and_cannot_be_decoded_has_no_hash_and_stays() {
    let settings = Settings {
        reencode: ReencodePolicy::Never,
        ..hashing()
    };
    let mut codec = Codec::new(settings);
    // Above 100 it is lossless, and its header is followed by nothing but coded data.
    let whole = file(EncodeFormat::Webp, 101, 3);
    let before = codec.process(&whole).unwrap();
    assert!(before.facts.pdq.is_some());
    let mut broken = whole.clone();
    broken[26..].fill(0xAA);
    match codec.process(&broken) {
        Ok(kept) => assert_eq!((kept.encoded, kept.facts.pdq), (Encoded::Original, None)),
        Err(error) => panic!("{error}"),
    }
    assert_eq!(codec.process(&whole).unwrap(), before);
}

#[test]
fn either_jpeg_decoder_gives_nearly_the_same_hash() {
    let hash = |jpeg_decoder| {
        let settings = Settings {
            jpeg_decoder,
            ..hashing()
        };
        let body = file(EncodeFormat::Jpg, 90, 3);
        Codec::new(settings)
            .process(&body)
            .unwrap()
            .facts
            .pdq
            .unwrap()
    };
    let (turbo, zune) = (hash(JpegDecoder::Turbo), hash(JpegDecoder::Zune));
    let pairs = turbo.hash.iter().zip(zune.hash);
    let distance: u32 = pairs.map(|(one, other)| (one ^ other).count_ones()).sum();
    assert!(distance <= 10, "{distance}");
}
