//! Owns the memory shared by a run and its decoding process: a body one way, an image back. The process may be
//! hostile: the run copies its bytes out before it reads them, and keeps no reference into the memory beyond a
//! call. Never interprets the bytes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

/// Bytes of each part that stay allocated after an image; pages beyond are returned to the system.
const KEPT_BYTES: usize = 4 << 20;
/// If the address space is limited, one mapping takes at most 1/16 of it.
const ADDRESS_PARTS: u64 = 16;
const PAGE: usize = 4096;

/// A mapping of both parts; the body's comes first.
pub(super) struct Memory {
    /// The memfd; only the run's side keeps it.
    file: Option<OwnedFd>,
    base: NonNull<u8>,
    body_room: usize,
    encoded_room: usize,
}

// SAFETY: `base` comes only from `map` and never leaves the value, and a mapping belongs to the process, not to
// a thread.
#[allow(unsafe_code)]
unsafe impl Send for Memory {}

impl Memory {
    /// Creates the memory; pages are allocated when they are first written.
    pub(super) fn new(body_room: usize, encoded_room: usize) -> io::Result<Self> {
        let file = memfd_create("turbo2ds-images", MemfdFlags::CLOEXEC)?;
        let body_room = body_room.next_multiple_of(PAGE);
        let encoded_room = encoded_room.next_multiple_of(PAGE);
        let limit = getrlimit(Resource::As).current;
        if limit.is_some_and(|limit| (body_room + encoded_room) as u64 > limit / ADDRESS_PARTS) {
            return Err(io::Error::other(
                "the limit on address space leaves no room",
            ));
        }
        ftruncate(&file, (body_room + encoded_room) as u64)?;
        let mut memory = Self::map(file.as_fd(), body_room, encoded_room)?;
        memory.file = Some(file);
        Ok(memory)
    }

    /// Maps the memory on the other side; `size` is the run's [`Self::size`]. The descriptor may be closed
    /// afterwards.
    pub(super) fn open(file: BorrowedFd<'_>, size: Size) -> io::Result<Self> {
        if fstat(file)?.st_size as u64 != size.bytes() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Self::map(file, size.body_room, size.encoded_room)
    }

