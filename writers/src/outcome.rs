//! Owns what a row of a shard ends as, and the words of its status. Never lays anything out, and knows no
//! row that has not ended.

use std::sync::Arc;

/// What a row ends as; one per input row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// Its image is in the dataset.
    Success(SampleFacts),
    /// It gave no image.
    Failure(RowFailure),
}

impl RowOutcome {
    /// The facts of a sample, or the failure.
    pub(crate) const fn as_result(&self) -> Result<&SampleFacts, &RowFailure> {
        match self {
            Self::Success(facts) => Ok(facts),
            Self::Failure(failure) => Err(failure),
        }
    }
}

/// What is known of a sample beside its key and its image's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleFacts {
    /// Width of the stored image, in pixels.
    pub width: u32,
    /// Height of the stored image, in pixels.
    pub height: u32,
    /// Width of the image as it came, in pixels.
    pub original_width: u32,
    /// Height of the image as it came, in pixels.
    pub original_height: u32,
    /// JSON object of EXIF tag names to text.
    pub exif: Option<String>,
    /// Hash of the body as it came, in lower-case hex.
    pub hash: Option<String>,
    /// Perceptual hash (PDQ) of the image as it came, in 64 lower-case hex digits.
    pub pdq: Option<String>,
    /// Quality of the perceptual hash, 0 to 100.
    pub pdq_quality: Option<u32>,
    /// Extension of the image as a member or file, where it is not the layout's.
    pub image_ext: Option<&'static str>,
}

/// Why a row gave no image. Nothing else is told of such a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFailure {
    /// How far it came.
    pub stage: Stage,
    /// The text of `error_message`.
    pub text: Arc<str>,
}

/// How far a row came that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// No usable body arrived.
    Download,
    /// A body arrived and no image came out of it, or none could: its boxes are unknown.
    Resize,
}

impl Stage {
    /// The status of such a row, which is also the name of its count in the stats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Download => "failed_to_download",
            Self::Resize => "failed_to_resize",
        }
    }
}

/// The values of the `status` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The image is in the dataset.
    Success,
    /// It is not.
    Failed(Stage),
}

impl Status {
    const ALL: [Self; 3] = [
        Self::Success,
        Self::Failed(Stage::Download),
        Self::Failed(Stage::Resize),
    ];

    /// The text img2dataset's readers know.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed(stage) => stage.as_str(),
        }
    }

    /// The status of this text; none where it is no status's.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_back_and_nothing_else_does() {
        for status in Status::ALL {
            assert_eq!(Status::read(status.as_str()), Some(status));
        }
        for text in ["", "Success", "failed", "success "] {
            assert_eq!(Status::read(text), None, "{text:?}");
        }
    }
}
