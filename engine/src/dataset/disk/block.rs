//! Owns the memory that direct I/O writes from: blocks aligned for O_DIRECT. Each thread keeps a few
//! for its next ones: the allocator gives a block's pages back to the kernel when it goes, and to
//! have them all anew costs more than the write.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;

use monoio::buf::IoBuf;

use crate::limits::DIRECT_IO_ALIGN_BYTES;

/// Bytes of one write.
pub(crate) const BLOCK_BYTES: usize = 1024 * 1024;

const LAYOUT: Layout = match Layout::from_size_align(BLOCK_BYTES, DIRECT_IO_ALIGN_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!("the block's size and alignment are constants that fit"),
};

/// Blocks that a thread keeps: what is filled while others are written.
const KEPT_BLOCKS: usize = 8;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

/// Memory of blocks that have gone.
struct Kept(Vec<NonNull<u8>>);

impl Kept {
    /// Takes memory of LAYOUT in; false where there is enough.
    fn give(&mut self, memory: NonNull<u8>) -> bool {
        let room = self.0.len() < KEPT_BLOCKS;
        if room {
            self.0.push(memory);
        }
        room
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.drain(..).for_each(free);
    }
}

#[allow(unsafe_code)]
fn free(memory: NonNull<u8>) {
    // SAFETY: only `Block::new`'s memory comes here, which is `alloc`'s with the same layout, from a
    // block that has gone and did not give it to the kept ones, or from those at their thread's end.
    unsafe { dealloc(memory.as_ptr(), LAYOUT) };
}

/// A block being filled, then written. `len` bytes are initialised.
pub(crate) struct Block {
    memory: NonNull<u8>,
    len: usize,
}

#[allow(unsafe_code)]
impl Block {
    /// An empty block.
    pub(crate) fn new() -> Self {
        let kept = KEPT.try_with(|kept| kept.borrow_mut().0.pop());
        let memory = kept.ok().flatten().unwrap_or_else(|| {
            // SAFETY: LAYOUT has a size above zero.
            let memory = unsafe { alloc(LAYOUT) };
            NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(LAYOUT))
        });
        Self { memory, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends as much of `bytes` as fits and gives the rest.
    pub(crate) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
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

    /// What is in it.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the first `len` bytes are initialised, and are the block's alone.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), self.len) }
    }

    /// Fills with zeroes up to the next multiple of the alignment.
    pub(crate) fn pad(&mut self) {
        let padded = self.len.next_multiple_of(DIRECT_IO_ALIGN_BYTES);
        // SAFETY: BLOCK_BYTES is a multiple of DIRECT_IO_ALIGN_BYTES, so `padded` is within the allocation.
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
    fn drop(&mut self) {
        // At the thread's end there is nobody left to keep it.
        let kept = KEPT.try_with(|kept| kept.borrow_mut().give(self.memory));
        if !kept.unwrap_or(false) {
            free(self.memory);
        }
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
        assert_eq!(block.read_ptr() as usize % DIRECT_IO_ALIGN_BYTES, 0);
    }

    #[test]
    fn a_thread_keeps_some_memory_for_its_next_blocks_and_no_bytes_of_the_last() {
        let blocks: Vec<Block> = (0..KEPT_BLOCKS + 3).map(|_| Block::new()).collect();
        let places: Vec<_> = blocks.iter().map(IoBuf::read_ptr).collect();
        drop(blocks);
        assert_eq!(KEPT.with(|kept| kept.borrow().0.len()), KEPT_BLOCKS);
        let next = Block::new();
        assert!(places.contains(&next.read_ptr()));
        assert_eq!((next.len(), next.bytes_init()), (0, 0));
    }
}
