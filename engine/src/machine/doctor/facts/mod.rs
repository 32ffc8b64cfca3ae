//! Owns everything that `turbo2ds doctor` knows about the machine, read once. The checks see only this,
//! so a test can give them any machine. Never judges a fact.
//!
//! [`kernel`] reads files below a root, [`process`] examines the process itself, [`output_folder`] tries the
//! output folder, and [`name_servers`] queries the name servers.

mod kernel;
mod name_servers;
mod output_folder;
mod process;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::machine::SystemFiles;

#[cfg(test)]
pub(super) use kernel::Link;
pub(super) use kernel::{Conntrack, Kernel};
pub use name_servers::Question;
pub(super) use name_servers::{Heard, Names};
pub(super) use output_folder::{Folder, Trial};
#[cfg(test)]
pub(super) use process::Rings;
pub(super) use process::{Process, usable_cores};

/// The facts about the machine.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) kernel: Kernel,
    pub(super) process: Process,
    /// `None` if no folder was given.
    pub(super) folder: Option<(PathBuf, io::Result<Folder>)>,
    pub(super) names: Names,
}

impl Facts {
    /// Reads the remaining facts; `tree` is the root of /etc, and `cores` the number that a run would
    /// pin.
    pub(super) fn read(
        tree: &SystemFiles,
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
