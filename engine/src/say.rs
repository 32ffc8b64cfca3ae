//! Owns the lines a person reads. A reader that went away (a closed pipe) is no reason to end a run
//! of days, so nothing here fails and nothing panics.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// A line on standard output.
pub fn out(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// A line on standard error.
pub fn err(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}
