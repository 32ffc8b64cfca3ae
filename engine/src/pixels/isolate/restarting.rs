//! Owns a codec that survives panics: it is replaced after each. Used in the run and in decoding processes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use turbo2ds_codec::{BoundingBox, Codec, CodecError, Processed, Settings};

/// A codec that is replaced after a panic.
pub struct RestartingCodec {
    codec: Box<Codec>,
    settings: Settings,
}

impl RestartingCodec {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            codec: Box::new(Codec::new(settings.clone())),
            settings,
        }
    }

    /// Processes one image; `reserve` is asked for its memory. `None` if the codec panicked.
    pub(super) fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        reserve: impl FnOnce(u64) -> R,
    ) -> Option<Result<Processed, CodecError>> {
        let image = || self.codec.process_within(body, boxes, reserve);
        let result = catch_unwind(AssertUnwindSafe(image)).ok();
        if result.is_none() {
            // The panic may have left the codec in an inconsistent state.
            *self.codec = Codec::new(self.settings.clone());
        }
        result
    }
}
