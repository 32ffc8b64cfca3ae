//! `turbo2ds doctor` and `turbo2ds tune`: what a machine should have for long runs, and whether this
//! one has it.
//!
//! [`profile`] is the arithmetic of a machine class, [`settings`] the one source of every value with
//! its unit and reason, [`tune`] prints it as files; [`facts`] reads this machine, [`checks`] holds it
//! against the profile, [`finding`] tells. Never changes the machine, and contacts nobody but the
//! configured name servers.

mod checks;
mod facts;
mod finding;
mod profile;
mod settings;
mod tune;

use std::net::SocketAddr;
use std::path::PathBuf;

use facts::{Facts, Kernel, usable_cores};
use finding::Report;

use crate::machine::{Tree, cores_paid_for};

pub use facts::Question;
pub use profile::Profile;
pub use tune::Sheet;

/// Gb/s that a link is taken for whose driver does not tell.
const LINK_UNKNOWN_GBIT: u64 = 10;

/// What `turbo2ds doctor` is asked.
#[derive(Clone, Debug, Default)]
pub struct DoctorOptions {
    /// The class to hold the machine against; `None` measures it.
    pub profile: Option<Profile>,
    /// Folder of a dataset to come.
    pub output_folder: Option<PathBuf>,
    /// Cores that the run would pin; `None` is all.
    pub cores: Option<u64>,
    /// Servers instead of resolv.conf's.
    pub dns_servers: Vec<SocketAddr>,
    /// What they are asked.
    pub question: Question,
    /// One JSON object instead of a table.
    pub json: bool,
    /// A warning is a failure.
    pub strict: bool,
}

/// What `turbo2ds tune` is asked.
#[derive(Clone, Debug, Default)]
pub struct TuneOptions {
    /// The class; `None` measures this machine.
    pub profile: Option<Profile>,
    /// What to print; empty is every file.
    pub sheets: Vec<Sheet>,
}

/// Examines this machine. Gives the text for standard output and the exit code: 0, or 1 where
/// something would stop or badly hurt a run.
pub fn examine(options: DoctorOptions) -> (String, u8) {
    let tree = Tree::at("/");
    let DoctorOptions {
        profile,
        output_folder,
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
    let folder = output_folder.as_deref();
    let facts = Facts::read(&tree, kernel, usable, folder, &dns_servers, question);
    let against = profile.unwrap_or_else(|| sized(usable, &facts.kernel));
    let findings = checks::all(&facts, against, usable);
    let report = Report::new(against, profile.is_some(), strict, findings);
    let text = if json { report.json() } else { report.table() };
    (text, report.exit_code)
}

/// The files of a profile.
pub fn tune(options: &TuneOptions) -> String {
    let measured = || sized(usable_cores(), &Kernel::read(&Tree::at("/")));
    let profile = options.profile.unwrap_or_else(measured);
    tune::print(profile, &options.sheets)
}

/// The profile of this machine's own size.
fn sized(cores: u64, kernel: &Kernel) -> Profile {
    let link = kernel.link.as_ref().and_then(|link| link.gbit);
    Profile::new(cores, link.unwrap_or(LINK_UNKNOWN_GBIT))
}
