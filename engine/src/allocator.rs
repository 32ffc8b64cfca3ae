//! Owns the choice of the allocator that programs built on the engine install. Never installs it: a
//! library leaves that to its program, and tests under a sanitizer need the system's.
//!
//! Names, rows and connections live from milliseconds to the whole run, and are given back by other
//! threads than took them. In glibc's heaps they leave holes that grow with the list: 18 million rows
//! took 137 MB at the first million and 160 MB at the end, here 108 MB and no more, at the same CPU time.

pub use tikv_jemallocator::Jemalloc as Allocator;
