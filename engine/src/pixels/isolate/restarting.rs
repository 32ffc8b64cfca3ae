//! Owns a codec and its end by a panic: another takes its place. Used in the run and in a decoding process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use turbo2ds_codec::{BoundingBox, Codec, CodecError, Processed, Settings};

/// A codec that is made anew where it panicked.
pub struct Renewed {
    codec: Box<Codec>,
    settings: Settings,
}

impl Renewed {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            codec: Box::new(Codec::new(settings.clone())),
            settings,
        }
    }

    /// One image's way through the codec, which asks `room` for memory; none where it panicked.
    pub(super) fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        room: impl FnOnce(u64) -> R,
    ) -> Option<Result<Processed, CodecError>> {
        let image = || self.codec.process_within(body, boxes, room);
        let result = catch_unwind(AssertUnwindSafe(image)).ok();
        if result.is_none() {
            // What the panic left half-done goes with the codec it happened in.
            *self.codec = Codec::new(self.settings.clone());
        }
        result
    }
}
