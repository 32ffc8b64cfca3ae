//! Owns the memory that direct I/O writes from: blocks aligned for O_DIRECT.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use monoio::buf::IoBuf;

/// Bytes of one write.
pub(super) const BLOCK_BYTES: usize = 1024 * 1024;
/// Alignment of memory, offset and length that every device accepts.
pub const ALIGN_BYTES: usize = 4096;

const LAYOUT: Layout = match Layout::from_size_align(BLOCK_BYTES, ALIGN_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!("the block's size and alignment are constants that fit"),
};

/// A block being filled, then written. `len` bytes are initialised.
pub(super) struct Block {
    memory: NonNull<u8>,
    len: usize,
}

#[allow(unsafe_code)]
impl Block {
    /// An empty block.
    pub(super) fn new() -> Self {
        // SAFETY: LAYOUT has a size above zero.
        let memory = unsafe { alloc(LAYOUT) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(LAYOUT));
        Self { memory, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends as much of `bytes` as fits and gives the rest.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = bytes.len().min(BLOCK_BYTES - self.len);
        // SAFETY: `len + count <= BLOCK_BYTES`, the allocation's size, and `bytes` is another
        // object's memory, so the two do not overlap.
        unsafe {
            self.memory
                .as_ptr()
                .add(self.len)
                .copy_from_nonoverlapping(bytes.as_ptr(), count);
        }
        self.len += count;
        &bytes[count..]
    }

    /// Fills with zeroes up to the next multiple of the alignment.
    pub(super) fn pad(&mut self) {
        let padded = self.len.next_multiple_of(ALIGN_BYTES);
        // SAFETY: BLOCK_BYTES is a multiple of ALIGN_BYTES, so `padded` is within the allocation.
        unsafe {
            self.memory
                .as_ptr()
                .add(self.len)
                .write_bytes(0, padded - self.len);
        }
        self.len = padded;
    }
}

impl Drop for Block {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: `memory` came from `alloc` with the same layout and is freed once.
        unsafe { dealloc(self.memory.as_ptr(), LAYOUT) };
    }
}

// SAFETY: the memory belongs to the block alone and stays in place when the block is moved; the
// first `len` bytes are initialised.
#[allow(unsafe_code)]
unsafe impl IoBuf for Block {
    fn read_ptr(&self) -> *const u8 {
        self.memory.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_what_fits_and_pads_to_the_alignment() {
        let mut block = Block::new();
        assert!(block.fill(&[7; 5000]).is_empty());
        block.pad();
        assert_eq!(block.len(), 8192);
        let rest = block.fill(&vec![1; BLOCK_BYTES]).len();
        assert_eq!(rest, 8192);
        assert_eq!(block.read_ptr() as usize % ALIGN_BYTES, 0);
    }
}
