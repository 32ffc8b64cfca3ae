//! Owns everything that `turbo2ds doctor` knows about the machine, read once. The checks see only this,
//! so a test can give them any machine. Never judges a fact.
//!
//! [`kernel`] reads files below a root, [`process`] examines the process itself, [`output_folder`] tries the
//! output folder, [`store`] an output folder in a store ([`store_trial`] is the trial itself), and
//! [`name_servers`] queries the name servers.

mod kernel;
mod name_servers;
mod output_folder;
mod process;
mod store;
mod store_trial;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Location, StorageConfig};
use crate::error::Error;
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
pub(super) use store::{Ask, Store};
pub(super) use store_trial::TRIAL_BYTES;

/// The facts about the machine.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) kernel: Kernel,
    pub(super) process: Process,
    /// `None` if no folder was given, or one in a store.
    pub(super) folder: Option<(PathBuf, io::Result<Folder>)>,
    /// `None` if no folder in a store was given.
    pub(super) store: Option<Store>,
    pub(super) names: Names,
}

impl Facts {
    /// Reads the remaining facts; `tree` is the root of /etc, and `cores` the number that a run would
    /// pin.
    ///
    /// # Errors
    /// `Usage` if an option for the store is unknown or has no such value.
    pub(super) fn read(
        tree: &SystemFiles,
        kernel: Kernel,
        cores: u64,
        (output, storage): (Option<Location>, &StorageConfig),
        dns_servers: &[SocketAddr],
        question: Question,
    ) -> Result<Self, Error> {
        let (folder, store) = match output {
            Some(Location::Local(path)) => (Some(path), None),
            Some(Location::Remote(url)) => (None, Some(Store::read(&url, storage)?)),
            None => (None, None),
        };
        Ok(Self {
            process: Process::read(cores),
            kernel,
            folder: folder.map(|path| {
                let read = Folder::read(&path);
                (path, read)
            }),
            store,
            names: Names::read(tree, dns_servers, question),
        })
    }
}
