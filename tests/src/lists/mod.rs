//! Small URL lists from seeds, in every form that a list may have and many that it may not, with what the
//! generator knows of each: its true rows, or that it is to be refused.
//!
//! [`make`](make()) draws one. [`table`] is what a list says, [`delimited`], [`lines`], [`json`] and
//! [`stored`] write it down, [`wrap`] encodes, compresses and cuts it short, [`name`] gives it a name and a
//! format, [`foreign`] has what no list is. [`truth`] holds what must come of it, and [`judge`] a run's
//! outcome against that. All URLs are on loopback, which a run does not ask unless it is allowed to:
//! nothing here needs a network. Never looks into the engine.

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
