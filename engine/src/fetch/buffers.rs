//! Owns reusable body buffers by size class (powers of two), bounded in bytes. Never zeroes a buffer.

/// Smallest class, bytes.
const CLASS_MIN_BYTES: usize = 16 * 1024;
/// Classes: 16 KB, 32 KB … 4 MB. Larger buffers are not kept.
const CLASSES: usize = 9;

/// A pool of buffers.
pub(crate) struct Buffers {
    classes: [Vec<Vec<u8>>; CLASSES],
    kept_bytes: usize,
    kept_bytes_max: usize,
}

impl Buffers {
    /// A pool that keeps at most `kept_bytes_max`.
    pub(crate) fn new(kept_bytes_max: usize) -> Self {
        Self {
            classes: Default::default(),
            kept_bytes: 0,
            kept_bytes_max,
        }
    }

    /// An empty buffer with a capacity of at least `bytes`.
    pub(crate) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let size = bytes.next_power_of_two().max(CLASS_MIN_BYTES);
        let Some(class) = class_of(size) else {
            return Vec::with_capacity(bytes);
        };
        match self.classes[class].pop() {
            Some(buffer) => {
                self.kept_bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(size),
        }
    }

    /// Returns a buffer to the pool.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if !capacity.is_power_of_two() || self.kept_bytes + capacity > self.kept_bytes_max {
            return;
        }
        if let Some(class) = class_of(capacity) {
            buffer.clear();
            self.kept_bytes += capacity;
            self.classes[class].push(buffer);
        }
    }
}

/// The class of a power of two, if it has one.
fn class_of(size: usize) -> Option<usize> {
    let class = (size / CLASS_MIN_BYTES).checked_ilog2()? as usize;
    (class < CLASSES).then_some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_reused_within_its_class() {
        let mut buffers = Buffers::new(1 << 20);
        let mut one = buffers.take(20_000);
        one.extend_from_slice(b"used");
        let address = one.as_ptr();
        buffers.give(one);
        let two = buffers.take(30_000);
        assert_eq!(two.as_ptr(), address);
        assert!(two.is_empty());
    }

    #[test]
    fn kept_bytes_are_bounded() {
        let mut buffers = Buffers::new(40_000);
        buffers.give(Vec::with_capacity(32_768));
        buffers.give(Vec::with_capacity(32_768));
        assert_eq!(buffers.kept_bytes, 32_768);
        buffers.give(Vec::with_capacity(1 << 26));
        assert_eq!(buffers.kept_bytes, 32_768);
    }

    #[test]
    fn every_buffer_has_enough_capacity() {
        let mut buffers = Buffers::new(0);
        for bytes in [0, 1, 16_384, 16_385, 4 << 20, (4 << 20) + 1, 50 << 20] {
            assert!(buffers.take(bytes).capacity() >= bytes);
        }
    }
}
