//! Owns everything `turbo2ds doctor` knows about the machine, read once. The checks see only this, so
//! a test can give them any machine.
//!
//! [`kernel`] reads files below a root, [`process`] asks about the process itself,
//! [`folder`] tries the output folder, [`names`] asks the name servers.

mod folder;
mod kernel;
mod names;
mod process;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::machine::Tree;

pub(super) use folder::{Folder, Trial};
#[cfg(test)]
pub(super) use kernel::Link;
pub(super) use kernel::{Conntrack, Kernel};
pub use names::Question;
pub(super) use names::{Heard, Names};
#[cfg(test)]
pub(super) use process::Rings;
pub(super) use process::{Process, usable_cores};

/// The machine.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) kernel: Kernel,
    pub(super) process: Process,
    /// `None` where no folder was asked about.
    pub(super) folder: Option<(PathBuf, io::Result<Folder>)>,
    pub(super) names: Names,
}

impl Facts {
    /// Reads the machine behind its kernel's files; `tree` is where /etc is, `cores` how many a run
    /// would pin.
    pub(super) fn read(
        tree: &Tree,
        kernel: Kernel,
        cores: u64,
        folder: Option<&Path>,
        dns_servers: &[SocketAddr],
        question: Question,
    ) -> Self {
        Self {
            process: Process::read(cores),
            kernel,
            folder: folder.map(|path| (path.to_owned(), Folder::read(path))),
            names: Names::read(tree, dns_servers, question),
        }
    }
}
