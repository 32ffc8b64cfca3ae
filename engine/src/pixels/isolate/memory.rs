//! Owns the memory that a run and its decoding process both map: a body going there, an image coming
//! back. The other side may be hostile: what it wrote is copied out before it is looked at, and no
//! reference into the memory outlives a call. Never knows what the bytes mean.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

/// Bytes of either part that stay after an image: pages beyond go back to the system.
const KEPT_BYTES: usize = 4 << 20;
/// Of an address space that is limited, one mapping has at most this part.
const ADDRESS_PARTS: u64 = 16;
const PAGE: usize = 4096;

/// A mapping of both parts, the body's first.
pub(super) struct Memory {
    /// The run's side alone keeps it.
    file: Option<OwnedFd>,
    base: NonNull<u8>,
    body_room: usize,
    encoded_room: usize,
}

// SAFETY: `base` comes from `map` alone and never leaves the value, and a mapping is a process's and not a
// thread's.
#[allow(unsafe_code)]
unsafe impl Send for Memory {}

impl Memory {
    /// New memory, of which nothing is there before it is written to.
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

    /// The other side's memory, of the sizes that [`Self::size`] told. The descriptor is not needed
    /// any more then.
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
        // SAFETY: without MAP_FIXED and with a null address the kernel chooses where nothing is mapped.
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
    /// The system's, where there are no more; and on the other side itself.
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

    /// Lays a body down; false where it is larger than its part of the memory.
    #[allow(unsafe_code)]
    pub(super) fn put_body(&mut self, body: &[u8]) -> bool {
        if body.len() > self.body_room {
            return false;
        }
        // SAFETY: `map` mapped `body_room` bytes at `base`, and the body is no longer, as checked above. A
        // slice that borrows from the mapping would hold `self`, which is borrowed mutably here.
        unsafe {
            self.base
                .copy_from_nonoverlapping(NonNull::from(body).cast(), body.len());
        }
        true
    }

    /// The body as it lies there. For the side that is not distrusted: the run changes it only when
    /// this side has answered.
    #[allow(unsafe_code)]
    pub(super) fn body(&self, bytes: usize) -> Option<&[u8]> {
        let fits = bytes <= self.body_room;
        // SAFETY: `map` mapped `body_room` bytes at `base`, and `fits` was checked. Nobody writes while the
        // slice lives: here that takes `&mut self`, and the run's `put_body` waits for the reply, which
        // `Server::run` sends when `Server::process` has returned and given the slice up.
        fits.then(|| unsafe { std::slice::from_raw_parts(self.base.as_ptr(), bytes) })
    }

    /// Lays an image down; false where it is larger than its part of the memory.
    #[allow(unsafe_code)]
    pub(super) fn put_encoded(&mut self, encoded: &[u8]) -> bool {
        if encoded.len() > self.encoded_room {
            return false;
        }
        // SAFETY: `map` mapped `encoded_room` bytes behind the body's, and the image is no longer, as checked
        // above. A slice that borrows from the mapping would hold `self`, which is borrowed mutably here.
        unsafe {
            self.base
                .add(self.body_room)
                .copy_from_nonoverlapping(NonNull::from(encoded).cast(), encoded.len());
        }
        true
    }

    /// A copy of the image that lies there; none where it cannot be so long.
    #[allow(unsafe_code)]
    pub(super) fn take_encoded(&self, bytes: usize) -> Option<Vec<u8>> {
        if bytes > self.encoded_room {
            return None;
        }
        let mut encoded = Vec::with_capacity(bytes);
        // SAFETY: `map` mapped `encoded_room` bytes behind the body's, `bytes` is no more, as checked above,
        // and the vector was made with as many. The other side may write meanwhile: any bytes are an image's
        // as far as we know, and no reference to them is made.
        unsafe {
            let there = self.base.as_ptr().add(self.body_room);
            ptr::copy_nonoverlapping(there, encoded.as_mut_ptr(), bytes);
            encoded.set_len(bytes);
        }
        self.forget_behind(self.body_room, bytes);
        Some(encoded)
    }

    /// Gives back what a large body took.
    pub(super) fn forget_large(&self, body_bytes: usize) {
        self.forget_behind(0, body_bytes);
    }

    fn forget_behind(&self, start: usize, bytes: usize) {
        if let Some(file) = &self.file
            && bytes > KEPT_BYTES
        {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let (offset, length) = (start + KEPT_BYTES, bytes - KEPT_BYTES);
            // Where it fails the pages stay until the run's end.
            let _ = fallocate(file, flags, offset as u64, length as u64);
        }
    }
}

impl Drop for Memory {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let length = self.body_room + self.encoded_room;
        // SAFETY: `map` mapped this length at `base` for this value alone, and slices into it borrow the
        // value, which is dropped here.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), length) };
    }
}

/// The rooms of both parts, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Size {
    body_room: usize,
    encoded_room: usize,
}

impl Size {
    /// Both together.
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
