//! What the tests of the formats share.

use super::*;
use crate::header;
use crate::sniff::sniff;

const LIMITS: Limits = Limits {
    pixels_max: 1 << 20,
    jpeg_scans_max: 10,
};

/// The samples and channels of a file, header and limits first, as the codec does it.
pub(super) fn outcome(body: &[u8]) -> Result<(Vec<u8>, usize), CodecError> {
    let format = sniff(body).ok_or(CodecError::UnsupportedFormat)?;
    let size = header::read(format, body, &LIMITS)?;
    let mut out = Buffer::default();
    let mut decoder = Decoder::new(LIMITS, JpegDecoder::Turbo);
    let Decoded::Raster(shape) = decoder.decode(format, body, size, false, &mut out)? else {
        panic!("no planes were wanted");
    };
    assert_eq!(shape.size, size, "the header tells the decoder's size");
    Ok((out.filled(shape.bytes()).to_vec(), shape.channels))
}

/// Decodes `file` cut at every length, and with every byte changed in several ways.
pub(super) fn every_cut_and_flip_is_survived(file: &[u8]) {
    assert!(outcome(file).is_ok(), "the file itself decodes");
    for end in 0..file.len() {
        let _ = outcome(&file[..end]);
    }
    let mut changed = file.to_vec();
    for at in 0..file.len() {
        for mask in [0x01, 0x02, 0x10, 0x80, 0xFF] {
            changed[at] = file[at] ^ mask;
            let _ = outcome(&changed);
        }
        changed[at] = file[at];
    }
}
