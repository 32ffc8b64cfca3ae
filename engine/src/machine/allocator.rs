//! Owns the choice of the allocator that programs built on the engine install. Never installs it: a
//! library leaves that to its program, and tests under a sanitizer need the system's.
//!
//! Names, rows and connections live from milliseconds to the whole run, and are given back by other
//! threads than took them. In glibc's heaps they leave holes that grow with the list: 18 million rows
//! took 137 MB after the first million and 160 MB at the end, here 104 to 112 MB throughout, at the same
//! CPU time.

pub use tikv_jemallocator::Jemalloc as Allocator;
