//! Owns the processing of one body: hash, comparison with the list's hash, decode to encode, EXIF. Pure: bytes
//! in, a sample or a failure out.

use std::io;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use turbo2ds_codec::{BoundingBox, CodecError, Encoded, Format, ImageFacts, Pdq, Settings, sniff};
use turbo2ds_writers::SampleFacts;

use super::decode_budget::DecodeBudget;
use super::pool::Finished;
use crate::config::HashKind;
use crate::config::Isolation;
use crate::dataset::digest::hex_digest;
use crate::dataset::redact::Redactions;
use crate::failure::Failure;
use crate::pixels::isolate::Decoder;

/// The processing that a run applies to every image.
pub struct ImageWork {
    settings: Settings,
    isolation: Option<Isolation>,
    extract_exif: bool,
    hash: Option<HashKind>,
    /// Whether an image whose bytes are kept is named with its own format's extension.
    true_extension: bool,
    redactions: Arc<Redactions>,
    budget: DecodeBudget,
    /// Whether the warning about missing decoding processes has been logged.
    warned: AtomicBool,
}

impl ImageWork {
    /// Creates the processing for a run. Decode memory is limited only per image; see [`Self::within`].
    pub fn new(
        settings: Settings,
        isolation: Option<Isolation>,
        extract_exif: bool,
        hash: Option<HashKind>,
    ) -> Self {
        Self {
            settings,
            isolation,
            extract_exif,
            hash,
            true_extension: false,
            redactions: Arc::default(),
            budget: DecodeBudget::new(u64::MAX),
            warned: AtomicBool::new(false),
        }
    }

    /// Sets whether an image whose bytes are kept is named with its own format's extension.
    #[must_use]
    pub fn naming(mut self, true_extension: bool) -> Self {
        self.true_extension = true_extension;
        self
    }

    /// Sets what may not be in the dataset.
    #[must_use]
    pub(crate) fn without(mut self, redactions: Arc<Redactions>) -> Self {
        self.redactions = redactions;
        self
    }

    /// Caps decode memory across threads at `bytes`; a larger image is decoded alone.
    #[must_use]
    pub fn within(mut self, bytes: usize) -> Self {
        self.budget = DecodeBudget::new(bytes as u64);
        self
    }

    /// Creates a decoder for one thread.
    ///
    /// # Errors
    /// The system's error if isolation is required and no decoding process can be started.
    pub fn decoder(&self) -> io::Result<Decoder> {
        let settings = self.settings.clone();
        match &self.isolation {
            None => Ok(Decoder::here(settings)),
            Some(isolation) => match Decoder::apart(settings.clone(), isolation.body_bytes_max) {
                Err(error) if !isolation.required => {
                    if !self.warned.swap(true, Ordering::Relaxed) {
                        tracing::warn!(%error, "no decoding processes here: images are decoded in the run");
                    }
                    Ok(Decoder::here(settings))
                }
                apart => apart,
            },
        }
    }

    /// Turns one body into a sample.
    ///
    /// # Errors
    /// The image's failure, including [`Failure::HashMismatch`] and [`Failure::Redacted`].
    pub fn process(
        &self,
        decoder: &mut Decoder,
        body: &[u8],
        boxes: &[BoundingBox],
        expected_hash: Option<&str>,
    ) -> Result<Finished, Failure> {
        let hash = self.hash.map(|kind| hex_digest(kind, body));
        if let (Some(expected), Some(found)) = (expected_hash, &hash)
            && !expected.trim().eq_ignore_ascii_case(found)
        {
            return Err(Failure::HashMismatch);
        }
        if let (Some(kind), Some(found)) = (self.hash, &hash)
            && self.redactions.has_body(kind, found)
        {
            return Err(Failure::Redacted);
        }
        let processed = decoder.process(body, boxes, |bytes| self.budget.take(bytes))?;
        let exif = if self.extract_exif {
            exif_of(body)
        } else {
            None
        };
        let kept = processed.encoded == Encoded::Original;
        let image_ext = (kept && self.true_extension)
            .then(|| sniff(body).map(Format::extension))
            .flatten();
        // Destructured without `..`, so that a new field of the codec's facts cannot be forgotten.
        let ImageFacts {
            width,
            height,
            original_width,
            original_height,
            pdq,
        } = processed.facts;
        let facts = SampleFacts {
            width,
            height,
            original_width,
            original_height,
            exif,
            hash,
            pdq: pdq.as_ref().map(Pdq::hex),
            pdq_quality: pdq.map(|pdq| pdq.quality.into()),
            image_ext,
        };
        let new_bytes = match processed.encoded {
            Encoded::Original => None,
            Encoded::New(bytes) => Some(bytes),
        };
        Ok(Finished { new_bytes, facts })
    }
}

/// EXIF as text. A panic of the parser counts as broken EXIF; the image is kept.
fn exif_of(body: &[u8]) -> Option<String> {
    catch_unwind(|| turbo2ds_codec::exif_json(body)).unwrap_or(None)
}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Empty => Self::EmptyBody,
            CodecError::UnsupportedFormat => Self::UnsupportedImageFormat,
            CodecError::Decode => Self::ImageDecoding,
            CodecError::TooSmall => Self::ImageTooSmall,
            CodecError::AreaTooLarge => Self::ImageAreaTooLarge,
            CodecError::AspectRatioTooLarge => Self::AspectRatioTooLarge,
            CodecError::DimensionsTooLarge => Self::ImageDimensionsTooLarge,
            CodecError::TooComplex => Self::ImageTooComplex,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(given: &str) -> Result<Finished, Failure> {
        let settings = Settings {
            reencode: turbo2ds_codec::ReencodePolicy::Never,
            ..Settings::default()
        };
        let work = ImageWork::new(settings.clone(), None, false, Some(HashKind::Md5));
        let mut decoder = work.decoder().expect("a decoder of this process");
        work.process(&mut decoder, GIF, &[], Some(given))
    }

    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b";

    #[test]
    fn a_hash_fits_in_either_case_and_with_space_around_it() {
        let hash = hex_digest(HashKind::Md5, GIF);
        for given in [
            hash.clone(),
            hash.to_uppercase(),
            format!(" {hash}\r\n"),
            format!("\t{}\u{a0}", hash.to_uppercase()),
        ] {
            assert!(verified(&given).is_ok(), "{given:?}");
        }
    }

    #[test]
    fn an_empty_hash_or_another_is_a_mismatch() {
        let hash = hex_digest(HashKind::Md5, GIF);
        for given in [
            "",
            " ",
            "None",
            &hash[1..],
            &format!("{hash}0"),
            &hash.replace('a', "b"),
        ] {
            assert!(
                matches!(verified(given), Err(Failure::HashMismatch)),
                "{given:?}"
            );
        }
    }

    #[test]
    fn only_kept_bytes_are_named_for_their_format_and_only_where_it_is_asked_for() {
        let named = |reencode, asked| {
            let settings = Settings {
                reencode,
                ..Settings::default()
            };
            let work = ImageWork::new(settings, None, false, None).naming(asked);
            let mut decoder = work.decoder().expect("a decoder of this process");
            let finished = work.process(&mut decoder, GIF, &[], None);
            finished.expect("an image").facts.image_ext
        };
        use turbo2ds_codec::ReencodePolicy::{Always, Never};
        assert_eq!(named(Never, true), Some("gif"));
        assert_eq!(named(Never, false), None);
        assert_eq!(named(Always, true), None);
    }
}
