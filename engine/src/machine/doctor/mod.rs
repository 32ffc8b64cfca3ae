//! Owns `turbo2ds doctor` and `turbo2ds tune`: what a machine should have for long runs, and whether
//! this one has it.
//!
//! [`profile`] computes the needs of a machine class, [`settings`] has every value with its unit and
//! reason, and [`tune`] prints them as files. [`facts`] reads this machine, [`checks`] compares it with
//! the profile, and [`finding`] reports. Never changes the machine, and contacts only the configured
//! name servers and the store of the output folder, where it removes what it wrote.

mod checks;
mod facts;
mod finding;
mod profile;
mod settings;
mod tune;

use std::net::SocketAddr;

use facts::{Facts, Kernel, usable_cores};
use finding::Report;

use crate::config::{Location, StorageConfig};
use crate::error::Error;
use crate::machine::{SystemFiles, cores_paid_for};

pub use facts::Question;
pub use profile::Profile;
pub use tune::Sheet;

/// Assumed speed of a link whose driver does not report it, Gb/s.
const LINK_UNKNOWN_GBIT: u64 = 10;

/// Options of `turbo2ds doctor`.
#[derive(Clone, Debug, Default)]
pub struct DoctorOptions {
    /// The class to compare the machine with; `None` measures it.
    pub profile: Option<Profile>,
    /// The output folder of a future run.
    pub output_folder: Option<Location>,
    /// How its store is reached.
    pub storage: StorageConfig,
    /// Cores that a run would pin; `None` is all.
    pub cores: Option<u64>,
    /// Name servers instead of those in resolv.conf.
    pub dns_servers: Vec<SocketAddr>,
    /// The question to them.
    pub question: Question,
    /// One JSON object instead of a table.
    pub json: bool,
    /// Whether a warning counts as a failure.
    pub strict: bool,
}

/// Options of `turbo2ds tune`.
#[derive(Clone, Debug, Default)]
pub struct TuneOptions {
    /// The class; `None` measures this machine.
    pub profile: Option<Profile>,
    /// What to print; if empty, every file.
    pub sheets: Vec<Sheet>,
}

/// Examines this machine. Returns the text for standard output and the exit code: 1 if something would
/// stop or badly slow a run, otherwise 0.
///
/// # Errors
/// `Usage` if an option for the store is unknown or has no such value.
pub fn examine(options: DoctorOptions) -> Result<(String, u8), Error> {
    let tree = SystemFiles::at("/");
    let DoctorOptions {
        profile,
        output_folder,
        storage,
        cores,
        dns_servers,
        question,
        json,
        strict,
    } = options;
    let kernel = Kernel::read(&tree);
    let paid = kernel.cgroup.cpu_quota.map(cores_paid_for);
    let by_itself = usable_cores().min(paid.unwrap_or(u64::MAX));
    let usable = cores.unwrap_or(by_itself).max(1);
    let output = (output_folder, &storage);
    let facts = Facts::read(&tree, kernel, usable, output, &dns_servers, question)?;
    let against = profile.unwrap_or_else(|| measured_profile(usable, &facts.kernel));
    let findings = checks::all(&facts, against, usable);
    let report = Report::new(against, profile.is_some(), strict, findings);
    let text = if json { report.json() } else { report.table() };
    Ok((text, report.exit_code))
}

/// Prints the files of a profile.
pub fn tune(options: &TuneOptions) -> String {
    let measured = || measured_profile(usable_cores(), &Kernel::read(&SystemFiles::at("/")));
    let profile = options.profile.unwrap_or_else(measured);
    tune::print(profile, &options.sheets)
}

/// The profile that fits this machine.
fn measured_profile(cores: u64, kernel: &Kernel) -> Profile {
    let link = kernel.link.as_ref().and_then(|link| link.gbit);
    Profile::new(cores, link.unwrap_or(LINK_UNKNOWN_GBIT))
}