    #[allow(unsafe_code)]
    fn map(file: BorrowedFd<'_>, body_room: usize, encoded_room: usize) -> io::Result<Self> {
        let length = body_room + encoded_room;
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: without MAP_FIXED and with a null address, the kernel picks an unmapped range.
        let base = unsafe { mmap(ptr::null_mut(), length, protection, flags, file, 0) }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            file: None,
            base,
            body_room,
            encoded_room,
        })
    }

    /// A descriptor for the other side.
    ///
    /// # Errors
    /// The system's error if no descriptor is free; `Unsupported` on the other side.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        file.try_clone()
    }

    pub(super) const fn size(&self) -> Size {
        Size {
            body_room: self.body_room,
            encoded_room: self.encoded_room,
        }
    }

    /// Copies a body into the memory; returns false if it is larger than its part.
    #[allow(unsafe_code)]
    pub(super) fn put_body(&mut self, body: &[u8]) -> bool {
        if body.len() > self.body_room {
            return false;
        }
        // SAFETY: `map` mapped `body_room` bytes at `base`, and the check above ensures that the body fits. No
        // slice into the mapping exists: it would borrow `self`, which is borrowed mutably here.
        unsafe {
            self.base
                .copy_from_nonoverlapping(NonNull::from(body).cast(), body.len());
        }
        true
    }

    /// The body in place, for the decoding process, which trusts the run: the run changes it only after the
    /// process has replied.
    #[allow(unsafe_code)]
    pub(super) fn body(&self, bytes: usize) -> Option<&[u8]> {
        let fits = bytes <= self.body_room;
        // SAFETY: `map` mapped `body_room` bytes at `base`, and `fits` is checked. Nothing writes while the
        // slice lives: in this process that takes `&mut self`, and the run calls `put_body` only after the
        // reply, which `Server::run` sends after `Server::process` has returned and dropped the slice.
        fits.then(|| unsafe { std::slice::from_raw_parts(self.base.as_ptr(), bytes) })
    }

    /// Copies an image into the memory; returns false if it is larger than its part.
    #[allow(unsafe_code)]
    pub(super) fn put_encoded(&mut self, encoded: &[u8]) -> bool {
        if encoded.len() > self.encoded_room {
            return false;
        }
        // SAFETY: `map` mapped `encoded_room` bytes after the body's part, and the check above ensures that the
        // image fits. No slice into the mapping exists: it would borrow `self`, which is borrowed mutably here.
        unsafe {
            self.base
                .add(self.body_room)
                .copy_from_nonoverlapping(NonNull::from(encoded).cast(), encoded.len());
        }
        true
    }

    /// Copies the image of `bytes` bytes out; `None` if its part of the memory is smaller.
    #[allow(unsafe_code)]
    pub(super) fn take_encoded(&self, bytes: usize) -> Option<Vec<u8>> {
        if bytes > self.encoded_room {
            return None;
        }
        let mut encoded = Vec::with_capacity(bytes);
        // SAFETY: `map` mapped `encoded_room` bytes after the body's part, `bytes` is at most that, as checked
        // above, and is the vector's capacity. The other side may write meanwhile: any bytes are acceptable,
        // and no reference to them is created.
        unsafe {
            let there = self.base.as_ptr().add(self.body_room);
            ptr::copy_nonoverlapping(there, encoded.as_mut_ptr(), bytes);
            encoded.set_len(bytes);
        }
        self.forget_behind(self.body_room, bytes);
        Some(encoded)
    }

    /// Returns the pages of a large body to the system.
    pub(super) fn forget_large(&self, body_bytes: usize) {
        self.forget_behind(0, body_bytes);
    }

    fn forget_behind(&self, start: usize, bytes: usize) {
        if let Some(file) = &self.file
            && bytes > KEPT_BYTES
        {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let (offset, length) = (start + KEPT_BYTES, bytes - KEPT_BYTES);
            // If this fails, the pages stay allocated until the run ends.
            let _ = fallocate(file, flags, offset as u64, length as u64);
        }
    }
}

impl Drop for Memory {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let length = self.body_room + self.encoded_room;
        // SAFETY: `map` mapped this length at `base` for this value alone, and slices into it borrow the value,
        // which is dropped here.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), length) };
    }
}

/// The sizes of both parts, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Size {
    body_room: usize,
    encoded_room: usize,
}

impl Size {
    /// Size of both parts together, bytes.
    pub(super) fn bytes(self) -> u64 {
        self.body_room.saturating_add(self.encoded_room) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_lays_down_the_other_takes() {
        let mut run = Memory::new(10_000, 3 * KEPT_BYTES).expect("memory");
        let descriptor = run.descriptor().expect("a descriptor");
        let mut worker = Memory::open(descriptor.as_fd(), run.size()).expect("the same memory");
        assert!(run.put_body(b"body"));
        assert_eq!(worker.body(4), Some(&b"body"[..]));
        let image = vec![7; 2 * KEPT_BYTES];
        assert!(worker.put_encoded(&image));
        assert!(run.take_encoded(image.len()) == Some(image));
    }

    #[test]
    fn nothing_is_longer_than_its_room() {
        let mut memory = Memory::new(PAGE, PAGE).expect("memory");
        assert!(!memory.put_body(&[0; PAGE + 1]));
        assert!(!memory.put_encoded(&[0; PAGE + 1]));
        assert_eq!(memory.body(PAGE + 1), None);
        assert_eq!(memory.take_encoded(PAGE + 1), None);
        assert_eq!(memory.take_encoded(usize::MAX), None);
    }

    #[test]
    fn memory_of_another_size_is_refused() {
        let memory = Memory::new(PAGE, PAGE).expect("memory");
        let wrong = Size {
            body_room: PAGE,
            encoded_room: 2 * PAGE,
        };
        let descriptor = memory.descriptor().expect("a descriptor");
        assert!(Memory::open(descriptor.as_fd(), wrong).is_err());
    }
}
