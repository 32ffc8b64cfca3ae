//! Owns the memory that direct I/O writes from: blocks aligned for O_DIRECT. Each thread reuses a few: the
//! allocator returns a block's pages to the kernel, and faulting them in again costs more than the write.

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

/// Free blocks that a thread keeps.
const KEPT_BLOCKS: usize = 8;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

/// Memory of dropped blocks.
struct Kept(Vec<NonNull<u8>>);

impl Kept {
    /// Keeps memory of LAYOUT; false if enough is kept.
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
            // SAFETY: LAYOUT is a constant whose size is BLOCK_BYTES, which is not zero.
            let memory = unsafe { alloc(LAYOUT) };
            NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(LAYOUT))
        });
        Self { memory, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends as much of `bytes` as fits and returns the rest.
    pub(crate) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = bytes.len().min(BLOCK_BYTES - self.len);
        // SAFETY: `count` was cut to BLOCK_BYTES - `len`, so that the end is within the allocation. `bytes`
        // is borrowed while the block is borrowed mutably, so that it is no part of it.
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
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `fill` and `pad`, which alone raise `len`, wrote the first `len` bytes; `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), self.len) }
    }

    /// Fills with zeroes up to the next multiple of the alignment.
    pub(crate) fn pad(&mut self) {
        let padded = self.len.next_multiple_of(DIRECT_IO_ALIGN_BYTES);
        // SAFETY: `len` is at most BLOCK_BYTES, a multiple of DIRECT_IO_ALIGN_BYTES, so that `padded` is at
        // most BLOCK_BYTES too, the allocation's size.
        unsafe {
            self.memory
                .as_ptr()
                .add(self.len)
                .write_bytes(0, padded - self.len);
        }
        self.len = padded;
    }
}

// SAFETY: a block owns its memory, which is the allocator's and of no thread: whoever drops it frees it or keeps
// it for blocks of its own thread.
#[allow(unsafe_code)]
unsafe impl Send for Block {}

// SAFETY: what can be done with a shared block reads it.
#[allow(unsafe_code)]
unsafe impl Sync for Block {}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
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

// SAFETY: `memory` is from `alloc`, so that it stays in place when the block is moved, and is freed or kept by
// the block's drop alone. `fill` and `pad`, which alone raise `len`, wrote the first `len` bytes.
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
