//! Owns the choice of the allocator for programs built on the engine. Never installs it: that is up to
//! the program, and tests under a sanitizer need the system's allocator.
//!
//! Names, rows and connections live from milliseconds to the whole run, and are often freed by another
//! thread than allocated them. In glibc's heaps this fragmentation grows with the list: over 18 million
//! rows, memory grew from 137 MB after the first million to 160 MB, compared to 104 to 112 MB
//! throughout with jemalloc, at the same CPU time.

pub use tikv_jemallocator::Jemalloc as Allocator;
