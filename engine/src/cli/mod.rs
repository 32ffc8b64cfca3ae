//! Owns the command line: what each option is called, parsed and explained as, and what the commands do with
//! it. Nothing below knows an option's spelling.

pub mod command;
pub mod options;
mod resolve;
