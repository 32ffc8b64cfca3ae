//! What fuzzing asks of turbo2ds: a module for each target, whose `run` takes one input, says what must
//! hold of it, and panics where it does not. `targets/` hands these to libFuzzer; `tests/tests/fuzz.rs` runs
//! them over the seeds on any toolchain. Never depends on libFuzzer.

pub mod chunked;
pub mod dns_answer;
pub mod dns_machine;
pub mod fields;
pub mod http_head;
pub mod image_header;
pub mod read_back;
pub mod rows;
pub mod shared;
pub mod url;

// As the resolver's reader names itself.
#[allow(unused_imports)]
use dns_answer::recursive;
