//! Owns generating small URL lists from seeds, in every valid form and many invalid ones, with what the
//! generator knows about each: its true rows, or that it must be refused.
//!
//! [`make`](make()) generates one. [`table`] is the content of a list; [`delimited`], [`lines`],
//! [`json`] and [`stored`] write it; [`wrap`] encodes, compresses and truncates it; [`name`] chooses a
//! name and a format; [`foreign`] has files that are not lists. [`truth`] is the expected result, and
//! [`judge`] compares the outcome of a run with it. All URLs are on loopback, where a run does not
//! connect unless it is allowed to, so no network is needed. Never uses the engine's internals.

mod delimited;
mod foreign;
mod json;
pub mod judge;
mod lines;
mod make;
mod name;
mod stored;
mod table;
pub mod truth;
mod wrap;

use std::ffi::OsString;

pub use make::make;
use truth::Truth;

/// A file by its path below the folder that a list is tried in.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path.
    pub path: OsString,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// One list, the command over it, and what must come of it.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it was drawn from.
    pub seed: u64,
    /// The files of the list, files of others beside them, and what the output folder holds already.
    pub files: Vec<File>,
    /// What the command is given as its list, below the folder.
    pub list: OsString,
    /// The output folder, below the folder.
    pub output: &'static str,
    /// Further options and their values.
    pub options: Vec<String>,
    /// What must come of it.
    pub truth: Truth,
    /// What is particular about it, for counting what fails.
    pub kinds: Vec<&'static str>,
}
